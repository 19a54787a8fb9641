#include "files/weight_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "files/atomic_file.h"
#include "files/checkpoint_file.h"
#include "files/mapped_file.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"
#include "tests/support/heap_meter.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<float> kValues{1, 2, 3, 4};

NamedArray of(const std::string& name, int64_t side) {
  return NamedArray::of(name, {side}, std::span(kValues).first(static_cast<size_t>(side)));
}

std::vector<std::string> names_of(const RawWeights& weights) {
  std::vector<std::string> names;
  for (const NamedArray& array : weights.arrays) names.push_back(array.name);
  return names;
}

std::string refused(const fs::path& path) {
  return message_of<base::WeightError>([&] { read_raw_weights(path); });
}

TEST(WeightFile, IsRecognizedByContent) {
  const TemporaryDirectory directory;
  const fs::path misleading = directory / "weights.dat";

  CheckpointContents contents;
  contents.arrays = {of("model/head.bias", 3), of("ema/head.bias", 3),
                     of("optimizer/exp_avg/head.bias", 3)};
  contents.meta = {{"config", "{\"a\": 1}"}};
  write_checkpoint(misleading, contents);
  RawWeights weights = read_raw_weights(misleading);
  EXPECT_EQ(weights.format, "checkpoint");
  EXPECT_THAT(names_of(weights), ElementsAre("head.bias"));
  EXPECT_EQ(weights.config_json, "{\"a\": 1}");
  contents.arrays[1] = of("ema/head.bias", 2);
  write_checkpoint(misleading, contents);
  weights = read_raw_weights(misleading, {.set = WeightSet::averaged});
  EXPECT_THAT(names_of(weights), ElementsAre("head.bias"));
  EXPECT_THAT(weights.arrays[0].shape, ElementsAre(2));

  write_safetensors(misleading, {of("a", 2), of("b", 1)}, {{"key", "value"}});
  weights = read_raw_weights(misleading);
  EXPECT_EQ(weights.format, "safetensors");
  EXPECT_THAT(names_of(weights), ElementsAre("a", "b"));
  EXPECT_EQ(weights.metadata.back(), (std::pair<std::string, std::string>("key", "value")));
  EXPECT_THAT(message_of<base::WeightError>(
                  [&] { read_raw_weights(misleading, {.set = WeightSet::averaged}); }),
              HasSubstr("found one set of weights, expected an average"));
  EXPECT_FALSE(weights.config_json.has_value());

  const std::string code =
      "}" + testing::text("model") + testing::dict_of({}) + "s" + testing::text("epoch") + "K\1s";
  write_text(misleading, testing::pth_of(code, {{"0", testing::floats(6)}}));
  weights = read_raw_weights(misleading);
  EXPECT_EQ(weights.format, "pth (zip)");
  EXPECT_EQ(weights.key, "model");
  EXPECT_THAT(weights.ignored, ElementsAre("epoch"));
  EXPECT_THAT(names_of(weights), ElementsAre("w"));

  write_text(misleading, testing::legacy_of(testing::dict_of({}), {{"0", testing::raw<int64_t>(6) +
                                                                             testing::floats(6)}}));
  weights = read_raw_weights(misleading);
  EXPECT_EQ(weights.format, "pth (legacy)");
  EXPECT_EQ(weights.key, "");
}

TEST(WeightFile, OtherFilesAreRefused) {
  const TemporaryDirectory directory;
  const std::pair<std::string, const char*> cases[] = {
      {"", "an empty file"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"<!DOCTYPE html>", "a web page"},
      {"\x89HDF\r\n\x1a\n....", "an HDF5 file that swin did not write"},
      {"epoch,loss\n1,2\n", "other bytes, expected a checkpoint (.h5), .safetensors"},
      {"\x80\x02}.", "a pickle of something else"},
      {"\x80\x02"
       "cos\nsystem\n.",
       "the global os.system"},
      {"\x80\x02", "truncated"},
      {"\x80", "other bytes"},
      {"{\"model\": {\"name\": \"swin\"}}", "JSON without a weight_map"},
      {"{\"model\": ", "weights.dat:1: found"},
      {"[1, 2]", "other bytes"},
  };
  for (const auto& [bytes, expected] : cases) {
    write_text(directory / "weights.dat", bytes);
    EXPECT_THAT(refused(directory / "weights.dat"),
                AllOf(HasSubstr("weights.dat:"), HasSubstr(expected), HasSubstr("; ")));
  }
  write_text(directory / "bad.safetensors", std::string(20, '\1'));
  EXPECT_THAT(refused(directory / "bad.safetensors"), HasSubstr("expected at most 100000000"));
  EXPECT_THAT(refused(directory / "none"), HasSubstr("no such file"));
}

struct Sharded {
  TemporaryDirectory directory;
  fs::path index = directory / "model.safetensors.index.json";
  Sharded() {
    write_safetensors(directory / "model-00001-of-00002.safetensors", {of("a", 1), of("b", 2)},
                      {{"key", "value"}});
    write_safetensors(directory / "model-00002-of-00002.safetensors", {of("c", 3)});
  }
  void write(const std::string& map) {
    write_text(index,
               "{\n  \"metadata\": {\"total_size\": 24},\n  \"weight_map\": {" + map + "}\n}\n");
  }
};

