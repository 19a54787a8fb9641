#include "data/formats/packed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "base/json.h"
#include "base/unicode.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/passed_over.h"
#include "files/atomic_file.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

// The userblock, little-endian: 16 bytes magic; u32 version; u32 bytes of the userblock; u64 bytes
// after it; u64 offset and u64 bytes of the images; SHA-256 of the images; SHA-256 of the userblock
// up to here and of everything after it except the images; zeros.
constexpr std::string_view kMagic = "swin packed set\n";
constexpr uint32_t kVersion = 1;
constexpr size_t kUserblockBytes = 4096, kPieceBytes = 16 << 20;
constexpr char kRemedy[] = "pack the data set again";

struct Header {
  char magic[16];
  uint32_t version, userblock_bytes;
  uint64_t payload_bytes, images_offset, images_bytes;
  files::Digest images_digest, digest;
};
static_assert(sizeof(Header) == 112 && kMagic.size() == sizeof Header::magic);

std::span<const std::byte> digested_header(const Header& header) {
  return std::as_bytes(std::span(&header, 1)).first(offsetof(Header, digest));
}

/// @param file its pages are released after reading; null: none.
files::Digest digest_of(std::span<const std::byte> bytes, const files::MappedFile* file) {
  files::Sha256 sum;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
    sum.update(piece);
    bytes = bytes.subspan(piece.size());
    if (file != nullptr) file->release_pages();
  }
  return sum.finish();
}

/// Checks everything except the images.
Header checked_header(const files::MappedFile& file, const std::string& where) {
  const auto bytes = file.bytes();
  const auto refuse = [&](const std::string& found) {
    throw base::DataError(where, found, kRemedy);
  };
  if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    throw base::DataError(where, "found no packed data set, expected the output of swin data pack",
                          "create one with swin data pack FOLDER OUT.h5");
  if (bytes.size() < kUserblockBytes) refuse("the packed data set is truncated");
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion)
    refuse("found version " + std::to_string(header.version) + " of the packed format, expected " +
           std::to_string(kVersion));
  const uint64_t size = bytes.size();
  if (header.userblock_bytes != kUserblockBytes || header.payload_bytes != size - kUserblockBytes)
    refuse("found " + std::to_string(size) + " bytes, expected " +
           std::to_string(header.payload_bytes + kUserblockBytes) +
           ": the packed data set is truncated or damaged");
  if (header.images_offset < kUserblockBytes || header.images_offset > size ||
      header.images_bytes > size - header.images_offset)
    refuse("the header of the packed data set is damaged");
  files::Sha256 sum;
  sum.update(digested_header(header));
  sum.update(bytes.subspan(kUserblockBytes, header.images_offset - kUserblockBytes));
  sum.update(bytes.subspan(header.images_offset + header.images_bytes));
  if (sum.finish() != header.digest) refuse("the tables of the packed data set are damaged");
  return header;
}

class Packed : public EncodedDataset {
 public:
  explicit Packed(const DatasetOptions& options) : EncodedDataset(options), path_(options.path) {
    const files::MappedFile file(path_, files::FileKind::data);
    const Header header = checked_header(file, path_);
    images_offset_ = static_cast<int64_t>(header.images_offset);
    const files::Hdf5Reader reader(file.bytes(), path_, files::FileKind::data);
    if (reader.string_attribute("format") != "swin packed") damaged();
    tables_.multi_label = reader.integer_attribute("multi_label") != 0;
    const auto read = [&](const char* name, files::DType dtype, auto& values) {
      const files::Hdf5Reader::Entry* entry = reader.find(name);
      if (entry == nullptr || entry->shape.size() != 1 || entry->dtype != dtype) damaged();
      values.resize(static_cast<size_t>(entry->shape[0]));
      reader.read(name, std::as_writable_bytes(std::span(values)));
    };
    std::string classes;
    read("image_offsets", files::DType::i64, tables_.image_offsets);
    read("labels", files::DType::i64, tables_.labels);
    read("label_offsets", files::DType::i64, tables_.label_offsets);
    read("name_offsets", files::DType::i64, tables_.name_offsets);
    read("names", files::DType::u8, tables_.names);
    read("class_names", files::DType::u8, classes);
    tables_.class_names = class_names_ = names_in(classes);
    if (!tables_.fit(static_cast<int64_t>(header.images_bytes))) damaged();
    fingerprint_ = files::to_hex(header.digest);
    // As the other formats do for lists of one label each.
    if (!options.label_rows) tables_.multi_label &= !tables_.has_one_label_each();
    if (!tables_.multi_label) warnings_ = class_warnings(class_names_, "");
  }

