// Swin-T, Swin V2-T and ViT-B with generated weights compute the same as the libraries. The goldens
// hold samples of every tensor (scripts/reference/make_goldens.py).
#include "layers/model.h"
#include "tests/layers/model_support.h"
#include "tests/support/golden_files.h"
#include "verify/verify.h"

namespace swin::verify {
namespace {

using namespace swin::layers;
using namespace swin::test;
using namespace swin::weights;

class LargeGoldens : public testing::TestWithParam<std::string> {};

TEST_P(LargeGoldens, LogitsFeaturesLossAndEveryGradient) {
  const ModelConfig config = config_of(GetParam());
  const std::string file = kGoldens + GetParam() + ".safetensors";
  const VerifyReport report = verify(GoldenFile(file).weights().value_or(""), file, config);
  const Model model(config, 0, false);
  const size_t stages = config.name == "vit" ? 0 : config.depths.size();
  EXPECT_EQ(report.tensors.size(), 2 + stages + model.parameters().size());
  EXPECT_EQ(report.ignored, std::vector<std::string>{});
  EXPECT_EQ(report.without_golden, std::vector<std::string>{});
  EXPECT_TRUE(report.passed);
  for (const auto& tensor : report.tensors)
    EXPECT_TRUE(tensor.passed) << tensor.name << " " << tensor.max_rel_error;
}
INSTANTIATE_TEST_SUITE_P(Published, LargeGoldens, testing::ValuesIn(cases_in("large/")),
                         [](const auto& test) { return test_name(test.param); });

TEST(LargeGoldenFiles, AreAllThere) {
  EXPECT_THAT(cases_in("large/"),
              testing::IsSupersetOf({"large/swin_tiny_224", "large/swin_tiny_200x240",
                                     "large/swin_tiny_200x240_roll_then_pad",
                                     "large/swin_v2_tiny_256_window8",
                                     "large/swin_v2_tiny_256_window16", "large/vit_base_224"}));
}

}  // namespace
}  // namespace swin::verify
