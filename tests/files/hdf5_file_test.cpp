#include "files/hdf5_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "base/errors.h"
#include "tests/files/test_files.h"

namespace swin::files {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> ramp(int64_t size, float first = 0) {
  std::vector<float> values(static_cast<size_t>(size));
  std::iota(values.begin(), values.end(), first);
  return values;
}

/// The image after a userblock of zeros, as in a file.
std::vector<std::byte> file_of(const Hdf5Image& image, size_t userblock_bytes) {
  std::vector<std::byte> bytes(userblock_bytes);
  const auto body = image.to_bytes();
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

template <class T>
std::vector<T> read_all(const Hdf5Reader& reader, const std::string& name) {
  const auto* entry = reader.find(name);
  if (entry == nullptr) throw std::runtime_error("absent " + name);
  std::vector<T> values(static_cast<size_t>(*num_elements_of(entry->shape)));
  reader.read(name, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(Hdf5, RoundTripsEveryTypeAndShape) {
  for (const int64_t userblock : {0, 512, 4096}) {
    const auto floats = ramp(24);
    const std::vector<double> doubles{1e300, -0.5};
    const std::vector<int64_t> integers{-1, int64_t{1} << 62};
    const std::vector<uint8_t> bytes{1, 2, 3, 255, 0};
    const NamedArray arrays[] = {
        NamedArray::of("model/layers.0.blocks.1.attn.qkv.weight", {4, 3, 2}, std::span(floats)),
        NamedArray::of("model/scalar", {}, std::span(floats).last(1)),
        NamedArray::of("model/empty", {3, 0}, std::span<const float>()),
        NamedArray::of("top", {2}, std::span(doubles)),
        NamedArray::of("a/b/c/d", {1, 2}, std::span(integers)),
        NamedArray::of("meta/config", {5}, std::span(bytes))};
    const Hdf5Attribute attributes[] = {
        {"format", "swin.cpp"}, {"step", int64_t{123456789012}}, {"negative", int64_t{-7}}};
    const auto image = build_hdf5(arrays, attributes, userblock);
    const auto file = file_of(image, static_cast<size_t>(userblock));
    EXPECT_EQ(static_cast<int64_t>(file.size()), userblock + image.size_bytes());
    const Hdf5Reader reader(file, "file", FileKind::weights);
    ASSERT_EQ(reader.entries().size(), 6u);
    EXPECT_EQ(reader.entries()[0].name, "a/b/c/d");
    EXPECT_EQ(reader.find("top")->dtype, DType::f64);
    EXPECT_EQ(reader.find("absent"), nullptr);
    EXPECT_THAT(reader.find("model/layers.0.blocks.1.attn.qkv.weight")->shape,
                ElementsAre(4, 3, 2));
    EXPECT_TRUE(reader.find("model/scalar")->shape.empty());
    EXPECT_THAT(reader.find("model/empty")->shape, ElementsAre(3, 0));
    EXPECT_EQ(read_all<float>(reader, "model/layers.0.blocks.1.attn.qkv.weight"), floats);
    EXPECT_THAT(read_all<float>(reader, "model/scalar"), ElementsAre(23));
    EXPECT_TRUE(read_all<float>(reader, "model/empty").empty());
    EXPECT_EQ(read_all<double>(reader, "top"), doubles);
    EXPECT_EQ(read_all<int64_t>(reader, "a/b/c/d"), integers);
    EXPECT_EQ(read_all<uint8_t>(reader, "meta/config"), bytes);
    EXPECT_EQ(reader.string_attribute("format"), "swin.cpp");
    EXPECT_EQ(reader.integer_attribute("step"), 123456789012);
    EXPECT_EQ(reader.integer_attribute("negative"), -7);
  }
}

TEST(Hdf5, EqualInputGivesEqualBytes) {
  const auto values = ramp(1000);
  const NamedArray arrays[] = {NamedArray::of("model/a", {10, 100}, std::span(values)),
                               NamedArray::of("ema/a", {1000}, std::span(values))};
  const Hdf5Attribute attributes[] = {{"step", int64_t{1}}};
  const auto first = build_hdf5(arrays, attributes, 4096).to_bytes();
  const std::vector<std::byte> disturbance(12345,
                                           std::byte{0xa5});  // changes the state of the heap
  EXPECT_EQ(build_hdf5(arrays, attributes, 4096).to_bytes(), first);
}

TEST(Hdf5, ManyDatasetsStayReadableAndTheTablesSmall) {
  constexpr int kNum = 1500;
  const auto values = ramp(1 << 20);
  std::vector<NamedArray> arrays;
  for (int i = 0; i < kNum; ++i)
    arrays.push_back(NamedArray::of("model/layers." + std::to_string(i) + ".attn.proj.weight",
                                    {64 + i},
                                    std::span(values).subspan(size_t(i), size_t(64 + i))));
  // Larger ones, each a view of the same memory.
  for (int i = 0; i < 4; ++i)
    arrays.push_back(NamedArray::of("large/" + std::to_string(i), {1 << 20}, std::span(values)));
  const auto image = build_hdf5(arrays, {}, 4096);
  int64_t array_bytes = 0, table_bytes = 0;
  for (const auto& array : arrays) array_bytes += int64_t(array.bytes.size());
  std::map<const std::byte*, size_t> given;
  for (const auto& array : arrays) given[array.bytes.data()] = array.bytes.size();
  for (const auto span : image.spans())
    if (given.find(span.data()) == given.end()) table_bytes += int64_t(span.size());
  EXPECT_EQ(table_bytes + array_bytes, image.size_bytes());
  EXPECT_LT(table_bytes, kNum * 1024);
  // Tables after the large arrays would make the image as large as the arrays.
  EXPECT_LT(image.held_bytes(), 2 * table_bytes);

  const auto file = file_of(image, 4096);
  const Hdf5Reader reader(file, "file", FileKind::weights);
  ASSERT_EQ(reader.entries().size(), arrays.size());
  for (const auto& array : arrays) {
    const auto read = read_all<float>(reader, array.name);
    ASSERT_TRUE(std::ranges::equal(std::as_bytes(std::span(read)), array.bytes)) << array.name;
  }
}

TEST(Hdf5, SeveralReadersLiveTogether) {
  const auto one = ramp(8, 1), two = ramp(8, 2);
  const NamedArray first[] = {NamedArray::of("a", {8}, std::span(one))};
  const NamedArray second[] = {NamedArray::of("a", {8}, std::span(two))};
  const auto file_one = file_of(build_hdf5(first, {}), 0),
             file_two = file_of(build_hdf5(second, {}), 0);
  auto reader_one = std::make_unique<Hdf5Reader>(file_one, "one", FileKind::weights);
  const Hdf5Reader reader_two(file_two, "two", FileKind::weights);
  EXPECT_EQ(read_all<float>(*reader_one, "a"), one);
  EXPECT_EQ(read_all<float>(reader_two, "a"), two);
  const Hdf5Reader moved = std::move(*reader_one);
  reader_one.reset();
  EXPECT_EQ(read_all<float>(moved, "a"), one);
}

TEST(Hdf5, ImpossibleInputIsRefused) {
  const auto values = ramp(4);
  const auto build = [&](const std::vector<NamedArray>& arrays) {
    return message_of<base::InternalError>([&] { build_hdf5(arrays, {}); });
  };
  const auto of = [&](const std::string& name) {
    return NamedArray::of(name, {4}, std::span(values));
  };
  for (const char* name : {"", "/a", "a/", "a//b", ".", "a/..", "./a"})
    EXPECT_THAT(build({of(name)}), HasSubstr("not a dataset path")) << name;
  EXPECT_THAT(build({of("a"), of("a")}), HasSubstr("used twice"));
  EXPECT_THAT(build({of("a"), of("a/b")}), HasSubstr("could not be made"));
  EXPECT_THAT(build({NamedArray::of("a", {5}, std::span(values))}), HasSubstr("does not fit"));
  EXPECT_THAT(build({NamedArray::of("a", {-4}, std::span(values))}), HasSubstr("does not fit"));
  NamedArray half = of("a");
  half.dtype = DType::f16;
  EXPECT_THAT(build({half}), HasSubstr("f16"));
}

TEST(Hdf5, ReaderReportsWhatIsMissing) {
  const auto values = ramp(4);
  const NamedArray arrays[] = {NamedArray::of("a", {4}, std::span(values))};
  const Hdf5Attribute attributes[] = {{"step", int64_t{1}}, {"format", "x"}};
  const auto file = file_of(build_hdf5(arrays, attributes), 0);
  const Hdf5Reader reader(file, "file.h5", FileKind::weights);
  std::vector<std::byte> out(12);
  EXPECT_THAT(message_of<base::WeightError>([&] { reader.read("a", out); }),
              HasSubstr("file.h5: dataset /a (4) has 16 bytes, expected 12"));
  EXPECT_THAT(message_of<base::WeightError>([&] { reader.read("b", out); }),
              HasSubstr("no dataset /b"));
  EXPECT_THAT(message_of<base::WeightError>([&] { reader.integer_attribute("none"); }),
              HasSubstr("no root attribute none"));
  EXPECT_THAT(message_of<base::WeightError>([&] { reader.integer_attribute("format"); }),
              HasSubstr("not an integer"));
  EXPECT_THAT(message_of<base::WeightError>([&] { reader.string_attribute("step"); }),
              HasSubstr("not a string"));
  const std::vector<std::byte> junk(5000, std::byte{7});
  EXPECT_THAT(message_of<base::DataError>([&] { Hdf5Reader(junk, "data.h5", FileKind::data); }),
              HasSubstr("data.h5: is not an HDF5 file"));
  EXPECT_THROW(Hdf5Reader({}, "x", FileKind::weights), base::WeightError);
}

}  // namespace
}  // namespace swin::files
