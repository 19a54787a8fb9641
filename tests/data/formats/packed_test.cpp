#include "data/formats/packed.h"

#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "data/loader.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PackedTest : public testing::Test {
 protected:
  PackedTest() {
    const char* const names[] = {"rgb.png", "rgb_420.jpg", "gray.jpg", "cmyk.jpg"};
    for (int i = 0; i < 8; ++i)
      folder_.write((i % 3 ? "set/b/" : "set/a/") + std::to_string(i) + ".jpg",
                    image_bytes(names[i % 4]));
  }
  std::string set() const { return folder_ / "set"; }
  std::string packed() const { return folder_ / "set.h5"; }
  TemporaryDirectory folder_;
};

TEST_F(PackedTest, HasTheBatchesOfTheFolder) {
  const auto folder = open_path(set());
  int64_t last = 0;
  pack_dataset(*folder, packed(), [&](int64_t done) { last = done; });
  EXPECT_EQ(last, 8);
  verify_packed(packed());
  EXPECT_EQ(format_of_path(packed()), "packed");
  const auto pack = open_path(packed());
  EXPECT_EQ(pack->class_names(), folder->class_names());
  ASSERT_EQ(pack->size(), folder->size());
  EXPECT_EQ(pack->annotation_kind(), AnnotationKind::one_class);
  EXPECT_EQ(pack->name(3), packed() + ": " + folder->name(3));
  LoaderOptions options;
  options.batch_size = 3;
  options.shuffle = true;
  options.preprocess.height = options.preprocess.width = 16;
  options.preprocess.channels = 3;
  options.preprocess.mean = {0, 0, 0};
  options.preprocess.std = {1, 1, 1};
  Loader of_folder(*folder, options), of_pack(*pack, options);
  of_folder.start(0);
  of_pack.start(0);
  Batch one, other;
  int batches = 0;
  for (; of_folder.next(one); ++batches) {
    ASSERT_TRUE(of_pack.next(other));
    EXPECT_EQ(one.images, other.images);
    EXPECT_EQ(one.labels, other.labels);
  }
  EXPECT_EQ(batches, 3);
}

TEST_F(PackedTest, FilesAreTheImages) {
  const auto folder = open_path(set());
  pack_dataset(*folder, packed());
  const auto pack = open_path(packed());
  const std::vector<ListedFile> files = pack->files(), originals = folder->files();
  ASSERT_EQ(files.size(), 8u);
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].path, folder->name(static_cast<int64_t>(i)));
    EXPECT_EQ(files[i].size_bytes, originals[i].size_bytes);
  }
  std::filesystem::rename(packed(), folder_ / "moved.h5");
  EXPECT_EQ(open_path(folder_ / "moved.h5")->files()[7].path, files[7].path);
}

TEST_F(PackedTest, KeepsAClassWithoutImages) {
  std::filesystem::create_directories(folder_ / "set/aa");
  DatasetOptions options = dataset_options("image_folder", set());
  options.empty_classes = true;
  pack_dataset(*open_dataset(options), packed());
  const auto pack = open_path(packed());
  EXPECT_THAT(pack->class_names(), ElementsAre("a", "aa", "b"));
  EXPECT_EQ(pack->stratum(7), 2);
}

TEST_F(PackedTest, EqualSetsGiveEqualBytesAndNothingIsLeftBehind) {
  pack_dataset(*open_path(set()), packed());
  const Bytes first = read_bytes(packed());
  pack_dataset(*open_path(set()), packed());
  EXPECT_EQ(read_bytes(packed()), first);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 1);
}

TEST_F(PackedTest, KeepsSeveralLabels) {
  const std::string list =
      folder_.write("set/list.csv", "path,labels\na/0.jpg,x;y\nb/1.jpg,\nb/2.jpg,z\n");
  pack_dataset(*open_path(list), packed());
  const auto pack = open_path(packed());
  EXPECT_EQ(pack->annotation_kind(), AnnotationKind::classes);
  EXPECT_THAT(pack->class_names(), ElementsAre("x", "y", "z"));
  EXPECT_THAT(classes_of(pack->annotation(0)), ElementsAre(0, 1));
  EXPECT_THAT(classes_of(pack->annotation(1)), ElementsAre());
  EXPECT_THAT(classes_of(pack->annotation(2)), ElementsAre(2));
}

