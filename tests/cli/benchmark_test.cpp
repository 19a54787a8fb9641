// Speed, measured: seconds of matrix products.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/cli/child.h"

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
  const Json data = json_of({"benchmark", "data", kMicro, "--seconds", "0"});
  EXPECT_GT(data.at("images_per_second").as_real(), 0);
  EXPECT_GT(data.at("images_per_second_per_core").as_real(), 0);
  std::vector<std::string> stages;
  for (const Json& row : data.at("stages").items()) stages.push_back(row.at("stage").as_string());
  EXPECT_EQ(stages, (Words{"load", "resize", "normalise"}));
}

}  // namespace
}  // namespace swin::test
