// Torch files that are damaged or made by hand to do harm: each is read or refused, in little
// memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "files/archive_file.h"
#include "files/torch_file.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"
#include "tests/files/torch_samples.h"
#include "tests/support/heap_meter.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using testing::code_of;
using testing::dict_of;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using testing::legacy_of;
using testing::number;
using testing::pth_of;
using testing::raw;
using testing::sample;
using testing::span_of;
using testing::values;
using testing::zip_of;

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
  const fs::path fooled = "swin_was_fooled";  // what each of them tries to create
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
      {"negative side", {.shape = {-2, 3}}, "not an integer of at least 0"},
      {"negative stride", {.strides = {-3, 1}}, "not an integer of at least 0"},
      {"fewer strides", {.strides = {1}}, "2 dims and 1 strides"},
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

  // Many small expansions together have the same limit as one large one.
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

  // Nested entries: the sum of their sizes grows with the square of the file's size.
  std::string nested(1000, 'x'), central;
  constexpr int kLevels = 20;
  constexpr uint32_t kHeaderBytes = 30 + 3;  // of a local header, whose name has 3 letters
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
  const std::string whole = nested + central + end;
  EXPECT_THAT(message_of<base::WeightError>([&] { read_stored_zip(span_of(whole), "x"); }),
              HasSubstr("the entries overlap"));
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
              HasSubstr("does not state its byte order"));
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
    const bool is_large = whole.size() > 1000;  // then only one bit per byte
    for (size_t at = 0; at < whole.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        if (is_large && bit != static_cast<int>(at % 8)) continue;
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
        each_is_read_or_refused(flipped, std::string(name) + " " + std::to_string(at));
      }
  }
}

}  // namespace
}  // namespace swin::files
