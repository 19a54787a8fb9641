// swin benchmark: of training and inference with profile and trace, of kernels, of the data loader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;

const std::string kMicro = "configs/synthetic_micro.json";

TEST(Benchmark, TrainingAndLoader) {
  const Json result = json_of(
      {"benchmark", kMicro, "--seconds", "0", "--batch", "4", "--threads", "1", "--profile"});
  expect_keys(result, {"images_per_second", "step_seconds", "peak_memory_bytes", "flops_per_image",
                       "gemm_gflops", "gemm_fraction", "precision", "mode", "threads", "batch_size",
                       "cpu", "profile"});
  EXPECT_EQ(result.at("mode").as_string(), "train");
  EXPECT_EQ(result.at("batch_size").as_int(), 4);
  EXPECT_NEAR(result.at("gemm_fraction").as_real(),
              result.at("images_per_second").as_real() * result.at("flops_per_image").as_real() /
                  (result.at("gemm_gflops").as_real() * 1e9),
              1e-9);
  // The model has the classes of the data, as plan's has.
  EXPECT_EQ(result.at("flops_per_image").as_real(),
            6 * json_of({"plan", kMicro}).at("macs").as_real());
  const Json data = json_of({"benchmark", "data", kMicro, "--seconds", "0"});
  EXPECT_GT(data.at("images_per_second").as_real(), 0);
  EXPECT_GT(data.at("images_per_second_per_core").as_real(), 0);
  std::vector<std::string> stages;
  for (const Json& row : data.at("stages").items()) stages.push_back(row.at("stage").as_string());
  EXPECT_EQ(stages, (Words{"load", "resize", "normalise"}));
}

// The rows of the profile, and its trace: one step, an event for each call.
TEST(Benchmark, ProfileAndTrace) {
  const TemporaryDirectory folder;
  const std::string file = folder / "trace.json";
  const Words words = {"benchmark", kMicro, "--seconds", "0", "--batch", "4", "--profile"};
  const Json result = json_of(words + Words{"--trace", file});
  EXPECT_GT(result.at("profile_step_seconds").as_real(), 0);
  std::map<std::string, int64_t> calls;
  double share = 0;
  for (const Json& row : result.at("profile").items()) {
    expect_keys(row, {"op", "calls", "macs", "forward_seconds", "backward_seconds", "forward_bytes",
                      "backward_bytes", "gflops", "gb_per_second", "share"});
    calls[row.at("op").as_string()] = row.at("calls").as_int();
    share += row.at("share").as_real();
  }
  EXPECT_GT(share, 0);
  EXPECT_GT(calls.at("linear"), 4);

  const Json trace = base::parse_json(read_text(file), file);
  std::map<std::string, int64_t> forward, backward;
  std::map<int64_t, std::string> rows;
  for (const Json& event : trace.at("traceEvents").items()) {
    if (event.at("ph").as_string() == "M") {
      rows[event.at("tid").as_int()] = event.at("args").at("name").as_string();
      continue;
    }
    EXPECT_EQ(event.at("ph").as_string(), "X");
    EXPECT_GE(event.at("ts").as_real(), 0);
    EXPECT_GE(event.at("dur").as_real(), 0);
    const std::string category = event.at("cat").as_string();
    EXPECT_EQ(rows.at(event.at("tid").as_int()), category);
    ++(category == "forward" ? forward : backward)[event.at("name").as_string()];
    expect_keys(event.at("args"), {"path", "shapes", "macs", "bytes"});
    if (event.at("name").as_string() == "window_attention") {
      EXPECT_THAT(event.at("args").at("path").as_string(), testing::HasSubstr("blocks"));
    }
  }
  EXPECT_EQ(forward, calls);   // the names are those of the ops
  EXPECT_EQ(backward, calls);  // each has a backward

  const Finished text = swin(words + Words{"--mode", "infer"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out,
              testing::ContainsRegex("OP +CALLS +FORWARD ms +BACKWARD ms +GFLOP/s +GB/s"));
  EXPECT_THAT(text.out, testing::ContainsRegex("outside of ops +[0-9]"));
}

TEST(Benchmark, ATraceThatCannotBeWrittenIsRefusedBeforeItMeasures) {
  const TemporaryDirectory folder;
  const Words words = {"benchmark", kMicro, "--seconds", "0", "--profile", "--trace"};
  for (const std::filesystem::path& file :
       {folder / "missing/trace.json", folder.path(), std::filesystem::path("/proc/trace.json")}) {
    const Finished result = swin(words + Words{file});
    EXPECT_EQ(result.exit_code, 5) << file;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, testing::StartsWith("swin: " + file.string()));
  }
  EXPECT_EQ(folder.num_entries(), 0);
}

