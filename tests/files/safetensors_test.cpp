#include "files/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/errors.h"
#include "files/atomic_file.h"
#include "tests/files/test_files.h"
#include "tests/support/heap_meter.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header +
         std::string(data_bytes, '\1');
}

TEST(Safetensors, ReadsWhatTheFormatAllows) {
  const TemporaryDirectory directory;
  write_text(directory / "file.safetensors",
             file_of(R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},)"
                     R"("__metadata__":{"format":"pt","key":"välue"},)"
                     R"("empty":{"dtype":"I64","shape":[0,5],"data_offsets":[8,8]},)"
                     R"("scalar":{"data_offsets":[0,8],"shape":[],"dtype":"I64"},)"
                     R"("mask":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19],"extra":1}}   )",
                     19));
  const SafetensorsFile file(directory / "file.safetensors");
  ASSERT_EQ(file.arrays().size(), 4u);
  EXPECT_EQ(file.arrays()[0].name, "scalar");
  EXPECT_EQ(file.arrays()[1].name, "empty");
  EXPECT_THAT(file.at("b").shape, ElementsAre(2, 1));
  EXPECT_EQ(file.at("b").num_elements(), 2);
  EXPECT_EQ(file.at("mask").dtype, DType::boolean);
  EXPECT_TRUE(file.at("empty").bytes.empty());
  EXPECT_EQ(file.find("none"), nullptr);
  EXPECT_THAT(message_of<base::WeightError>([&] { file.at("none"); }),
              HasSubstr("no tensor none among its 4"));
  ASSERT_EQ(file.metadata().size(), 2u);
  EXPECT_EQ(file.metadata()[1].second, "välue");
  int64_t scalar = 0;
  read_int64(file.at("scalar"), "x", std::span(&scalar, 1));
  EXPECT_EQ(scalar, 0x0101010101010101);
  write_text(directory / "none.safetensors", file_of("{}", 0));
  EXPECT_TRUE(SafetensorsFile(directory / "none.safetensors").arrays().empty());
}

TEST(Safetensors, ArraysOutliveTheirFile) {
  const TemporaryDirectory directory;
  const std::vector<float> values{1, 2, 3};
  write_safetensors(directory / "file", {NamedArray::of("a", {3}, std::span(values))});
  NamedArray array;
  {
    SafetensorsFile file(directory / "file");
    const SafetensorsFile moved = std::move(file);
    array = moved.at("a");
  }
  std::vector<float> read(3);
  read_float32(array, "file", read);
  EXPECT_EQ(read, values);
}

struct Violation {
  const char* what;
  std::string bytes;
  const char* expected;
};

std::string one(const std::string& tensor, size_t data_bytes) {
  return file_of("{\"w\":" + tensor + "}", data_bytes);
}

