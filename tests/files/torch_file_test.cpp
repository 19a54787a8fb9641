// Files that torch.save wrote (scripts/reference/make_torch_files.py) and files put together by
// hand to be hostile.
#include "files/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "base/errors.h"
#include "files/archive_file.h"
#include "files/mapped_file.h"
#include "tests/files/torch_bytes.h"
#include "tests/support/heap_meter.h"
#include "tests/support/temporary_directory.h"

namespace swin::files {
namespace {

namespace fs = std::filesystem;
using swin::test::message_of;
using swin::test::read_text;
using swin::test::TemporaryDirectory;
using swin::test::write_text;
using ::testing::AllOf;
using testing::code_of;
using testing::dict_of;
using ::testing::ElementsAre;
using testing::floats;
using testing::global;
using ::testing::HasSubstr;
using testing::legacy_of;
using testing::number;
using testing::pth_of;
using testing::raw;
using testing::span_of;
using testing::tuple;
using testing::zip_of;

fs::path sample(const std::string& name) {
  return fs::path(SWIN_SOURCE_DIR) / "tests/files/torch" / name;
}

const NamedArray& find(const TorchFile& file, const std::string& name) {
  for (const NamedArray& array : file.arrays())
    if (array.name == name) return array;
  throw std::runtime_error("no " + name);
}

std::vector<double> values(const NamedArray& array) {
  std::vector<double> result(static_cast<size_t>(array.num_elements()));
  if (array.dtype == DType::f64 || array.dtype == DType::f32 || array.dtype == DType::f16 ||
      array.dtype == DType::bf16) {
    read_float64(array, "x", result);
    return result;
  }
  std::vector<int64_t> integers(result.size());
  read_int64(array, "x", integers);
  return {integers.begin(), integers.end()};
}
std::vector<double> values(const TorchFile& file, const std::string& name) {
  return values(find(file, name));
}

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
  // "model" goes before "state_dict"; other keys are not looked into.
  const std::string both = pth_of(
      "}" + text("state_dict") + dict + "s" + text("model") + dict + "s", {{"0", floats(6)}});
  EXPECT_EQ(TorchFile(span_of(both), "x").key(), "model");
  EXPECT_THAT(TorchFile(span_of(both), "x").ignored(), ElementsAre());
  EXPECT_EQ(TorchFile(span_of(both), "x").other_sets().at(0).key, "state_dict");
  const std::string other = pth_of("}" + text("teacher") + dict + "s", {{"0", floats(6)}});
  EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile(span_of(other), "x"); }),
              HasSubstr("found tensors under \"teacher\", expected a state dict"));
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { TorchFile(span_of(pth_of("}" + text("model") + "}s", {})), "x"); }),
              HasSubstr("a dict without tensors"));
  // A state dict may hold numbers; a key that is no text names no tensor.
  const std::string mixed =
      pth_of(dict + text("lr") + "K\1sK\5" + code_of({}) + "s", {{"0", floats(6)}});
  EXPECT_THAT(TorchFile(span_of(mixed), "x").ignored(), ElementsAre("lr", "5"));
}