  using EncodedDataset::size;
  int64_t size() const override { return tables_.size(); }
  Annotation annotation(int64_t i) const override {
    return classes_annotation(tables_.labels_of(i), tables_.multi_label);
  }
  std::string name(int64_t i) const override {
    return path_ + ": " + std::string(tables_.name_of(i));
  }
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> all;
    all.reserve(static_cast<size_t>(size()));
    for (int64_t i = 0; i < size(); ++i) {
      const auto* offsets = tables_.image_offsets.data() + i;
      all.push_back({std::string(tables_.name_of(i)), offsets[1] - offsets[0]});
    }
    return all;
  }
  std::span<const uint8_t> encoded(int64_t i, std::vector<uint8_t>& memory) const override {
    const auto* offsets = tables_.image_offsets.data() + i;
    return read_bytes(path_, images_offset_ + offsets[0], offsets[1] - offsets[0], name(i), memory);
  }

 private:
  [[noreturn]] void damaged() const {
    throw base::DataError(path_, "the tables of the packed data set are inconsistent", kRemedy);
  }
  std::vector<std::string> names_in(const std::string& json) const {
    std::vector<std::string> names;
    try {
      const base::Json list = base::parse_json(json, path_);
      if (!list.is_array()) damaged();
      for (const base::Json& name : list.items()) {
        if (!name.is_string()) damaged();
        names.push_back(base::composed(name.as_string()));
      }
    } catch (const base::JsonSyntaxError&) {
      damaged();
    }
    return names;
  }

  std::string path_;
  int64_t images_offset_ = 0;
  PackedTables tables_;
};

/// Collects all images, one after the other, in an unlinked file in the folder of the output.
class ImagesFile {
 public:
  explicit ImagesFile(const std::string& output) : output_(output) {
    const std::filesystem::path target(output);
    const std::string path = (target.parent_path() / ("." + target.filename().string() +
                                                      ".images.tmp." + std::to_string(::getpid())))
                                 .string();
    const int descriptor =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    file_.reset(descriptor < 0 ? nullptr : ::fdopen(descriptor, "wb+"));
    if (!file_) fail("create");
    ::unlink(path.c_str());  // deleted when the process ends, in whatever way
  }

  void append(std::span<const uint8_t> bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) fail("write");
  }
  files::MappedFile map() {
    if (std::fflush(file_.get()) != 0) fail("write");
    return files::MappedFile("/proc/self/fd/" + std::to_string(::fileno(file_.get())),
                             files::FileKind::data);
  }

 private:
  [[noreturn]] void fail(const char* step) const {
    throw base::DiskError(output_,
                          std::string("cannot ") + step + " a temporary file in its folder (" +
                              std::strerror(errno) + ")",
                          "free space or choose another path");
  }

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string output_;
  std::unique_ptr<std::FILE, Close> file_;
};

template <class Values>
auto part(const Values& values, const std::vector<int64_t>& offsets, int64_t i) {
  const auto index = static_cast<size_t>(i);
  const auto begin = static_cast<size_t>(offsets[index]);
  return std::span(values).subspan(begin, static_cast<size_t>(offsets[index + 1]) - begin);
}

}  // namespace

bool PackedTables::fit(int64_t images_bytes) const {
  const auto ascend_to = [&](const std::vector<int64_t>& offsets, int64_t end) {
    return offsets.size() == image_offsets.size() && offsets.size() >= 2 && offsets.front() == 0 &&
           offsets.back() == end && std::is_sorted(offsets.begin(), offsets.end());
  };
  if (class_names.empty() || !ascend_to(image_offsets, images_bytes) ||
      !ascend_to(label_offsets, static_cast<int64_t>(labels.size())) ||
      !ascend_to(name_offsets, static_cast<int64_t>(names.size())))
    return false;
  for (int64_t i = 0; i < size(); ++i) {
    int64_t last = -1;  // the classes of an image are ascending
    for (const int64_t label : labels_of(i)) {
      if (label <= last) return false;
      last = label;
    }
    if (last >= static_cast<int64_t>(class_names.size())) return false;
    if (!multi_label && labels_of(i).size() != 1) return false;
  }
  return true;
}

std::span<const int64_t> PackedTables::labels_of(int64_t i) const {
  return part(labels, label_offsets, i);
}

bool PackedTables::has_one_label_each() const {
  for (int64_t i = 0; i < size(); ++i)
    if (labels_of(i).size() != 1) return false;
  return true;
}

std::string_view PackedTables::name_of(int64_t i) const {
  const auto letters = part(names, name_offsets, i);
  return {letters.data(), letters.size()};
}

