// Whole files of other kinds are named, with a remedy, and never called damaged.
#include "files/foreign_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "files/weight_file.h"
#include "tests/files/test_files.h"
#include "tests/files/torch_bytes.h"

namespace swin::files {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::zip_of;

/// The archive with every entry marked as compressed, as torch.jit.save compresses its code.
std::string compressed(std::string archive) {
  constexpr size_t kMethodOfFile = 8, kMethodOfDirectory = 10;
  for (const auto& [magic, at] :
       {std::pair("PK\3\4", kMethodOfFile), {"PK\1\2", kMethodOfDirectory}})
    for (size_t found = archive.find(magic); found != std::string::npos;
         found = archive.find(magic, found + 1))
      archive[found + at] = 8;
  return archive;
}

struct Case {
  std::string bytes, kind, remedy;
};

std::vector<Case> cases() {
  const std::string pickle = testing::pickle_of("}");
  const std::string script = zip_of({{"m/data.pkl", pickle},
                                     {"m/code/__torch__/model.py", "class"},
                                     {"m/constants.pkl", pickle},
                                     {"m/version", "3"}});
  const std::string tar = std::string(257, 'x') + std::string("ustar\0", 6) + std::string(300, 0);
  std::string old_tar = tar;
  old_tar.replace(0, 8, "sys_info");
  return {
      {script, "a TorchScript archive", "torch.jit.load(\"weights.bin\").state_dict()"},
      {compressed(script), "a TorchScript archive", "torch.save(torch.jit.load("},
      {zip_of({{"m/data.pkl", pickle}, {"m/bytecode.pkl", ""}, {"m/constants.pkl", pickle}}),
       "a TorchScript archive", "torch.jit.load"},
      {zip_of({{"e/data/weights/weight_0", "abcd"}, {"e/models/model.json", "{}"}}),
       "a program of torch.export", "torch.export.load(\"weights.bin\").state_dict"},
      {zip_of({{"serialized_exported_program.json", "{}"}, {"serialized_state_dict.pt", ""}}),
       "a program of torch.export", "torch.export.load"},
      {compressed(zip_of({{"w.npy", "\x93NUMPY"}})), "NumPy arrays (.npz)", "numpy.load"},
      {zip_of({{"config.json", "{}"}, {"model.weights.h5", ""}}), "a Keras model", ".safetensors"},
      {compressed(zip_of({{"best/model.pth", "x"}, {"best/log.txt", "y"}})),
       "a zip archive that holds best/model.pth", "unzip"},
      {zip_of({{"a.txt", "x"}}), "a zip archive without data.pkl, of a.txt", "torch.save wrote"},
      {std::string("\x08\x0a\x12\x07pytorch\x1a\x05", 13), "an ONNX model", "exported from"},
      {"GGUF\3", "a GGUF file", "made from"},
      {"\x1f\x8b\x08....", "packed with gzip", "gzip -dc weights.bin > weights"},
      {"BZh91AY", "packed with bzip2", "bzip2 -dc"},
      {std::string("\xfd\x37zXZ\0..", 8), "packed with xz", "xz -dc"},
      {"\x28\xb5\x2f\xfd....", "packed with Zstandard", "zstd -dc"},
      {tar, "a tar archive", "tar -xf weights.bin"},
      {old_tar, "PyTorch before 0.1.10", "torch.load"},
      {"\x93NUMPY\1", "one NumPy array", "state dict"},
      {"\x89HDF\r\n\x1a\n.....keras_version....", "Keras weights (HDF5)", ".safetensors"},
      {"\x89HDF\r\n\x1a\n....", "an HDF5 file that swin did not write", ".safetensors"},
      {"abc" + std::string("\x57\xfb\x80\x8b\x24\x75\x47\xdb"), "a TensorFlow checkpoint",
       ".safetensors"},
      {std::string("\x08\x01\x12\x99", 4), "a TensorFlow checkpoint or model", ".safetensors"},
      {"abcdTFL3....", "TensorFlow Lite", ".safetensors"},
      {"\x82\xa6params\x81", "MessagePack", ".safetensors"},
      {"(dp0\nS'w'\n", "a pickle of protocol 0", "torch.save"},
      {"\x80\x02}.", "a pickle of something else", "pickle"},
  };
}

TEST(ForeignWeights, WholeFilesOfOtherKindsAreNamed) {
  const TemporaryDirectory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());  // short paths in remedies
  for (const Case& row : cases()) {
    write_text("weights.bin", row.bytes);
    const std::string said = message_of<base::WeightError>([] { read_raw_weights("weights.bin"); });
    EXPECT_THAT(said, AllOf(HasSubstr("weights.bin: found "), HasSubstr(row.kind),
                            HasSubstr(", expected "), HasSubstr("; "), HasSubstr(row.remedy)));
    EXPECT_THAT(said, AllOf(Not(HasSubstr("damaged")), Not(HasSubstr("again"))));
    EXPECT_LT(said.size(), 400u);
    // The same where a checkpoint is expected.
    const std::string checkpoint =
        message_of<base::WeightError>([] { CheckpointFile file("weights.bin"); });
    EXPECT_THAT(checkpoint, Not(HasSubstr("damaged")));
  }
  fs::current_path(before);
}

TEST(ForeignWeights, KnownFilesAreNotForeign) {
  for (const std::string& bytes :
       {testing::pth_of(testing::dict_of({}), {{"0", testing::floats(6)}}), std::string("{}"),
        std::string("PK\3\4"), std::string("\x80\x02}."), std::string()})
    EXPECT_FALSE(foreign_weights(testing::span_of(bytes), "x").has_value());
}

// The length of a header may begin like ONNX, and that of a longer one like MessagePack.
TEST(ForeignWeights, SafetensorsOfAnyHeaderAreRead) {
  const TemporaryDirectory directory;
  const std::vector<float> values(4);
  for (size_t filler = 0; filler < 600; ++filler) {
    write_safetensors(directory / "a", {NamedArray::of("w", {4}, std::span(values))},
                      {{"filler", std::string(filler, 'x')}});
    ASSERT_EQ(read_raw_weights(directory / "a").format, "safetensors");
  }
}

TEST(ForeignWeights, FoldersOfOtherKinds) {
  const TemporaryDirectory distributed, tensorflow;
  write_text(distributed / ".metadata", "x");
  EXPECT_THAT(message_of<base::WeightError>([&] { read_raw_weights(distributed.path()); }),
              AllOf(HasSubstr("torch.distributed.checkpoint"), HasSubstr("dcp_to_torch")));
  write_text(tensorflow / "saved_model.pb", "x");
  EXPECT_THAT(message_of<base::WeightError>([&] { read_raw_weights(tensorflow.path()); }),
              HasSubstr("a SavedModel of TensorFlow"));
}

}  // namespace
}  // namespace swin::files