constexpr char kFirst[] =
    "\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"model-00001-of-00002.safetensors\"";
constexpr char kSecond[] = "\"c\": \"model-00002-of-00002.safetensors\"";

TEST(WeightFile, ReadsShards) {
  Sharded sharded;
  sharded.write(std::string(kSecond) + ", " + kFirst);
  for (const fs::path& path : {sharded.index, sharded.directory.path()}) {
    const RawWeights weights = read_raw_weights(path);
    EXPECT_EQ(weights.format, "safetensors index");
    EXPECT_THAT(names_of(weights), ElementsAre("a", "b", "c"));
    EXPECT_EQ(weights.metadata.back().second, "value");
    std::vector<float> values(3);
    read_float32(weights.arrays[2], "x", values);
    EXPECT_THAT(values, ElementsAre(1, 2, 3));
  }
}

TEST(WeightFile, ShardsMustFitTheirIndex) {
  Sharded sharded;
  write_safetensors(sharded.directory / "other.safetensors", {of("c", 3)});
  const std::string first = kFirst;
  const std::pair<std::string, const char*> cases[] = {
      {first, nullptr},  // no tensor is in the second shard
      {"", "JSON without a weight_map"},
      {"\"a\": \"model-00001-of-00002.safetensors\"",
       "model-00001-of-00002.safetensors holds b, which the index assigns to another file"},
      {first + ", \"d\": \"model-00001-of-00002.safetensors\"",
       "assigns d to model-00001-of-00002.safetensors, which does not hold it"},
      {first + ", \"c\": \"model-00001-of-00002.safetensors\"",
       "assigns c to model-00001-of-00002.safetensors, which does not hold it"},
      {first + ", \"a\": \"other.safetensors\"", "a second time"},
      {first + ", \"x\": \"other.safetensors\"", "other.safetensors holds c"},
      {first + ", \"c\": 3", "weight_map.c is of type integer"},
      {first + ", \"c\": \"none.safetensors\"", "none.safetensors: no such file"},
      {first + ", \"c\": \"../other.safetensors\"",
       "in \"../other.safetensors\", expected a .safetensors file of the same folder"},
      {first + ", \"c\": \"/etc/other.safetensors\"", "of the same folder"},
      {first + ", \"c\": \"sub/other.safetensors\"", "of the same folder"},
      {first + ", \"c\": \"sub\\\\other.safetensors\"", "of the same folder"},
      {first + ", \"c\": \".safetensors\"", "of the same folder"},
      {first + ", \"c\": \"\"", "of the same folder"},
      {first + ", \"c\": \"other.safetensors\\u0000.safetensors\"", "of the same folder"},
      {first + ", \"c\": \"model.pth\"", "expected a .safetensors file"},
      {"\"a\": \"pytorch_model-00001-of-00002.bin\"",
       "found an index of pickled shards (pytorch_model-00001-of-00002.bin), expected one of "
       ".safetensors files; save the model as .safetensors"},
  };
  for (const auto& [map, expected] : cases) {
    sharded.write(map);
    if (expected == nullptr)
      EXPECT_EQ(read_raw_weights(sharded.index).arrays.size(), 2u);
    else
      EXPECT_THAT(refused(sharded.index), AllOf(HasSubstr(expected), HasSubstr("; "))) << map;
  }
}

TEST(WeightFile, FindsTheFileInAFolder) {
  const TemporaryDirectory directory;
  EXPECT_THAT(refused(directory.path()), HasSubstr("a folder without model.safetensors"));
  write_text(directory / "pytorch_model.bin",
             testing::pth_of(testing::dict_of({}), {{"0", testing::floats(6)}}));
  EXPECT_EQ(read_raw_weights(directory.path()).format, "pth (zip)");
  write_safetensors(directory / "model.safetensors", {of("a", 2)});
  EXPECT_EQ(read_raw_weights(directory.path()).format, "safetensors");
  const TemporaryDirectory pickled;
  write_text(pickled / "pytorch_model.bin.index.json",
             R"({"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}})");
  EXPECT_THAT(refused(pickled.path()), HasSubstr("pickled shards"));
}

TEST(WeightFile, SafetensorsAreViewsOfTheMap) {
  const TemporaryDirectory directory;
  const std::vector<float> values(8'000'000, 0.5f);
  write_safetensors(directory / "large",
                    {NamedArray::of("w", {8'000'000}, std::span(values)), of("a", 3)});
  const testing::HeapMeter heap;
  NamedArray kept;
  {
    const RawWeights weights = read_raw_weights(directory / "large");
    for (const NamedArray& array : weights.arrays) {
      const auto* mapped = static_cast<const MappedFile*>(array.owner.get());
      ASSERT_NE(mapped, nullptr);
      EXPECT_GE(array.bytes.data(), mapped->bytes().data());
      EXPECT_LE(array.bytes.data() + array.bytes.size(),
                mapped->bytes().data() + mapped->bytes().size());
    }
    kept = weights.arrays[1];
  }
  EXPECT_LT(heap.peak_bytes(), 100'000);  // of 32 MB
  EXPECT_EQ(kept.bytes.size(), 32'000'000u);
  EXPECT_EQ(kept.bytes.back(), std::as_bytes(std::span(values)).back());
}

}  // namespace
}  // namespace swin::files
