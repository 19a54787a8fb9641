// Converting a dialect moves, joins and splits values, and changes none.
#include <numeric>

#include "tests/weights/dialects_support.h"

namespace swin::weights {
namespace {

TEST(DialectValues, QueryKeyAndValueAreTheThirdsOfQkv) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin");
  const std::string self = "swin.encoder.layers.0.blocks.1.attention.self.";
  std::vector<float> expected;
  for (const char* part : {"query.bias", "key.bias", "value.bias"}) {
    const std::vector<float> values = values_of(at(arrays, self + part));
    expected.insert(expected.end(), values.begin(), values.end());
  }
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(values_of(*file.find("layers.0.blocks.1.attn.qkv.bias")), expected);
}

TEST(DialectValues, TorchvisionsKeyBiasIsDroppedWithANote) {
  std::vector<NamedArray> arrays = read_keys("torchvision_swin_v2");
  const std::string key = "features.3.0.attn.qkv.bias";
  std::vector<float> bias(48);
  std::iota(bias.begin(), bias.end(), 1.0f);
  at(arrays, key) = floats(key, {48}, bias);
  const WeightFile file = to_official(arrays, "file");
  const std::string block = "layers.1.blocks.0.attn.";
  EXPECT_EQ(values_of(*file.find(block + "q_bias")),
            std::vector<float>(bias.begin(), bias.begin() + 16));
  EXPECT_EQ(values_of(*file.find(block + "v_bias")),
            std::vector<float>(bias.begin() + 32, bias.end()));
  EXPECT_THAT(file.notes, ElementsAre(AllOf(HasSubstr(key), HasSubstr("keys was dropped"))));

  std::vector<NamedArray> written =
      to_dialect(file.arrays, Dialect::torchvision, config_of("swin_v2"));
  std::fill(bias.begin() + 16, bias.begin() + 32, 0.0f);
  EXPECT_EQ(values_of(at(written, key)), bias);
}

// An official file with the names of mmdetection and patch merging in the order of nn.Unfold.
std::vector<NamedArray> as_mm(const std::string& model) {
  const WeightFile file = to_official(read_keys("official_" + model), "file");
  std::vector<NamedArray> arrays;
  const auto replace = [](std::string& name, const std::string& from, const std::string& to) {
    const size_t found = name.find(from);
    if (found != std::string::npos) name.replace(found, from.size(), to);
  };
  for (NamedArray array : file.arrays) {
    std::string& name = array.name;
    const bool merging = name.find("downsample") != std::string::npos;
    if (merging && (model == "swin" || name.ends_with("reduction.weight"))) {
      const auto last = static_cast<size_t>(array.shape.back()), channels = last / 4;
      const std::vector<float> official = values_of(array);
      std::vector<float> unfolded(official.size());
      for (size_t line = 0; line < official.size() / last; ++line)
        for (size_t channel = 0; channel < channels; ++channel) {
          // nn.Unfold is row-major: (0,0), (0,1), (1,0), (1,1); the official order is column-major
          const size_t order[] = {0, 2, 1, 3};
          for (size_t p = 0; p < 4; ++p)
            unfolded[line * last + channel * 4 + p] =
                official[line * last + order[p] * channels + channel];
        }
      array = floats(name, array.shape, unfolded);
    }
    if (merging && model == "swin_v2") replace(name, "layers.0", "layers.1");
    replace(name, "layers.", "stages.");
    replace(name, ".attn.", ".attn.w_msa.");
    replace(name, "mlp.fc1", "ffn.layers.0.0");
    replace(name, "mlp.fc2", "ffn.layers.1");
    replace(name, "patch_embed.proj", "patch_embed.projection");
    name.insert(0, "backbone.");
    replace(name, "backbone.norm.", "backbone.norm1.");
    replace(name, "backbone.head.", "head.fc.");
    arrays.push_back(array);
  }
  arrays.push_back(
      index_of_windows("backbone.stages.0.blocks.0.attn.w_msa.relative_position_index", {9, 9}));
  return arrays;
}

class Mm : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, Mm, ::testing::Values("swin", "swin_v2"));

TEST_P(Mm, ClassifierBecomesTheOfficialOne) {
  const WeightFile expected = to_official(read_keys("official_" + std::string(GetParam())), "file");
  const WeightFile file = to_official(as_mm(GetParam()), "mm.pth");
  EXPECT_EQ(file.dialect, Dialect::mm);
  EXPECT_EQ(file.model, GetParam());
  EXPECT_EQ(file.kind, WeightKind::model);
  EXPECT_EQ(bits_of(file.arrays), bits_of(expected.arrays));
  ASSERT_EQ(file.skipped.size(), 1u);
  EXPECT_EQ(file.skipped[0].key, "backbone.stages.0.blocks.0.attn.w_msa.relative_position_index");
}

TEST_P(Mm, DetectorGivesItsBackbone) {
  std::vector<NamedArray> arrays = as_mm(GetParam());
  remove(arrays, "head.fc.");
  DistinctValues values;
  arrays.push_back(values.make("backbone.norm0.weight", {8}));
  arrays.push_back(values.make("backbone.norm0.bias", {8}));
  arrays.push_back(values.make("neck.fpn_convs.0.conv.weight", {4, 8, 3, 3}));
  arrays.push_back(values.make("rpn_head.rpn_cls.bias", {3}));
  const WeightFile file = to_official(arrays, "mm.pth");
  EXPECT_EQ(file.kind, WeightKind::backbone);
  EXPECT_NE(file.find("norm0.weight"), nullptr);
  EXPECT_NE(file.find("norm1.bias"), nullptr);
  EXPECT_EQ(file.find("norm.weight"), nullptr);
  std::vector<std::string> skipped;
  for (const auto& entry : file.skipped)
    if (entry.reason == "not of the backbone") skipped.push_back(entry.key);
  EXPECT_THAT(skipped, ElementsAre("neck.fpn_convs.0.conv.weight", "rpn_head.rpn_cls.bias"));
  EXPECT_NO_THROW(require_fit(file, config_of(GetParam())));
}

TEST(DialectValues, BfloatSixteenStaysWhatItIs) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin_v2");
  for (NamedArray& array : arrays) {  // the upper halves of float32 are bfloat16
    auto halves = std::make_shared<std::vector<std::byte>>();
    for (size_t i = 0; i < array.bytes.size(); i += 4)
      halves->insert(halves->end(), {array.bytes[i + 2], array.bytes[i + 3]});
    array.dtype = files::DType::bf16;
    array.bytes = *halves;
    array.owner = std::move(halves);
  }
  const WeightFile file = to_official(arrays, "file");
  EXPECT_NO_THROW(require_fit(file, config_of("swin_v2")));
  const std::vector<NamedArray> tv =
      to_dialect(file.arrays, Dialect::torchvision, config_of("swin_v2"));
  const std::vector<NamedArray> back =
      to_dialect(to_official(tv, "file").arrays, Dialect::huggingface, config_of("swin_v2"));
  EXPECT_EQ(bits_of(back), bits_of(arrays));
}

TEST(DialectValues, OfficialFileIsNotCopied) {
  const std::vector<NamedArray> arrays = read_keys("official_swin");
  const WeightFile file = to_official(arrays, "file");
  for (const NamedArray& array : file.arrays)
    EXPECT_EQ(array.bytes.data(), std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) {
                                    return a.name == array.name;
                                  })->bytes.data());
}

}  // namespace
}  // namespace swin::weights