TEST(TorchFile, AnAverageIsReadWhereItIsAskedForOrAlone) {
  const auto text = testing::text;
  const auto file_of = [&](const std::vector<const char*>& keys) {
    std::string code = "}" + text("epoch") + "K\3s";
    for (const char* key : keys) code += text(key) + dict_of({}, key) + "s";
    return pth_of(code, {{"0", floats(6)}});
  };
  const auto read = [](const std::string& bytes, WeightSet set) {
    return TorchFile(span_of(bytes), "x", nullptr, set);
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
  // mmengine's has changed places.
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

TEST(TorchFile, HostileFilesAreRefused) {
  struct Case {
    const char* name;
    const char* expected;
  };
  const Case cases[] = {
      {"os_system.pth", "the global posix.system (os.system)"},
      {"legacy_os_system.pth", "the global posix.system (os.system)"},
      {"os_system.pkl", "the global posix.system (os.system)"},
      {"whole_model.pth", "torch.nn.modules.linear.Linear"},
      {"single_tensor.pth", "found a single tensor, expected a dict"},
      {"no_tensors.pth", "a dict without tensors"},
      {"expanded_bomb.pth", "w with shape (1099511627776) repeats its elements"},
      {"traversal.pth", "the name ../../swin_was_fooled, expected one that stays in the archive"},
      {"absolute.pth", "the name /archive/data/0"},
      {"compressed.pth", "archive/data.pkl is compressed"},
      {"bomb.pth", "archive/data/0 is said to be 30000000 bytes, more than the whole file"},
      {"twice.pth", "archive/data/0 twice"},
      {"encrypted.pth", "is encrypted"},
      {"big_endian.pth", "byte order is big, expected little"},
      {"short_storage.pth", "storage 0 of norm.weight has 8 bytes, expected 3 elements of f32"},
      {"no_storage.pth", "no storage 0 for norm.weight"},
      {"no_pickle.pth", "a zip archive without data.pkl"},
      {"torchscript.pth", "a TorchScript archive"},
      {"missing.pth", "no such file"},
  };
  const fs::path fooled = "swin_was_fooled";  // what each of them tries to make
  for (const Case& row : cases) {
    const testing::HeapMeter heap;
    EXPECT_THAT(
        message_of<base::WeightError>([&] { TorchFile file(sample(row.name)); }),
        AllOf(HasSubstr(std::string(row.name) + ": "), HasSubstr(row.expected), HasSubstr("; ")));
    EXPECT_LT(heap.peak_bytes(), 100'000) << row.name;
  }
  EXPECT_FALSE(fs::exists(fooled));
  EXPECT_FALSE(fs::exists(sample("../../swin_was_fooled")));
  EXPECT_FALSE(fs::exists(fs::path("../../swin_was_fooled")));
}

TEST(TorchFile, TensorsStayInTheirStorage) {
  const int64_t huge = int64_t{1} << 62;
  struct Case {
    const char* what;
    testing::TensorOf tensor;
    const char* expected;
  };
  const Case cases[] = {
      {"good", {}, nullptr},
      {"good tail", {.offset = 4, .shape = {2}, .strides = {1}}, nullptr},
      {"empty at the end", {.offset = 6, .shape = {0}, .strides = {1}}, nullptr},
      {"one element, wild stride",
       {.offset = 5, .shape = {1, 1}, .strides = {huge, huge}},
       nullptr},
      {"two of one, wild stride", {.shape = {2, 1}, .strides = {3, INT64_MAX}}, nullptr},
      {"offset", {.offset = 1}, "goes beyond the 6 elements"},
      {"negative offset", {.offset = -1, .shape = {1}, .strides = {1}}, "goes beyond"},
      {"offset of an empty one", {.offset = 7, .shape = {0}, .strides = {1}}, "goes beyond"},
      {"offset overflows", {.offset = INT64_MAX}, "goes beyond"},
      {"shape", {.shape = {7}, .strides = {1}}, "goes beyond the 6 elements"},
      {"stride",
       {.strides = {4, 1}},
       "w with shape (2, 3), strides (4, 1) and offset 0 goes beyond"},
      {"stride overflows", {.shape = {3}, .strides = {huge}}, "goes beyond"},
      {"strides overflow together",
       {.shape = {2, 2, 2}, .strides = {huge, huge, 1}},
       "goes beyond"},
      {"shape overflows",
       {.shape = {huge, 4}, .strides = {0, 0}},
       "the shape (4611686018427387904, 4) overflows"},
      {"bytes overflow", {.shape = {huge}, .strides = {0}}, "overflows"},
      {"repeats", {.shape = {1 << 20, 1 << 10}, .strides = {0, 0}}, "repeats its elements"},
      {"negative side", {.shape = {-2, 3}}, "no number from 0"},
      {"negative stride", {.strides = {-3, 1}}, "no number from 0"},
      {"fewer strides", {.strides = {1}}, "2 sides and 1 strides"},
      {"too many sides",
       {.shape = std::vector<int64_t>(65, 1), .strides = std::vector<int64_t>(65, 1)},
       "65 dimensions, expected at most 64"},
      {"storage size", {.stored = 7}, "has 24 bytes, expected 7 elements of f32"},
      {"type size", {.type = "DoubleStorage"}, "has 24 bytes, expected 6 elements of f64"},
      {"negative storage", {.stored = -6}, "expected -6 elements"},
      {"storage overflows", {.stored = huge}, "has 24 bytes, expected"},
      {"no storage", {.key = "1"}, "no storage 1 for w"},
      {"storage elsewhere", {.key = "../byteorder"}, "no storage ../byteorder"},
      {"view beyond", {.view = "(K\1K\2K\5t"}, "viewed beyond its 6 elements"},
      {"negative view", {.view = "(K\1" + number(-1) + "K\5t"}, "viewed beyond"},
      {"view overflows", {.view = "(K\1K\1" + number(INT64_MAX) + "t"}, "viewed beyond"},
      {"tensor beyond its view", {.view = "(K\1K\1K\5t"}, "goes beyond the 5 elements"},
      {"good view", {.offset = 1, .shape = {4}, .strides = {1}, .view = "(K\1K\1K\5t"}, nullptr},
  };
  for (const Case& row : cases) {
    const std::string bytes = pth_of(dict_of(row.tensor), {{"0", floats(6)}});
    const testing::HeapMeter heap;
    if (row.expected == nullptr) {
      EXPECT_NO_THROW(TorchFile(span_of(bytes), "x")) << row.what;
    } else {
      EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile(span_of(bytes), "x"); }),
                  HasSubstr(row.expected))
          << row.what;
    }
    EXPECT_LT(heap.peak_bytes(), 2'000'000) << row.what;
  }
  const std::string view =
      pth_of(dict_of({.offset = 1, .shape = {2}, .strides = {2}, .view = "(K\1K\1K\5t"}),
             {{"0", floats(6)}});
  EXPECT_THAT(values(TorchFile(span_of(view), "x"), "w"), ElementsAre(2, 4));

  // Many small expansions may not do together what one may not do alone.
  std::string many = "}";
  for (int i = 0; i < 40; ++i)
    many +=
        testing::text("w" + std::to_string(i)) + code_of({.shape = {10'000}, .strides = {0}}) + "s";
  const std::string bytes = pth_of(many, {{"0", floats(6)}});
  EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile(span_of(bytes), "x"); }),
              HasSubstr("w26 with shape (10000) repeats its elements"));
}