TEST(Benchmark, KernelsOfSeveralConfigs) {
  const Words words = {"benchmark", "kernels", kMicro, kMicro, "--seconds", "0", "--batch", "4"};
  const Json result = json_of(words);
  expect_keys(result, {"cpu", "instruction_set", "threads", "mode", "gemm_gflops",
                       "memory_gb_per_second", "memory_buffer_bytes", "workloads"});
  EXPECT_GT(result.at("memory_gb_per_second").as_real(), 0);
  ASSERT_EQ(result.at("workloads").size(), 2u);
  std::vector<std::vector<std::string>> names;
  for (const Json& workload : result.at("workloads").items()) {
    expect_keys(workload, {"config", "precision", "batch_size", "step_seconds", "kernels"});
    EXPECT_EQ(workload.at("config").as_string(), kMicro);
    EXPECT_EQ(workload.at("batch_size").as_int(), 4);
    std::vector<std::string>& rows = names.emplace_back();
    for (const Json& kernel : workload.at("kernels").items()) {
      expect_keys(kernel, {"op", "shapes", "calls", "share", "forward", "backward"});
      rows.push_back(kernel.at("op").as_string() + " " + kernel.at("shapes").as_string());
      for (const char* pass : {"forward", "backward"})
        expect_keys(kernel.at(pass),
                    {"seconds", "flops", "bytes", "gflops", "gb_per_second", "roofline"});
    }
    std::sort(rows.begin(), rows.end());
    EXPECT_EQ(std::unique(rows.begin(), rows.end()), rows.end());
  }
  EXPECT_EQ(names[0], names[1]);  // but for the order, which is that of the time

  const Finished text = swin(words + Words{"--mode", "infer"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out,
              testing::ContainsRegex("product\\), [0-9.]+ GB/s \\(triad over [0-9.]+ [MG]B"));
  EXPECT_THAT(text.out, testing::ContainsRegex("window_attention +.4, "));
}

// The stages decode as training does, and skip bad files.
TEST(Benchmark, StagesAreThoseOfTheLoader) {
  const TemporaryDirectory folder;
  const std::string images = source_dir() + "/tests/data/images/";
  std::filesystem::create_directories(folder / "set/a");
  std::filesystem::copy_file(images + "rgb_420.jpg", folder / "set/a/1.jpg");  // 37 × 43
  std::filesystem::copy_file(images + "rgb_420.jpg", folder / "set/a/2.jpg");
  write_text(folder / "set/a/bad.jpg", "no image");
  const std::string config = folder / "c.json";
  write_text(config, R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                                   "num_heads": [2], "window_size": 4},
                         "data": {"train": {"format": "image_folder", "path": ")" +
                         (folder / "set").string() + R"("}}, "trainer": {"batch_size": 4},
                         "augment": {"random_erasing": 0.5}})");
  const Words words = {"benchmark", "data", config, "--seconds", "0"};
  const Json whole = json_of(words);
  EXPECT_EQ(whole.at("decoded_pixels").as_real(), 37 * 43);
  std::vector<std::string> stages;
  for (const Json& row : whole.at("stages").items()) stages.push_back(row.at("stage").as_string());
  EXPECT_EQ(stages, (Words{"read", "decode", "resize", "augment", "normalise"}));
  const Words scaled = words + Words{"--set", "augment.scaled_decode=true"};
  EXPECT_EQ(json_of(scaled).at("decoded_pixels").as_real(), 19 * 22);
  EXPECT_THAT(swin(scaled).out,
              testing::HasSubstr("decoded to 418 pixels (augment.scaled_decode)"));
  // A crop of a fiftieth of the image needs too many pixels: the whole image is decoded.
  EXPECT_EQ(json_of(scaled + Words{"--set", "augment.random_resized_crop={}"})
                .at("decoded_pixels")
                .as_real(),
            37 * 43);
  EXPECT_EQ(json_of(scaled + Words{"--set", "augment.repeats=3"}).at("decoded_pixels").as_real(),
            19 * 22);
}

}  // namespace
}  // namespace swin::test
