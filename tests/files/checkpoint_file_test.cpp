#include "files/checkpoint_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "base/errors.h"
#include "files/atomic_file.h"
#include "files/digest.h"
#include "tests/files/test_files.h"
#include "tests/support/forked_child.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A small checkpoint and the memory of its arrays.
struct Sample {
  std::map<std::string, std::vector<float>> values;
  CheckpointContents contents;
  explicit Sample(int64_t step = 42) {
    contents.step = step;
    contents.epoch = 3;
    const std::pair<const char*, std::vector<int64_t>> parameters[] = {
        {"patch_embed.proj.weight", {8, 3, 4, 4}},
        {"layers.0.blocks.1.attn.qkv.weight", {24, 8}},
        {"layers.0.blocks.1.attn.qkv.bias", {24}},
        {"head.bias", {10}}};
    for (const char* slot : {"model/", "ema/", "optimizer/exp_avg/", "optimizer/exp_avg_sq/"})
      for (const auto& [name, shape] : parameters) add(std::string(slot) + name, shape);
    contents.meta = {{"config", R"({"model": {"name": "swin"}})"},
                     {"class_names", R"(["ankle boot", "Hös\"chen"])"},
                     {"metrics", "{}"},
                     {"numerics", ""}};
  }
  void add(const std::string& name, const std::vector<int64_t>& shape) {
    auto& array = values[name];
    array.resize(static_cast<size_t>(*num_elements_of(shape)));
    for (size_t i = 0; i < array.size(); ++i)
      array[i] = static_cast<float>(name.size()) + 0.37f * static_cast<float>(i);
    contents.arrays.push_back(NamedArray::of(name, shape, std::span<const float>(array)));
  }
};

TEST(Checkpoint, RoundTrips) {
  const TemporaryDirectory directory;
  const Sample sample;
  write_checkpoint(directory / "step.h5", sample.contents);
  verify_checkpoint(directory / "step.h5");
  EXPECT_TRUE(is_checkpoint(directory / "step.h5"));
  const CheckpointFile file(directory / "step.h5");
  EXPECT_EQ(file.step(), 42);
  EXPECT_EQ(file.epoch(), 3);
  EXPECT_EQ(file.size_bytes(), int64_t(fs::file_size(directory / "step.h5")));
  EXPECT_EQ(file.entries().size(), 16u);
  EXPECT_EQ(file.entries().front().name, "ema/head.bias");
  EXPECT_THAT(file.shape_of("model/patch_embed.proj.weight"), ElementsAre(8, 3, 4, 4));
  for (const auto& [name, values] : sample.values) {
    std::vector<float> read(values.size());
    file.read_float32(name, read);
    EXPECT_EQ(read, values) << name;
    const NamedArray array = file.read(name);
    EXPECT_EQ(std::memcmp(array.bytes.data(), values.data(), array.bytes.size()), 0) << name;
  }
  for (const auto& [name, text] : sample.contents.meta) EXPECT_EQ(file.meta(name), text);
  EXPECT_THAT(file.meta_names(), ElementsAre("class_names", "config", "metrics", "numerics"));
  EXPECT_FALSE(file.find_meta("dataset_fingerprint").has_value());
  EXPECT_TRUE(file.contains("model/head.bias"));
  EXPECT_FALSE(file.contains("model/head"));
  EXPECT_FALSE(file.contains("meta/config"));
  EXPECT_THAT(message_of<base::WeightError>([&] { file.shape_of("model/none"); }),
              HasSubstr("no array model/none among its 16"));
  EXPECT_THAT(message_of<base::WeightError>([&] { file.meta("none"); }), HasSubstr("/meta/none"));
  std::vector<float> other(11);
  EXPECT_THAT(message_of<base::WeightError>([&] { file.read_float32("model/head.bias", other); }),
              HasSubstr("shape (10), expected 11 elements"));
}

TEST(Checkpoint, EqualSavesGiveEqualBytesAndTheHeaderIsAsDocumented) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "a.h5", Sample().contents);
  write_checkpoint(directory / "b.h5", Sample().contents);
  write_checkpoint(directory / "c.h5", Sample(43).contents);
  const std::string bytes = read_text(directory / "a.h5");
  EXPECT_EQ(bytes, read_text(directory / "b.h5"));
  EXPECT_NE(bytes, read_text(directory / "c.h5"));
  EXPECT_EQ(bytes.substr(0, 16), "swin checkpoint\n");
  EXPECT_EQ(bytes.substr(4096, 8), "\x89HDF\r\n\x1a\n");
  uint32_t words[2];
  uint64_t payload_bytes;
  Digest digest;
  std::memcpy(words, bytes.data() + 16, 8);
  std::memcpy(&payload_bytes, bytes.data() + 24, 8);
  std::memcpy(digest.data(), bytes.data() + 32, 32);
  EXPECT_EQ(words[0], 1u);
  EXPECT_EQ(words[1], 4096u);
  EXPECT_EQ(payload_bytes, bytes.size() - 4096);
  EXPECT_EQ(digest, sha256(bytes_of(std::string_view(bytes).substr(4096))));
  EXPECT_EQ(CheckpointFile(directory / "a.h5").sha256(), to_hex(digest));
}