TEST_F(PackedTest, DamageIsFound) {
  pack_dataset(*open_path(set()), packed());
  const Bytes whole = read_bytes(packed());
  int in_images = 0;
  for (size_t at = 0; at < whole.size(); at += at < 4096 ? 7 : 503) {
    Bytes bytes = whole;
    bytes[at] ^= 0x10;
    if (at >= 112 && at < 4096) continue;  // the unused rest of the userblock
    folder_.write("set.h5", bytes);
    EXPECT_THAT(data_error([&] { verify_packed(packed()); }), HasSubstr("set.h5")) << at;
    DatasetOptions options;
    options.format = "packed";
    options.path = packed();
    try {
      open_dataset(options);
      ++in_images;  // found only when the image is read
    } catch (const base::DataError&) {
    }
  }
  EXPECT_GT(in_images, 10);
  for (const size_t size : {size_t{0}, size_t{20}, size_t{4096}, whole.size() - 1}) {
    folder_.write("set.h5", std::span(whole).first(size));
    DatasetOptions options;
    options.format = "packed";
    options.path = packed();
    EXPECT_THAT(data_error([&] { open_dataset(options); }), HasSubstr("set.h5"));
  }
}

// The digests are valid, the tables are not.
TEST_F(PackedTest, InconsistentTablesAreRefused) {
  struct Set {
    std::vector<int64_t> image_offsets = {0, 2, 5}, labels = {1, 0}, label_offsets = {0, 1, 2},
                         name_offsets = {0, 1, 2};
    std::string names = "xy", class_names = R"(["a", "b"])", format = "swin packed";
    int64_t multi_label = 0;
    files::DType type_of_labels = files::DType::i64;
  };
  const auto refusal = [&](auto&& change) {
    Set set;
    change(set);
    const Bytes images = {1, 2, 3, 4, 5};
    const auto array = [](const char* name, files::DType dtype, const auto& values) {
      return files::NamedArray{name,
                               dtype,
                               {static_cast<int64_t>(values.size())},
                               std::as_bytes(std::span(values)),
                               nullptr};
    };
    using enum files::DType;
    const files::NamedArray arrays[] = {array("images", u8, images),
                                        array("image_offsets", i64, set.image_offsets),
                                        array("labels", set.type_of_labels, set.labels),
                                        array("label_offsets", i64, set.label_offsets),
                                        array("name_offsets", i64, set.name_offsets),
                                        array("names", u8, set.names),
                                        array("class_names", u8, set.class_names)};
    const files::Hdf5Attribute attributes[] = {{"format", set.format},
                                               {"multi_label", set.multi_label}};
    write_packed(packed(), arrays, attributes);
    verify_packed(packed());
    try {
      open_path(packed());
    } catch (const base::DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal([](Set&) {}), "");
  EXPECT_EQ(refusal([](Set& s) {
              s.multi_label = 1, s.label_offsets = {0, 0, 1}, s.labels = {1};
            }),
            "");
  const auto refused = [&](auto&& change) {
    EXPECT_THAT(refusal(change),
                HasSubstr("set.h5: the tables of the packed data set are inconsistent"));
  };
  refused([](Set& s) { s.class_names = "no JSON"; });
  refused([](Set& s) { s.class_names = R"({"a": 1, "b": 2})"; });
  refused([](Set& s) { s.class_names = R"(["a", 2])"; });
  refused([](Set& s) { s.class_names = "[]"; });
  refused([](Set& s) { s.format = "swin"; });
  refused([](Set& s) { s.type_of_labels = files::DType::f64; });
  refused([](Set& s) { s.labels = {1, 2}; });
  refused([](Set& s) { s.labels = {-1, 0}; });
  refused([](Set& s) { s.multi_label = 1, s.labels = {1, 0}, s.label_offsets = {0, 2, 2}; });
  refused([](Set& s) { s.multi_label = 1, s.labels = {1, 1}, s.label_offsets = {0, 2, 2}; });
  refused([](Set& s) { s.label_offsets = {0, 2, 2}; });
  refused([](Set& s) { s.label_offsets = {0, 1}; });
  refused([](Set& s) { s.image_offsets = {0, 2, 6}; });
  refused([](Set& s) { s.image_offsets = {0, 7, 5}; });
  refused([](Set& s) { s.image_offsets = {-1, 2, 5}; });
  refused([](Set& s) { s.name_offsets = {0, INT64_MAX, 2}; });
  refused([](Set& s) { s.image_offsets = s.label_offsets = s.name_offsets = {0}, s.labels = {}; });
}

TEST_F(PackedTest, AFileThatCannotBeWrittenIsADiskError) {
  EXPECT_THROW(pack_dataset(*open_path(set()), "/proc/no/set.h5"), base::DiskError);
}

}  // namespace
}  // namespace swin::data
