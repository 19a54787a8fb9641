// Files that torch.save wrote (scripts/reference/make_torch_files.py): their tensors, the set of
// weights that is chosen, and memory.
#include "files/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "base/errors.h"
#include "files/mapped_file.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"
#include "tests/files/torch_samples.h"
#include "tests/support/heap_meter.h"

namespace swin::files {
namespace {

using testing::code_of;
using testing::dict_of;
using ::testing::ElementsAre;
using testing::find;
using testing::floats;
using ::testing::HasSubstr;
using testing::legacy_of;
using testing::pth_of;
using testing::raw;
using testing::sample;
using testing::span_of;
using testing::values;

TEST(TorchFile, ReadsStateDicts) {
  struct Case {
    const char* name;
    DType dtype;
    TorchFile::Form form;
  };
  const Case cases[] = {{"plain.pth", DType::f32, TorchFile::Form::zip},
                        {"protocol4.pth", DType::f32, TorchFile::Form::zip},
                        {"half.pth", DType::f16, TorchFile::Form::zip},
                        {"bfloat16.pth", DType::bf16, TorchFile::Form::zip},
                        {"legacy.pth", DType::f32, TorchFile::Form::legacy}};
  for (const Case& row : cases) {
    const TorchFile file(sample(row.name));
    EXPECT_EQ(file.form(), row.form) << row.name;
    EXPECT_EQ(file.key(), "");
    EXPECT_THAT(file.ignored(), ElementsAre());
    ASSERT_EQ(file.arrays().size(), 3u);
    EXPECT_EQ(file.arrays()[0].name, "norm.weight");
    EXPECT_EQ(file.arrays()[0].dtype, row.dtype);
    EXPECT_THAT(file.arrays()[0].shape, ElementsAre(3));
    EXPECT_THAT(values(file, "norm.weight"), ElementsAre(0, 1, 2));
    EXPECT_THAT(find(file, "head.weight").shape, ElementsAre(2, 3));
    EXPECT_THAT(values(file, "head.weight"), ElementsAre(-1, -0.75, -0.5, -0.25, 0, 0.25));
    EXPECT_EQ(find(file, "norm.num_batches_tracked").dtype, DType::i64);
    EXPECT_THAT(find(file, "norm.num_batches_tracked").shape, ElementsAre());
    EXPECT_THAT(values(file, "norm.num_batches_tracked"), ElementsAre(7));
  }
}

TEST(TorchFile, ReadsEveryType) {
  const TorchFile file(sample("types.pth"));
  const std::pair<const char*, DType> types[] = {
      {"float32", DType::f32},   {"float64", DType::f64}, {"float16", DType::f16},
      {"bfloat16", DType::bf16}, {"int64", DType::i64},   {"int32", DType::i32},
      {"int16", DType::i16},     {"int8", DType::i8},     {"uint8", DType::u8}};
  for (const auto& [name, dtype] : types) {
    EXPECT_EQ(find(file, name).dtype, dtype);
    EXPECT_THAT(values(file, name), ElementsAre(0, 1, 2, 100)) << name;
  }
  EXPECT_EQ(find(file, "bool").dtype, DType::boolean);
  EXPECT_THAT(values(file, "bool"), ElementsAre(0, 1, 1, 1));
}

TEST(TorchFile, MakesStridedTensorsContiguous) {
  for (const char* name : {"odd.pth", "legacy_odd.pth"}) {
    const TorchFile file(sample(name));
    ASSERT_EQ(file.arrays().size(), 12u);
    std::vector<double> range(24), transposed;
    std::iota(range.begin(), range.end(), 0);
    for (int column = 0; column < 6; ++column)
      for (int row = 0; row < 4; ++row) transposed.push_back(row * 6 + column);
    EXPECT_THAT(find(file, "transposed").shape, ElementsAre(6, 4));
    EXPECT_EQ(values(file, "transposed"), transposed);
    EXPECT_EQ(values(file, "shared"), range);
    EXPECT_THAT(values(file, "row"), ElementsAre(6, 7, 8, 9, 10, 11));
    EXPECT_THAT(values(file, "column"), ElementsAre(2, 8, 14, 20));
    EXPECT_THAT(find(file, "step").shape, ElementsAre(2, 2));
    EXPECT_THAT(values(file, "step"), ElementsAre(1, 4, 13, 16));
    EXPECT_THAT(values(file, "expanded"), ElementsAre(5, 5, 5));
    std::vector<double> permuted;  // (4, 2, 3) of (2, 3, 4)
    for (int k = 0; k < 4; ++k)
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j) permuted.push_back((i * 3 + j) * 4 + k);
    EXPECT_THAT(find(file, "permuted").shape, ElementsAre(4, 2, 3));
    EXPECT_EQ(values(file, "permuted"), permuted);
    EXPECT_THAT(find(file, "one_sided").shape, ElementsAre(1, 3));
    EXPECT_THAT(values(file, "one_sided"), ElementsAre(0, 1, 2));
    EXPECT_THAT(find(file, "empty").shape, ElementsAre(0, 3));
    EXPECT_TRUE(find(file, "empty").bytes.empty());
    EXPECT_THAT(values(file, "scalar"), ElementsAre(2.5));
    EXPECT_THAT(values(file, "parameter"), ElementsAre(0, 1));
    EXPECT_THAT(find(file, "channels_last").shape, ElementsAre(1, 2, 2, 2));
    EXPECT_THAT(values(file, "channels_last"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  }
}

TEST(TorchFile, FindsTheStateDictInATrainingRun) {
  for (const char* name : {"training.pth", "training_protocol5.pth", "legacy_training.pth"}) {
    const TorchFile file(sample(name));
    EXPECT_EQ(file.key(), "model");
    EXPECT_THAT(file.ignored(),
                ElementsAre("optimizer", "epoch", "max_accuracy", "config", "args", "dtype", "size",
                            "large", "bytes", "scaler", "history", "done", "frozen"));
    ASSERT_EQ(file.arrays().size(), 2u);
    EXPECT_THAT(values(file, "weight"), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_THAT(values(file, "bias"), ElementsAre(0, 1));
  }
  const TorchFile mm(sample("mm.pth"));
  EXPECT_EQ(mm.key(), "state_dict");
  EXPECT_THAT(mm.ignored(), ElementsAre("meta", "message_hub"));
  EXPECT_THAT(values(mm, "norm.weight"), ElementsAre(0, 1, 2));

  const auto text = testing::text;
  const std::string dict = dict_of({});
  for (const char* key :
       {"model", "state_dict", "model_state_dict", "model_state", "net", "network", "module",
        "params", "state_dict_ema", "model_ema", "ema", "ema_state_dict"}) {
    const std::string bytes =
        pth_of("}" + text(key) + dict + "s" + text("step") + "K\3s", {{"0", floats(6)}});
    const TorchFile file(span_of(bytes), "x");
    EXPECT_EQ(file.key(), key);
    EXPECT_THAT(file.ignored(), ElementsAre("step"));
    EXPECT_EQ(file.arrays().size(), 1u);
  }
  // "model" comes before "state_dict"; another key is read if it has the only set.
  const std::string both = pth_of(
      "}" + text("state_dict") + dict + "s" + text("model") + dict + "s", {{"0", floats(6)}});
  EXPECT_EQ(TorchFile(span_of(both), "x").key(), "model");
  EXPECT_THAT(TorchFile(span_of(both), "x").ignored(), ElementsAre());
  EXPECT_EQ(TorchFile(span_of(both), "x").other_sets().at(0).key, "state_dict");
  const std::string other = pth_of("}" + text("teacher") + dict + "s", {{"0", floats(6)}});
  EXPECT_EQ(TorchFile(span_of(other), "x").key(), "teacher");
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { TorchFile(span_of(pth_of("}" + text("model") + "}s", {})), "x"); }),
              HasSubstr("a dict without tensors"));
  // A state dict may hold numbers. A key that is not text names no tensor.
  const std::string mixed =
      pth_of(dict + text("lr") + "K\1sK\5" + code_of({}) + "s", {{"0", floats(6)}});
  EXPECT_THAT(TorchFile(span_of(mixed), "x").ignored(), ElementsAre("lr", "5"));
}

TEST(TorchFile, AnAverageIsReadIfAskedForOrTheOnlySet) {
  const auto text = testing::text;
  const auto file_of = [&](const std::vector<const char*>& keys) {
    std::string code = "}" + text("epoch") + "K\3s";
    for (const char* key : keys) code += text(key) + dict_of({}, key) + "s";
    return pth_of(code, {{"0", floats(6)}});
  };
  const auto read = [](const std::string& bytes, WeightSet set) {
    return TorchFile(span_of(bytes), "x", nullptr, {.set = set});
  };
  const auto refused = [&](const std::string& bytes) {
    return message_of<base::WeightError>([&] { read(bytes, WeightSet::averaged); });
  };
  for (const char* average : {"state_dict_ema", "model_ema", "ema"}) {
    const std::string two = file_of({average, "state_dict", "teacher"});
    const TorchFile trained = read(two, WeightSet::trained);
    EXPECT_EQ(trained.key(), "state_dict");
    EXPECT_EQ(trained.arrays().at(0).name, "state_dict");
    EXPECT_THAT(trained.ignored(), ElementsAre("epoch"));
    ASSERT_EQ(trained.other_sets().size(), 2u);
    EXPECT_EQ(trained.other_sets()[0].key, average);
    EXPECT_TRUE(trained.other_sets()[0].averaged);
    EXPECT_EQ(trained.other_sets()[1].key, "teacher");
    EXPECT_FALSE(trained.other_sets()[1].averaged);
    const TorchFile averaged = read(two, WeightSet::averaged);
    EXPECT_EQ(averaged.arrays().at(0).name, average);
    EXPECT_EQ(averaged.other_sets()[0].key, "state_dict");
    EXPECT_FALSE(averaged.other_sets()[0].averaged);
  }
  EXPECT_THAT(refused(file_of({"state_dict"})), HasSubstr("found no averaged weights"));
  EXPECT_THAT(refused(pth_of(dict_of({}), {{"0", floats(6)}})),
              HasSubstr("found no averaged weights"));
  // mmengine swaps the two sets.
  const std::string swapped = file_of({"state_dict", "ema_state_dict"});
  EXPECT_EQ(read(swapped, WeightSet::trained).key(), "state_dict");
  EXPECT_FALSE(read(swapped, WeightSet::trained).other_sets().at(0).averaged);
  EXPECT_THAT(refused(swapped), HasSubstr("the average is under state_dict"));
}

TEST(TorchFile, ContiguousTensorsAreViewsOfTheMap) {
  const TemporaryDirectory directory;
  const int count = 4'000'000;
  std::string storage(size_t{4} * count, '\1');
  const std::string code =
      dict_of({.stored = count, .shape = {count / 2, 2}, .strides = {2, 1}}) +
      testing::text("tail") +
      code_of({.stored = count, .offset = count - 5, .shape = {5}, .strides = {1}}) + "s";
  write_text(directory / "zip.pth", pth_of(code, {{"0", storage}}));
  write_text(directory / "legacy.pth", legacy_of(code, {{"0", raw(int64_t{count}) + storage}}));
  for (const char* name : {"zip.pth", "legacy.pth"}) {
    const testing::HeapMeter heap;
    NamedArray kept;
    {
      const TorchFile file(directory / name);
      ASSERT_EQ(file.arrays().size(), 2u);
      kept = file.arrays()[0];
      EXPECT_EQ(kept.owner, file.arrays()[1].owner);
      EXPECT_EQ(file.arrays()[1].bytes.data() + 20, kept.bytes.data() + kept.bytes.size());
    }
    EXPECT_EQ(kept.bytes.size(), storage.size());
    EXPECT_EQ(std::memcmp(kept.bytes.data(), storage.data(), storage.size()), 0);
    EXPECT_LT(heap.peak_bytes(), 1'000'000) << name;  // of 16 MB
    const auto* mapped = static_cast<const MappedFile*>(kept.owner.get());
    EXPECT_GE(kept.bytes.data(), mapped->bytes().data());
    EXPECT_LE(kept.bytes.data() + kept.bytes.size(),
              mapped->bytes().data() + mapped->bytes().size());
  }
}

// torch.save(…, pickle_protocol=4, _use_new_zipfile_serialization=False)
TEST(TorchFile, TheLegacyFormMayBeOfAnyProtocol) {
  const std::string two =
      testing::legacy_of(dict_of({}), {{"0", testing::raw<int64_t>(6) + floats(6)}});
  for (const char protocol : {'\3', '\4', '\5'}) {
    std::string bytes = two;
    bytes[1] = protocol;
    if (protocol > '\3') bytes.insert(2, "\x95" + testing::raw<uint64_t>(13));
    ASSERT_TRUE(is_torch_file(span_of(bytes)));
    const TorchFile file(span_of(bytes), "x");
    EXPECT_EQ(file.form(), TorchFile::Form::legacy);
    EXPECT_EQ(file.arrays().at(0).name, "w");
    const size_t magic_end = protocol > '\3' ? 23 : 14;
    EXPECT_FALSE(is_torch_file(span_of(bytes).first(magic_end - 1)));
    EXPECT_TRUE(is_torch_file(span_of(bytes).first(magic_end)));
  }
}

}  // namespace
}  // namespace swin::files