TEST(TorchFile, NamesAreOneLineOfText) {
  for (const std::string& name :
       {std::string("a\nb"), std::string("\x80"), std::string("\xc3"), std::string("\xed\xa0\x80"),
        std::string("\xc0\xaf"), std::string("\xf4\x90\x80\x80"), std::string("\xc2\x9b"),
        std::string(600, 'x'), std::string()}) {
    const std::string bytes = pth_of(dict_of({}, name), {{"0", floats(6)}});
    EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile(span_of(bytes), "x"); }),
                HasSubstr("expected one line of 1 to 512 bytes"));
  }
  for (const std::string& name :
       {std::string("größe"), std::string("窓.weight"), std::string("🪟")}) {
    const std::string bytes = pth_of(dict_of({}, name), {{"0", floats(6)}});
    EXPECT_EQ(TorchFile(span_of(bytes), "x").arrays()[0].name, name);
  }
  const std::string twice =
      pth_of(dict_of({}) + testing::text("w") + code_of({}) + "s", {{"0", floats(6)}});
  EXPECT_THAT(message_of<base::WeightError>([&] { TorchFile(span_of(twice), "x"); }),
              HasSubstr("found w twice"));
}

TEST(TorchFile, HostileArchives) {
  const std::string pickle = testing::pickle_of(dict_of({}));
  const auto refused = [](const std::string& bytes) {
    return message_of<base::WeightError>([&] { TorchFile(span_of(bytes), "x"); });
  };
  EXPECT_THAT(refused(zip_of({{"a/data.pkl", pickle}, {"b/data.pkl", pickle}})),
              HasSubstr("a/data.pkl and b/data.pkl, expected one"));
  EXPECT_THAT(refused(zip_of({{"a/b/data.pkl", pickle}})), HasSubstr("without data.pkl"));
  EXPECT_THAT(refused(zip_of({{"a/data.pkl", pickle + "x"}})), HasSubstr("goes on after its end"));
  EXPECT_THAT(refused(zip_of({{"a/data.pkl", pickle}, {"a\\..\\b", "x"}})),
              HasSubstr("stays in the archive"));
  EXPECT_THAT(refused(zip_of({{"a/data.pkl", pickle}, {"a/../../b", "x"}})),
              HasSubstr("stays in the archive"));
  EXPECT_THAT(refused(zip_of({{"a/data.pkl", pickle}, {"a/..", "x"}})),
              HasSubstr("stays in the archive"));
  EXPECT_THAT(refused(zip_of({})), HasSubstr("x: "));
  EXPECT_THAT(refused("PK\3\4"), HasSubstr("x: the zip archive"));

  std::string crc = pth_of(dict_of({}), {{"0", floats(6)}});
  crc[crc.find(floats(6)) + 5] ^= 1;
  EXPECT_THAT(refused(crc), HasSubstr("archive/data/0 is damaged"));

  std::string crowd = zip_of({{"a/data.pkl", pickle}});
  for (int i = 0; i < 100'000; ++i) crowd += "PK\1\2" + std::string(42, '\0');
  const testing::HeapMeter heap;
  EXPECT_THAT(refused(crowd), HasSubstr("more than 100000 entries"));
  EXPECT_LT(heap.peak_bytes(), 100'000);

  // Entries that hold one another: their sum grows with the square of the file.
  std::string nested(1000, 'x'), central;
  constexpr int kLevels = 20;
  constexpr uint32_t kHeaderBytes = 30 + 3;  // of the local headers, their names have 3 letters
  for (uint32_t level = kLevels; level-- > 0;) {
    const std::string outer = zip_of({{{'a', '/', static_cast<char>('a' + level)}, nested}});
    const size_t directory = outer.find("PK\1\2");
    std::string entry = outer.substr(directory, outer.size() - directory - 22);
    entry.replace(42, 4, raw(level * kHeaderBytes));
    central += entry;
    nested = outer.substr(0, directory);
  }
  const std::string end = "PK\5\6" + raw<uint32_t>(0) + raw<uint16_t>(kLevels) +
                          raw<uint16_t>(kLevels) + raw(static_cast<uint32_t>(central.size())) +
                          raw(static_cast<uint32_t>(nested.size())) + raw<uint16_t>(0);
  EXPECT_THAT(refused(nested + central + end), HasSubstr("the entries overlap"));
}

TEST(TorchFile, HostileLegacyFiles) {
  const std::string code = dict_of({}), storage = raw<int64_t>(6) + floats(6);
  const std::string good = legacy_of(code, {{"0", storage}});
  EXPECT_THAT(values(TorchFile(span_of(good), "x"), "w"), ElementsAre(0, 1, 2, 3, 4, 5));
  const auto refused = [](const std::string& bytes) {
    return message_of<base::WeightError>([&] { TorchFile(span_of(bytes), "x"); });
  };
  EXPECT_THAT(refused(legacy_of(code, {{"0", raw<int64_t>(7) + floats(6)}})),
              HasSubstr("7 elements, but only 24 bytes follow"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", raw<int64_t>(-1) + floats(6)}})),
              HasSubstr("-1 elements"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", raw(INT64_MAX) + floats(6)}})),
              HasSubstr("it is truncated"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", raw<int64_t>(5) + floats(5)}})),
              HasSubstr("has 20 bytes, expected 6 elements"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", storage + "x"}})),
              HasSubstr("1 bytes after the last storage"));
  EXPECT_THAT(refused(legacy_of(code, {{"1", storage}})),
              HasSubstr("lists a storage that no tensor has"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", storage}, {"0", storage}})),
              HasSubstr("storage 0 twice"));
  EXPECT_THAT(refused(legacy_of(code, {})), HasSubstr("no storage 0 for w"));
  EXPECT_THAT(
      refused(legacy_of(code, {{"0", storage}}, "}" + testing::text("little_endian") + "\x89s")),
      HasSubstr("byte order is big"));
  EXPECT_THAT(refused(legacy_of(code, {{"0", storage}}, "}")),
              HasSubstr("says nothing of its byte order"));
  EXPECT_THAT(refused(legacy_of(code + testing::text("v") + code_of({.type = "HalfStorage"}) + "s",
                                {{"0", storage}})),
              HasSubstr("storage 0 is of two types"));
}

void each_is_read_or_refused(const std::string& bytes, const std::string& what) {
  try {
    const TorchFile file(span_of(bytes), "x");
    for (const NamedArray& array : file.arrays()) {
      const auto count = num_elements_of(array.shape);
      ASSERT_TRUE(count.has_value());
      ASSERT_EQ(static_cast<int64_t>(array.bytes.size()), *count * size_bytes_of(array.dtype))
          << what;
      int sum = 0;  // every byte can be read
      for (const std::byte byte : array.bytes) sum += static_cast<int>(byte);
      EXPECT_GE(sum, 0);
    }
  } catch (const base::WeightError&) {
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

TEST(TorchFile, EveryTruncationIsRefused) {
  for (const char* name : {"plain.pth", "legacy.pth"}) {
    const std::string whole = read_text(sample(name));
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string cut = whole.substr(0, size);
      EXPECT_THROW(TorchFile(span_of(cut), "x"), base::WeightError) << name << " " << size;
    }
  }
}

TEST(TorchFile, EveryFlippedBitIsReadOrRefused) {
  for (const char* name :
       {"plain.pth", "odd.pth", "training.pth", "legacy.pth", "legacy_odd.pth"}) {
    const std::string whole = read_text(sample(name));
    const bool is_large = whole.size() > 1000;  // of those one bit a byte
    for (size_t at = 0; at < whole.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        if (is_large && bit != static_cast<int>(at % 8)) continue;
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
        each_is_read_or_refused(flipped, std::string(name) + " " + std::to_string(at));
      }
  }
}

TEST(ZipArchive, GivesViewsInTheOrderOfTheFile) {
  const std::string bytes =
      zip_of({{"b/one", "first"}, {"a", std::string(100'000, 'x')}, {"empty", ""}});
  const auto entries = read_stored_zip(span_of(bytes), "x");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "b/one");
  EXPECT_EQ(entries[1].bytes.size(), 100'000u);
  EXPECT_GE(entries[1].bytes.data(), span_of(bytes).data());
  EXPECT_EQ(entries[2].bytes.size(), 0u);
  EXPECT_EQ(std::memcmp(entries[0].bytes.data(), "first", 5), 0);
}

}  // namespace
}  // namespace swin::files