int64_t pack_dataset(const Dataset& dataset, const std::string& path,
                     const std::function<void(int64_t)>& progress) {
  if (!dataset.holds_files())
    throw base::UsageError(path, "found a data set of pixels, expected one of image files");
  const bool multi_label = dataset.annotation_kind() == AnnotationKind::classes;
  if (!multi_label && dataset.annotation_kind() != AnnotationKind::one_class)
    throw base::UsageError(path, "found label maps or objects, expected images with classes",
                           "train from the data set as it is");
  files::ignore_file_size_signal();
  ImagesFile images(path);
  PackedTables tables;
  std::vector<uint8_t> memory;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const std::span<const uint8_t> bytes = dataset.encoded(i, memory);
    images.append(bytes);
    tables.image_offsets.push_back(tables.image_offsets.back() +
                                   static_cast<int64_t>(bytes.size()));
    const std::vector<int64_t> own = classes_of(dataset.annotation(i));
    tables.labels.insert(tables.labels.end(), own.begin(), own.end());
    tables.label_offsets.push_back(static_cast<int64_t>(tables.labels.size()));
    tables.names += dataset.name(i);
    tables.name_offsets.push_back(static_cast<int64_t>(tables.names.size()));
    if (progress) progress(i + 1);
  }
  if (tables.image_offsets.back() == 0)
    throw base::DataError(dataset.name(0), "found only empty files, expected images");
  const files::MappedFile all = images.map();
  const std::string classes = base::to_text(base::Json::array_of(dataset.class_names()));
  const auto text = [](const char* name, const std::string& value) {
    const std::vector<int64_t> shape = {static_cast<int64_t>(value.size())};
    return files::NamedArray{name, files::DType::u8, shape, files::bytes_of(value), nullptr};
  };
  const auto integers = [](const char* name, const std::vector<int64_t>& values) {
    return files::NamedArray::of(name, {static_cast<int64_t>(values.size())},
                                 std::span<const int64_t>(values));
  };
  const files::NamedArray arrays[] = {
      {"images", files::DType::u8, {all.size_bytes()}, all.bytes(), nullptr},
      integers("image_offsets", tables.image_offsets),
      integers("labels", tables.labels),
      integers("label_offsets", tables.label_offsets),
      integers("name_offsets", tables.name_offsets),
      text("names", tables.names),
      text("class_names", classes)};
  const files::Hdf5Attribute attributes[] = {{"format", std::string("swin packed")},
                                             {"format_version", int64_t{kVersion}},
                                             {"multi_label", int64_t{multi_label}}};
  write_packed(path, arrays, attributes, &all);
  return all.size_bytes();
}

void write_packed(const std::string& path, std::span<const files::NamedArray> arrays,
                  std::span<const files::Hdf5Attribute> attributes, const files::MappedFile* file) {
  const auto array = std::find_if(arrays.begin(), arrays.end(),
                                  [](const auto& candidate) { return candidate.name == "images"; });
  if (array == arrays.end() || array->bytes.empty())
    throw base::InternalError(path, "found no images to write");
  const std::span<const std::byte> images = array->bytes;
  const files::Hdf5Image image =
      files::build_hdf5(arrays, attributes, static_cast<int64_t>(kUserblockBytes));

  Header header{};
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  header.version = kVersion;
  header.userblock_bytes = kUserblockBytes;
  header.payload_bytes = static_cast<uint64_t>(image.size_bytes());
  uint64_t at = kUserblockBytes;
  for (const auto span : image.spans()) {
    if (span.data() == images.data()) header.images_offset = at;
    at += span.size();
  }
  header.images_bytes = images.size();
  header.images_digest = digest_of(images, file);
  files::Sha256 sum;
  sum.update(digested_header(header));
  for (const auto span : image.spans())
    if (span.data() != images.data()) sum.update(span);
  header.digest = sum.finish();
  std::array<std::byte, kUserblockBytes> userblock{};
  std::memcpy(userblock.data(), &header, sizeof header);
  std::vector<files::ByteSpan> spans{files::ByteSpan(userblock)};
  spans.insert(spans.end(), image.spans().begin(), image.spans().end());
  files::write_file_atomically(path, spans);
}

void verify_packed(const std::string& path) {
  const files::MappedFile file(path, files::FileKind::data);
  const Header header = checked_header(file, path);
  const auto images = file.bytes().subspan(header.images_offset, header.images_bytes);
  if (digest_of(images, &file) != header.images_digest)
    throw base::DataError(path, "the images of the packed data set are damaged", kRemedy);
}

bool is_packed(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char begin[kMagic.size()] = {};
  return file.read(begin, sizeof begin) && std::string_view(begin, sizeof begin) == kMagic;
}

std::unique_ptr<Dataset> open_packed(const DatasetOptions& options) {
  return std::make_unique<Packed>(options);
}

}  // namespace swin::data
