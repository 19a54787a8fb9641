// swin verify: generated weights, samples, and the same weights in every dialect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "files/safetensors.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using base::Json;
using testing::HasSubstr;

const std::string kGoldens = "tests/goldens/";

Words verify(const std::string& weights, const std::string& name) {
  return {"verify",    weights,
          "--golden",  kGoldens + name + ".safetensors",
          "--config",  kGoldens + name + ".json",
          "--threads", "1"};
}

TEST(CliVerify, GeneratedWeightsNeedNoFile) {
  const Finished result = swin(verify("counted:7", "vit_avg") + Words{"--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Json report = base::parse_json(result.out, "stdout");
  EXPECT_TRUE(report.at("passed").as_bool());
  EXPECT_EQ(report.at("without_golden").size(), 0u);
  EXPECT_GT(report.at("tensors").size(), 30u);
  EXPECT_THAT(swin(verify("counted:7", "vit_avg")).out, HasSubstr("all agree"));
}

// A golden records "counted:SEED".
std::string weights_of(const std::string& name) {
  const files::SafetensorsFile golden(source_dir() + "/" + kGoldens + name + ".safetensors");
  return base::parse_json(golden.metadata().at(0).second, name).at("weights").as_string();
}

TEST(CliVerify, BackbonesAndSimMimToo) {
  for (const std::string name : {"backbone", "simmim", "simmim_v2"}) {
    const Finished result = swin(verify(weights_of(name), name));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("all agree")) << name;
  }
}

TEST(CliVerify, OtherSeedsAreRefused) {
  const Finished other = swin(verify("counted:8", "vit_avg"));
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.err, HasSubstr("counted:7, expected one of counted:8"));
  EXPECT_EQ(swin(verify("counted:x", "vit_avg")).exit_code, 2);
  const Finished file = swin(verify("counted:7", "v1_square"));
  EXPECT_EQ(file.exit_code, 4);
  EXPECT_THAT(file.err, HasSubstr("give v1_square_window.safetensors instead of counted:7"));
  const Finished unnamed = swin(verify("counted:7", "v1_resized"));
  EXPECT_EQ(unnamed.exit_code, 8);
  EXPECT_THAT(unnamed.err, HasSubstr("does not say that its weights are generated"));
  EXPECT_EQ(swin({"verify", "counted:7", "--golden", kGoldens + "vit_avg.safetensors"}).exit_code,
            2);
}

TEST(CliVerify, WeightsAloneNeedAConfig) {
  const Finished result = swin({"verify", kGoldens + "v1_square_window.safetensors", "--golden",
                                kGoldens + "v1_square.safetensors"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("found weights without a config, expected one"));
  EXPECT_THAT(result.err, HasSubstr("--config"));
}

// Weights converted to another library's names and back compute the same.
TEST(CliVerify, EveryDialectComputesTheSame) {
  const struct {
    std::string weights, golden;
  } cases[] = {{"v1_square_window", "v1_square"}, {"v2_clamped_weights", "v2_clamped"}};
  const TemporaryDirectory folder;
  for (const auto& c : cases)
    for (const std::string dialect : {"official", "timm", "torchvision", "huggingface"}) {
      const std::string there = folder / (c.weights + "." + dialect + ".safetensors");
      const Finished converted =
          swin({"convert", kGoldens + c.weights + ".safetensors", there, "--dialect", dialect,
                "--config", kGoldens + c.golden + ".json"});
      ASSERT_EQ(converted.exit_code, 0) << converted.err;
      const Finished result = swin(verify(there, c.golden));
      EXPECT_EQ(result.exit_code, 0) << dialect << ": " << result.err << result.out;
    }
}

TEST(CliVerify, ACheckpointBringsItsConfig) {
  const TemporaryDirectory folder;
  const std::string checkpoint = folder / "weights.h5";
  ASSERT_EQ(swin({"convert", kGoldens + "v2_clamped_weights.safetensors", checkpoint, "--config",
                  kGoldens + "v2_clamped.json"})
                .exit_code,
            0);
  const Finished result =
      swin({"verify", checkpoint, "--golden", kGoldens + "v2_clamped.safetensors"});
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
}

}  // namespace
}  // namespace swin::test