TEST(Checkpoint, OtherProgramsReadIt) {
  if (std::system("command -v h5dump > /dev/null") != 0) GTEST_SKIP() << "no h5dump here";
  const TemporaryDirectory directory;
  write_checkpoint(directory / "a.h5", Sample().contents);
  const auto dump = [&](const std::string& options) {
    const std::string output = (directory / "dump.txt").string();
    const std::string command =
        "h5dump " + options + " " + (directory / "a.h5").string() + " > " + output;
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return read_text(output);
  };
  const std::string header = dump("-H");
  EXPECT_THAT(header, HasSubstr("DATASET \"layers.0.blocks.1.attn.qkv.weight\""));
  EXPECT_THAT(header, HasSubstr("GROUP \"exp_avg_sq\""));
  EXPECT_THAT(header, Not(HasSubstr("SOFTLINK")));
  EXPECT_THAT(dump("-a /step"), HasSubstr("(0): 42"));
  EXPECT_THAT(dump("-d /ema/head.bias -s 0 -c 2"), HasSubstr("(0): 13, 13.37"));
}

TEST(Checkpoint, EveryFlippedBitIsRefused) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "good.h5", Sample().contents);
  const std::string good = read_text(directory / "good.h5");
  const fs::path path = directory / "bad.h5";
  write_text(path, good);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    file.flush();
  };
  uint64_t state = 1;
  for (int i = 0; i < 3000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    // Every bit of the header's fields, then a sample of the rest.
    const size_t bit = i < 64 * 8 ? static_cast<size_t>(i) : (state >> 20) % (good.size() * 8);
    put(bit / 8, static_cast<char>(good[bit / 8] ^ (1 << bit % 8)));
    EXPECT_THROW(verify_checkpoint(path), base::WeightError) << "bit " << bit;
    if (i % 16 == 0) {
      EXPECT_THROW(CheckpointFile{path}, base::WeightError) << "bit " << bit;
    }
    put(bit / 8, good[bit / 8]);
  }
  verify_checkpoint(path);  // every flip was undone, so each error came from its flip
}

TEST(Checkpoint, EveryTruncationAndExtensionIsRefused) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "good.h5", Sample().contents);
  const std::string good = read_text(directory / "good.h5");
  const fs::path path = directory / "bad.h5";
  std::vector<size_t> sizes{0, 1, 8, 15, 16, 31, 63, 64, 4095, 4096, 4097, good.size() - 1};
  for (size_t size = 5000; size < good.size(); size += 617) sizes.push_back(size);
  for (const size_t size : sizes) {
    write_text(path, good.substr(0, size));
    EXPECT_THAT(message_of<base::WeightError>([&] { CheckpointFile{path}; }),
                AnyOf(HasSubstr("truncated"), HasSubstr("found an empty file"),
                      HasSubstr("the first bytes of a checkpoint")))
        << size;
  }
  write_text(path, good + '\0');
  EXPECT_THAT(message_of<base::WeightError>([&] { CheckpointFile{path}; }), HasSubstr("damaged"));
}

TEST(Checkpoint, OtherFilesAreNamed) {
  const TemporaryDirectory directory;
  const auto message = [&](const std::string& bytes) {
    write_text(directory / "file.h5", bytes);
    EXPECT_FALSE(is_checkpoint(directory / "file.h5"));
    return message_of<base::WeightError>([&] { CheckpointFile{directory / "file.h5"}; });
  };
  EXPECT_THAT(message(""), HasSubstr("found an empty file, expected a swin checkpoint"));
  EXPECT_THAT(message("hello, world, this is a text"), HasSubstr("found other bytes"));
  EXPECT_THAT(message("\x89HDF\r\n\x1a\n" + std::string(500, 'x')),
              HasSubstr("an HDF5 file that swin did not write"));
  EXPECT_THAT(message("PK\x03\x04" + std::string(500, 'x')),
              AllOf(HasSubstr("a file of torch.save"), HasSubstr("make one of it: swin convert "),
                    HasSubstr("file.h5 file.h5")));
  EXPECT_THAT(message(std::string("\x40\0\0\0\0\0\0\0{}", 10) + std::string(100, ' ')),
              AllOf(HasSubstr("a safetensors file"), HasSubstr("swin convert ")));
  EXPECT_THAT(message_of<base::WeightError>([&] { CheckpointFile{directory / "none.h5"}; }),
              HasSubstr("no such file"));
  EXPECT_THAT(message_of<base::WeightError>([&] { verify_checkpoint(directory.path()); }),
              HasSubstr("found a directory"));
  EXPECT_FALSE(is_checkpoint(directory / "none.h5"));
  EXPECT_FALSE(is_checkpoint(directory.path()));
}