std::vector<Violation> violations() {
  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  std::string long_header = "{}" + std::string(100, ' ');
  const uint64_t limit = 100'000'001, huge = ~uint64_t{0};
  const auto bytes_of_length = [](uint64_t length) {
    return std::string(reinterpret_cast<const char*>(&length), 8);
  };
  return {
      {"empty file", "", "found 0 bytes"},
      {"seven bytes", std::string(7, '\0'), "found 7 bytes, expected a header length"},
      {"no header", std::string(8, '\0'), "does not start with '{'"},
      {"header above the limit", bytes_of_length(limit) + long_header, "at most 100000000"},
      {"header length overflows", bytes_of_length(huge) + long_header, "at most 100000000"},
      {"header cut", bytes_of_length(500) + long_header, "only 102 follow"},
      {"leading space", file_of(" {}", 0), "does not start with '{'"},
      {"a list", file_of("[]", 0), "does not start with '{'"},
      {"bad JSON", file_of("{\"w\":}", 0), "JSON header has an error at column"},
      {"two documents", file_of("{}{}", 0), "JSON header has an error"},
      {"comment", file_of("{/* */}", 0), "JSON header has an error"},
      {"bad UTF-8", file_of("{\"\xff\":1}", 0), "JSON header has an error"},
      {"duplicate tensor", file_of("{\"w\":" + good + ",\"w\":" + good + "}", 8), "JSON header"},
      {"duplicate field",
       one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8), "JSON header"},
      {"deep nesting", file_of("{\"w\":" + std::string(99, '[') + std::string(99, ']') + "}", 0),
       "JSON header"},
      {"tensor is no object", one("[1]", 0), "tensor w is of type array, expected object"},
      {"unknown type", one(R"({"dtype":"F31","shape":[2],"data_offsets":[0,8]})", 8),
       "dtype \"F31\""},
      {"lower-case type", one(R"({"dtype":"f32","shape":[2],"data_offsets":[0,8]})", 8),
       "dtype \"f32\""},
      {"type is a number", one(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})", 8), "dtype 32"},
      {"no type", one(R"({"shape":[2],"data_offsets":[0,8]})", 8), "tensor w has no dtype"},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,8]})", 8), "tensor w has no shape"},
      {"no offsets", one(R"({"dtype":"F32","shape":[2]})", 8), "tensor w has no data_offsets"},
      {"shape is a number", one(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})", 8),
       "shape is of type integer, expected array"},
      {"negative dim", one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", 8),
       "shape holds -2"},
      {"real dim", one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})", 8),
       "shape holds 2"},
      {"text dim", one(R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})", 8),
       "shape holds \"2\""},
      {"dim beyond 64 bits",
       one(R"({"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]})", 8), ": "},
      {"shape overflows",
       one(R"({"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]})", 0),
       "overflows"},
      {"bytes overflow",
       one(R"({"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]})", 0),
       "overflows"},
      {"one offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})", 8),
       "1 data_offsets, expected 2"},
      {"three offsets", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})", 8),
       "3 data_offsets, expected 2"},
      {"negative offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})", 8),
       "data_offsets holds -8"},
      {"offsets reversed", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", 8),
       "expected a range inside the 8 data bytes"},
      {"offsets beyond the file", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 7),
       "expected a range inside the 7 data bytes"},
      {"size differs from shape", one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", 8),
       "has 8 bytes, expected 12 for F32 (3)"},
      {"hole at the start", one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", 8),
       "there is a hole"},
      {"hole between",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
               3),
       "tensor b starts at byte 2, expected 1: there is a hole"},
      {"overlap",
       file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
               R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
               3),
       "tensors overlap"},
      {"shared bytes",
       file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
               R"("b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
               2),
       "tensors overlap"},
      {"empty tensor inside another",
       file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
               R"("b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
               2),
       "tensors overlap"},
      {"bytes after the last tensor", file_of("{\"w\":" + good + "}", 9),
       "end at data byte 8, expected 9"},
      {"data without tensors", file_of("{}", 4), "end at data byte 0, expected 4"},
      {"metadata is a list", file_of("{\"__metadata__\":[]}", 0), "__metadata__ is of type array"},
      {"metadata holds a number", file_of("{\"__metadata__\":{\"a\":1}}", 0),
       "__metadata__.a is of type integer, expected string"},
      {"escape in a name", file_of("{\"a\\u001b[31m\\n\":" + good + "}", 8),
       "found the name a?[31m?, expected one line"},
      {"escape of one character in a name", file_of("{\"a\\u009b31m\":" + good + "}", 8),
       "found the name a?31m, expected one line"},
      {"zero in a name", file_of("{\"a\\u0000\":" + good + "}", 8), "found the name a?,"},
      {"no name", file_of("{\"\":" + good + "}", 8), "found the name , expected"},
      {"long name", file_of("{\"" + std::string(513, 'x') + "\":" + good + "}", 8), "1 to 512"},
      {"escape in a key", file_of("{\"__metadata__\":{\"\\u001b\":\"\"}}", 0),
       "found the name ?, expected one line"},
      {"millions of values", one("[" + std::string(2'200'000, ',') + "]", 0), "more than 1000000"},
  };
}

