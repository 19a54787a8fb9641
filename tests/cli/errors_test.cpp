// Bad config, bad file, missing data, unwritable output: one clear line and the right exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "base/json.h"
#include "files/safetensors.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

const std::string kMicro = "configs/synthetic_micro.json";

// `swin: where: what was found, expected what; what to do`, as the only line.
void expect_refused(const Finished& result, int exit_code, const std::string& says) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_THAT(result.err, MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"));
  EXPECT_THAT(result.err, HasSubstr(says));
  EXPECT_EQ(result.out, "");
}

class Errors : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    write_text(folder_ / name, text);
    return folder_ / name;
  }
  Finished train(const std::vector<std::string>& more, const Child::Options& options = {}) const {
    return swin(Words{"train", kMicro, "--output", folder_ / "run"} + one_step() + more, options);
  }
  TemporaryDirectory folder_;
};

TEST_F(Errors, Config) {
  const std::string missing = folder_ / "none.json";
  for (const char* verb : {"train", "plan", "config", "benchmark"})
    expect_refused(swin({verb, missing}), 2, missing);
  expect_refused(swin({"config", file("cut.json", "{\"model\": {")}), 2, "cut.json:1");
  expect_refused(swin({"config", file("typo.json", "{\"modle\": {}}")}), 2, "model");
  expect_refused(swin({"config", file("type.json", "{\n\"model\": {\"embed_dim\": \"big\"}}")}), 2,
                 "type.json:2");
  expect_refused(swin({"config", file("twice.json", "{\"model\": {}, \"model\": {}}")}), 2,
                 "twice.json");
  const Finished loop = swin({"config", file("loop.json", "{\"extends\": \"loop.json\"}")});
  EXPECT_EQ(loop.exit_code, 2);
  EXPECT_THAT(loop.err, MatchesRegex("swin: [^\n]+loop.json:1[^\n]+; [^\n]+\n"));
  expect_refused(swin({"config", kMicro, "--set", "trainer.batch_siez=4"}), 2,
                 "trainer.batch_size");
  expect_refused(swin({"config", kMicro, "--set", "optimizer.lr=-1"}), 2, "optimizer.lr");
  expect_refused(swin({"config", folder_.path()}), 2, folder_.path());
}

TEST_F(Errors, MissingDataSet) {
  for (const std::string format : {"mnist", "cifar10", "image_folder"}) {
    const std::string split = format == "image_folder" ? "null" : "train";
    const Finished result =
        swin({"train", "configs/fashion_mnist_demo.json", "--output", folder_ / "run", "--set",
              "data.train.path=" + (folder_ / "none").string(), "--set",
              "data.train.format=" + format, "--set", "data.validation=null"});
    expect_refused(result, 3, folder_ / "none");
  }
  // A truncated file.
  std::filesystem::create_directories(folder_ / "cut");
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"})
    file(std::string("cut/") + name, "\0\0\x08");
  expect_refused(swin({"train", "configs/fashion_mnist_demo.json", "--output", folder_ / "run",
                       "--set", "data.train.path=" + (folder_ / "cut").string()}),
                 3, "cut/");
}

TEST_F(Errors, UnwritableOutput) {
  const std::string plain = file("plain", "a file");
  expect_refused(swin(Words{"train", kMicro, "--output", plain} + one_step()), 5, plain);
  expect_refused(swin(Words{"train", kMicro, "--output", plain + "/run"} + one_step()), 5, plain);
  expect_refused(swin(Words{"train", kMicro, "--output", "/proc/swin/run"} + one_step()), 5,
                 "/proc/swin");
  Child::Options small;
  small.file_size_limit = 8192;
  const Finished limited = train({"--quiet"}, small);
  EXPECT_EQ(limited.exit_code, 5) << limited.err;
  EXPECT_THAT(limited.err, MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"));
}

TEST_F(Errors, WeightFiles) {
  ASSERT_EQ(train({}).exit_code, 0);
  const std::string whole = read_text(folder_ / "run/last.h5");
  const std::string missing = folder_ / "none.h5", empty = file("empty.h5", ""),
                    text = file("text.h5", "no checkpoint"),
                    cut = file("cut.h5", whole.substr(0, whole.size() / 2));
  std::string damaged_text = whole;
  damaged_text[whole.size() - 1000] ^= 1;
  const std::string damaged = file("damaged.h5", damaged_text);
  for (const std::string& bad : {missing, empty, text, cut, damaged, folder_.path().string()}) {
    expect_refused(swin({"evaluate", bad}), 4, bad);
    expect_refused(swin({"predict", bad, "docs/demo_images/bag.png"}), 4, bad);
    expect_refused(swin({"inspect", bad}), 4, bad);
  }
  expect_refused(
      swin({"inspect", file("cut.safetensors", std::string("\x40\0\0\0\0\0\0\0{}", 10))}), 4,
      "cut.safetensors");
  expect_refused(
      swin(Words{"train", kMicro, "--output", folder_ / "other", "--init", damaged} + one_step()),
      4, damaged);
  expect_refused(
      swin(Words{"train", kMicro, "--output", folder_ / "other", "--resume", missing} + one_step()),
      4, missing);
  expect_refused(swin({"verify", missing, "--golden", "tests/goldens/v1_square.safetensors",
                       "--config", kMicro}),
                 4, missing);
  // A weight file of another model.
  expect_refused(swin({"verify", "tests/goldens/v1_square_window.safetensors", "--golden",
                       "tests/goldens/v1_square.safetensors", "--config", kMicro}),
                 4, "v1_square");
}

TEST_F(Errors, AnotherConfigInTheSameRun) {
  ASSERT_EQ(train({}).exit_code, 0);
  const Finished other = train({"--set", "optimizer.lr=0.5"});
  expect_refused(other, 2, "optimizer.lr");
  EXPECT_EQ(train({"--set", "optimizer.lr=0.5", "--resume", "never"}).exit_code, 0);
}

TEST_F(Errors, Images) {
  ASSERT_EQ(train({}).exit_code, 0);
  const std::string last = folder_ / "run/last.h5",
                    garbage = file("garbage.png", "\x89PNG\r\n\x1a\n and no more");
  const Finished result = swin({"predict", last, folder_ / "none.png", garbage});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err,
              MatchesRegex(
                  "swin: [^\n]*none\\.png[^\n]*, expected [^\n]+\nswin: [^\n]*garbage\\.png[^\n]*, "
                  "expected [^\n]+\n"));
  expect_refused(swin({"evaluate", last, "--data", folder_ / "no_folder"}), 3, "no_folder");
}

TEST_F(Errors, NamesWithLineEndsStayOneLine) {
  const Finished result = swin({"config", folder_ / "two\nlines.json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, MatchesRegex("swin: [^\n]+\n"));
}

}  // namespace
}  // namespace swin::test