/// A checkpoint file with any HDF5 part and the right digest.
void write_with_digest(const fs::path& path, const std::string& payload, uint32_t version = 1) {
  std::string bytes(4096, '\0');
  bytes.replace(0, 16, "swin checkpoint\n");
  const uint32_t words[2] = {version, 4096};
  const uint64_t payload_bytes = payload.size();
  const Digest digest = sha256(bytes_of(payload));
  std::memcpy(bytes.data() + 16, words, 8);
  std::memcpy(bytes.data() + 24, &payload_bytes, 8);
  std::memcpy(bytes.data() + 32, digest.data(), 32);
  write_text(path, bytes + payload);
}

TEST(Checkpoint, ContentsWithARightDigestAreCheckedToo) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "file.h5";
  const auto message = [&] { return message_of<base::WeightError>([&] { CheckpointFile{path}; }); };
  write_with_digest(path, "no HDF5 at all");
  EXPECT_THAT(message(), HasSubstr("is not an HDF5 file"));
  write_with_digest(path, "", 2);
  EXPECT_THAT(message(), HasSubstr("found checkpoint format version 2, expected 1"));

  const std::vector<double> doubles(4);
  NamedArray arrays[] = {NamedArray::of("model/a", {4}, std::span(doubles))};
  const auto payload = [&](const std::vector<Hdf5Attribute>& attributes) {
    const auto bytes = build_hdf5(arrays, attributes, 4096).to_bytes();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  write_with_digest(path, payload({}));
  EXPECT_THAT(message(), HasSubstr("no root attribute format"));
  write_with_digest(path, payload({{"format", "other"}}));
  EXPECT_THAT(message(), HasSubstr("found format other, expected swin.cpp"));
  write_with_digest(path, payload({{"format", "swin.cpp"}, {"format_version", int64_t{2}}}));
  EXPECT_THAT(message(), HasSubstr("format_version"));
  write_with_digest(path, payload({{"format", "swin.cpp"},
                                   {"format_version", int64_t{1}},
                                   {"step", int64_t{1}},
                                   {"epoch", int64_t{1}}}));
  EXPECT_THAT(message(), HasSubstr("dataset /model/a is f64 (4), expected f32"));

  const std::vector<float> floats(4);
  arrays[0] = NamedArray::of("model/a\x1b[31m", {4}, std::span(floats));
  write_with_digest(path, payload({{"format", "swin.cpp"},
                                   {"format_version", int64_t{1}},
                                   {"step", int64_t{1}},
                                   {"epoch", int64_t{1}}}));
  EXPECT_THAT(message(), HasSubstr("found the name model/a?[31m, expected one line"));
}

TEST(Checkpoint, AFailedSaveLeavesTheOldFile) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "step.h5", Sample(1).contents);
  const std::string before = read_text(directory / "step.h5");
  const int code = test::run_in_child([&] {
    test::limit_file_size(10'000);
    write_checkpoint(directory / "step.h5", Sample(2).contents);
    return 0;
  });
  EXPECT_EQ(code, 5);
  EXPECT_EQ(read_text(directory / "step.h5"), before);
  EXPECT_EQ(directory.num_entries(), 1);
  EXPECT_THROW(write_checkpoint(directory / "none" / "step.h5", Sample().contents),
               base::DiskError);
  write_checkpoint(directory / "step.h5", Sample(2).contents);
  EXPECT_EQ(CheckpointFile(directory / "step.h5").step(), 2);
}

TEST(Checkpoint, ImpossibleContentsAreRefused) {
  const TemporaryDirectory directory;
  const auto refused = [&](auto change) {
    Sample sample;
    change(sample);
    EXPECT_THROW(write_checkpoint(directory / "step.h5", sample.contents), base::InternalError);
  };
  refused([](Sample& sample) { sample.contents.arrays[0].dtype = DType::i32; });
  refused([](Sample& sample) { sample.contents.arrays[0].name = "meta/config2"; });
  refused([](Sample& sample) { sample.contents.arrays[0].name = sample.contents.arrays[1].name; });
  refused([](Sample& sample) { sample.contents.meta.emplace_back("config", "{}"); });
  EXPECT_EQ(directory.num_entries(), 0);
}

TEST(Checkpoint, HoldsNoArraysAndLargeMeta) {
  const TemporaryDirectory directory;
  write_checkpoint(directory / "empty.h5", {});
  EXPECT_TRUE(CheckpointFile(directory / "empty.h5").entries().empty());
  Sample sample;
  sample.contents.meta.emplace_back("dataset_fingerprint", std::string(300'000, 'x'));
  write_checkpoint(directory / "much.h5", sample.contents);
  CheckpointFile first(directory / "much.h5"), second(directory / "much.h5");
  EXPECT_EQ(first.meta("dataset_fingerprint").size(), 300'000u);
  first = std::move(second);
  EXPECT_EQ(first.step(), 42);
}

}  // namespace
}  // namespace swin::files