TEST(Safetensors, EveryViolationIsRefusedByName) {
  const TemporaryDirectory directory;
  for (const Violation& violation : violations()) {
    write_text(directory / "bad.safetensors", violation.bytes);
    EXPECT_THAT(
        message_of<base::WeightError>([&] { SafetensorsFile(directory / "bad.safetensors"); }),
        AllOf(HasSubstr("bad.safetensors: "), HasSubstr(violation.expected),
              Not(HasSubstr("\x1b"))))
        << violation.what;
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TemporaryDirectory directory;
  const std::vector<float> values{1, 2, 3};
  write_safetensors(directory / "good", {NamedArray::of("a", {3}, std::span(values))});
  const std::string good = read_text(directory / "good");
  for (size_t size = 0; size < good.size(); ++size) {
    write_text(directory / "bad", good.substr(0, size));
    EXPECT_THROW(SafetensorsFile(directory / "bad"), base::WeightError) << size;
  }
}

TEST(Safetensors, DamagedFilesAreReadOrRefused) {
  const TemporaryDirectory directory;
  const std::vector<float> values(64, 0.5f);
  write_safetensors(directory / "good",
                    {NamedArray::of("layers.0.weight", {4, 8}, std::span(values).first(32)),
                     NamedArray::of("layers.0.bias", {32}, std::span(values).last(32))});
  const std::string good = read_text(directory / "good");
  uint64_t state = 7;
  const auto draw = [&](size_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state >> 33) % bound);
  };
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    constexpr char kAlphabet[] = "{}[]\",:0123456789-.eFI\\ \xff";
    for (size_t change = draw(3) + 1; change > 0; --change)
      bytes[draw(good.size() - 256)] = kAlphabet[draw(sizeof kAlphabet)];
    write_text(directory / "bad", bytes);
    try {
      const SafetensorsFile file(directory / "bad");
      size_t total = 0;
      for (const NamedArray& array : file.arrays()) total += array.bytes.size();
      EXPECT_EQ(total, 256u);
    } catch (const base::WeightError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

// Valid means: a known type, a size that fits the shape, inside the file, no byte in two tensors.
TEST(Safetensors, EveryFlippedHeaderBitGivesValidArraysOrIsRefused) {
  const TemporaryDirectory directory;
  const std::vector<float> values(8, 0.5f);
  write_safetensors(directory / "good",
                    {NamedArray::of("head.weight", {2, 3}, std::span(values).first(6)),
                     NamedArray::of("head.bias", {2}, std::span(values).last(2)),
                     NamedArray::of("none", {0, 4}, std::span(values).first(0))});
  const std::string good = read_text(directory / "good");
  int loaded = 0, refused = 0;
  for (size_t at = 0; at < good.size() - 32; ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      try {
        const SafetensorsFile file(std::as_bytes(std::span(bytes)), "flipped");
        size_t total = 0;
        for (const NamedArray& array : file.arrays()) {
          const auto count = num_elements_of(array.shape);
          ASSERT_TRUE(count.has_value());
          ASSERT_EQ(static_cast<size_t>(*count * size_bytes_of(array.dtype)), array.bytes.size());
          ASSERT_EQ(array.bytes.data() - std::as_bytes(std::span(bytes)).data(),
                    static_cast<std::ptrdiff_t>(good.size() - 32 + total));
          total += array.bytes.size();
        }
        EXPECT_EQ(total, 32u);
        ++loaded;  // a letter of a name, a type of the same size
      } catch (const base::WeightError& error) {
        EXPECT_THAT(error.what(), HasSubstr("flipped: "));
        ++refused;
      }
    }
  EXPECT_GT(loaded, 0);
  EXPECT_GT(refused, 5 * loaded);
}

// Memory is only taken after the header's claims are compared with the file.
TEST(Safetensors, DamagedFilesTakeLittleMemory) {
  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::pair<const char*, std::string> cases[] = {
      {"huge shape",
       one(R"({"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,8]})", 8)},
      {"huge offsets",
       one(R"({"dtype":"U8","shape":[9000000000000000000],"data_offsets":[0,9000000000000000000]})",
           8)},
      {"many dims", one("{\"dtype\":\"F32\",\"shape\":[" + std::string(100'000, '1') +
                            "],\"data_offsets\":[0,8]}",
                        8)},
      {"header length", std::string("\xff\xff\xf0\5\0\0\0\0{", 9) + std::string(100, ' ')},
  };
  for (const auto& [what, bytes] : cases) {
    const testing::HeapMeter heap;
    EXPECT_THROW(SafetensorsFile(std::as_bytes(std::span(bytes)), "x"), base::WeightError) << what;
    EXPECT_LT(heap.peak_bytes(), 2'000'000) << what;
  }
}

TEST(Safetensors, WritesTheReferenceLayout) {
  const TemporaryDirectory directory;
  const std::vector<float> floats{1.5f, -2};
  const std::vector<int64_t> integers{7};
  const std::vector<uint8_t> bytes{9};
  const std::vector<NamedArray> arrays{
      NamedArray::of("b", {2}, std::span(floats)), NamedArray::of("z", {}, std::span(integers)),
      NamedArray::of("a", {2, 1}, std::span(floats)), NamedArray::of("c", {1}, std::span(bytes))};
  write_safetensors(directory / "file", arrays, {{"config", "{\"a\": 1}"}});
  const std::string text = read_text(directory / "file");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, text.data(), 8);
  EXPECT_EQ(header_bytes % 8, 0u);
  EXPECT_EQ(text.size(), 8 + header_bytes + 8 + 16 + 1);
  const SafetensorsFile file(directory / "file");
  std::vector<std::string> names;
  for (const NamedArray& array : file.arrays()) names.push_back(array.name);
  EXPECT_THAT(names, ElementsAre("z", "a", "b", "c"));  // i64, f32 by name, u8
  EXPECT_EQ(file.metadata(), (StringMap{{"format", "pt"}, {"config", "{\"a\": 1}"}}));
  for (const NamedArray& array : arrays) {
    const NamedArray& read = file.at(array.name);
    EXPECT_EQ(read.shape, array.shape);
    EXPECT_EQ(read.dtype, array.dtype);
    EXPECT_TRUE(std::ranges::equal(read.bytes, array.bytes)) << array.name;
  }
  write_safetensors(directory / "again", {arrays.rbegin(), arrays.rend()},
                    {{"config", "{\"a\": 1}"}});
  EXPECT_EQ(read_text(directory / "again"), text);
  write_safetensors(directory / "tf", {}, {{"format", "tf"}});
  EXPECT_EQ(SafetensorsFile(directory / "tf").metadata(), (StringMap{{"format", "tf"}}));
}

TEST(Safetensors, ImpossibleInputIsRefused) {
  const TemporaryDirectory directory;
  const std::vector<float> values{1, 2};
  const auto of = [&](const char* name, int64_t side) {
    return NamedArray::of(name, {side}, std::span(values));
  };
  EXPECT_THROW(write_safetensors(directory / "x", {of("a", 2), of("a", 2)}), base::InternalError);
  EXPECT_THROW(write_safetensors(directory / "x", {of("__metadata__", 2)}), base::InternalError);
  EXPECT_THROW(write_safetensors(directory / "x", {of("a", 3)}), base::InternalError);
  EXPECT_THROW(write_safetensors(directory / "none" / "x", {of("a", 2)}), base::DiskError);
  EXPECT_EQ(directory.num_entries(), 0);
}

template <class T>
NamedArray raw(DType dtype, const std::vector<T>& values) {
  return {
      "w", dtype, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values)), nullptr};
}

TEST(NamedArray, WidensHalvesExactly) {
  const std::vector<uint16_t> halves{0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400,
                                     0x0001, 0x83ff, 0x7c00, 0xfc00, 0x7e00, 0x3555};
  const std::vector<float> expected{0,
                                    -0.0f,
                                    1,
                                    -2,
                                    65504,
                                    0x1p-14f,
                                    0x1p-24f,
                                    -1023 * 0x1p-24f,
                                    INFINITY,
                                    -INFINITY,
                                    std::numeric_limits<float>::quiet_NaN(),
                                    0x1.554p-2f};
  std::vector<float> read(halves.size());
  read_float32(raw(DType::f16, halves), "x", read);
  EXPECT_EQ(std::memcmp(read.data(), expected.data(), read.size() * 4), 0);
  std::vector<double> doubles(halves.size());
  read_float64(raw(DType::f16, halves), "x", doubles);
  EXPECT_EQ(doubles[7], -1023 * 0x1p-24);

  const std::vector<uint16_t> brains{0x3f80, 0xbf00, 0x0001, 0x7f80, 0x8000};
  std::vector<float> widened(brains.size());
  read_float32(raw(DType::bf16, brains), "x", widened);
  EXPECT_THAT(widened, ElementsAre(1, -0.5f, 0x1p-133f, INFINITY, -0.0f));
}

TEST(NamedArray, ConvertsOnlyWithoutLoss) {
  const std::vector<double> doubles{0.1, 2};
  std::vector<double> wide(2);
  std::vector<float> narrow(2), three(3);
  std::vector<int64_t> integers(2);
  read_float64(raw(DType::f64, doubles), "x", wide);
  EXPECT_EQ(wide, doubles);
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { read_float32(raw(DType::f64, doubles), "x.st", narrow); }),
              HasSubstr("x.st: w has type f64, expected f32, f16 or bf16"));
  const std::vector<float> floats{1, 2};
  EXPECT_THAT(
      message_of<base::WeightError>([&] { read_float32(raw(DType::f32, floats), "x.st", three); }),
      HasSubstr("x.st: w has 2 elements (2), expected 3"));
  EXPECT_THROW(read_int64(raw(DType::f32, floats), "x", integers), base::WeightError);
  read_int64(raw(DType::i8, std::vector<int8_t>{-1, 127}), "x", integers);
  EXPECT_THAT(integers, ElementsAre(-1, 127));
  read_int64(raw(DType::u16, std::vector<uint16_t>{65535, 1}), "x", integers);
  EXPECT_THAT(integers, ElementsAre(65535, 1));
  read_int64(raw(DType::i32, std::vector<int32_t>{-5, 6}), "x", integers);
  EXPECT_THAT(integers, ElementsAre(-5, 6));
}

TEST(NamedArray, CountsElements) {
  EXPECT_EQ(num_elements_of(std::vector<int64_t>{}), 1);
  EXPECT_EQ(num_elements_of(std::vector<int64_t>{3, 0, 5}), 0);
  EXPECT_EQ(num_elements_of(std::vector<int64_t>{-1}), std::nullopt);
  EXPECT_EQ(num_elements_of(std::vector<int64_t>{int64_t{1} << 32, int64_t{1} << 31}),
            std::nullopt);
}

}  // namespace
}  // namespace swin::files
