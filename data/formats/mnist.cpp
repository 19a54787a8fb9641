// The MNIST family: four IDX files, gzip or plain (the format: http://yann.lecun.com/exdb/mnist).
#include <cstdio>
#include <filesystem>
#include <span>

#include "base/errors.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "data/formats/memory_dataset.h"
#include "files/digest.h"
#include "files/gzip.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kLimitBytes = int64_t{8} << 30;
constexpr int64_t kClasses = 10;

struct Idx {
  std::string path;
  std::vector<uint8_t> bytes;
  std::vector<int64_t> shape;
  size_t header_bytes = 0;
  std::span<const uint8_t> values() const { return std::span(bytes).subspan(header_bytes); }
};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

std::string hex(uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

// The file's memory follows its header: more than the header promises is not inflated.
// @param rank 3 for images, 1 for labels.
Idx read_idx(const std::string& path, int rank) {
  Idx idx;
  idx.path = path;
  const char* remedy = "fetch the file again, or correct data.train.format";
  idx.header_bytes = static_cast<size_t>(4 + 4 * rank);
  const std::vector<uint8_t> header =
      files::read_start_maybe_gzip(path, static_cast<int64_t>(idx.header_bytes));
  if (header.size() < idx.header_bytes)
    throw base::DataError(path,
                          "found " + std::to_string(header.size()) + " bytes, expected at least " +
                              std::to_string(idx.header_bytes) + " of an IDX header",
                          remedy);
  const uint32_t magic = big_endian(header.data());
  const uint32_t expected = 0x0800u | static_cast<uint32_t>(rank);
  if (magic != expected)
    throw base::DataError(path,
                          "found the magic number " + hex(magic) + ", expected " + hex(expected) +
                              " (IDX, unsigned bytes, " + std::to_string(rank) + " dimensions)",
                          remedy);
  int64_t values = 1;
  std::string shape;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = big_endian(header.data() + 4 + 4 * i);
    idx.shape.push_back(size);
    shape += (i ? " × " : "") + std::to_string(size);
    if (size != 0 && values > kLimitBytes / size)
      throw base::DataError(
          path, "found a header of " + shape + " … bytes, expected the size of the file", remedy);
    values *= size;
  }
  const auto promised = static_cast<int64_t>(idx.header_bytes) + values;
  idx.bytes = files::read_start_maybe_gzip(path, promised + 1);
  const auto found = static_cast<int64_t>(idx.bytes.size());
  if (found != promised)
    throw base::DataError(path,
                          "found " +
                              (found > promised ? "more than " + std::to_string(values)
                                                : std::to_string(found - promised + values)) +
                              " bytes after the header, expected " + std::to_string(values) + " (" +
                              shape + ")",
                          remedy);
  return idx;
}

// The usual name and the one of some archives (t10k-images.idx3-ubyte), with and without .gz.
std::vector<fs::path> candidates_of(const fs::path& folder, const std::string& start,
                                    const std::string& ending) {
  std::vector<fs::path> candidates;
  for (const char* separator : {"-", "."})
    for (const char* packing : {"", ".gz"})
      candidates.push_back(folder / (start + separator + ending + packing));
  return candidates;
}

std::string find_file(const fs::path& folder, const std::string& start, const std::string& ending,
                      const std::string& path_field) {
  std::string searched;
  for (const fs::path& path : candidates_of(folder, start, ending)) {
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path.string();
    searched += (searched.empty() ? "" : ", ") + path.filename().string();
  }
  throw base::DataError(folder.string(), "found none of " + searched + ", expected one of them",
                        "correct " + path_field);
}

bool is_fashion(const std::string& folder) {
  std::error_code error;
  const std::string path = fs::absolute(folder, error).lexically_normal().string();
  return lower_case(path).find("fashion") != std::string::npos;
}

class Mnist : public MemoryDataset {
 public:
  explicit Mnist(const DatasetOptions& options) {
    split_ = split_name(options.split);
    const std::string start = options.split == Split::train ? "train" : "t10k";
    Idx images =
        read_idx(find_file(options.path, start + "-images", "idx3-ubyte", options.path_field), 3);
    const Idx labels =
        read_idx(find_file(options.path, start + "-labels", "idx1-ubyte", options.path_field), 1);
    if (images.shape[0] != labels.shape[0])
      throw base::DataError(labels.path,
                            "found " + std::to_string(labels.shape[0]) + " labels, expected " +
                                std::to_string(images.shape[0]) + ", one for each image of " +
                                images.path,
                            "fetch both files again");
    if (images.shape[0] == 0 || images.shape[1] == 0 || images.shape[2] == 0)
      throw base::DataError(images.path, "found no image, expected at least one");
    for (size_t i = 0; i < labels.values().size(); ++i) {
      if (labels.values()[i] >= kClasses)
        throw base::DataError(labels.path,
                              "found the label " + std::to_string(labels.values()[i]) +
                                  " at index " + std::to_string(i) + ", expected 0 … 9",
                              "fetch the file again");
    }
    height_ = images.shape[1];
    width_ = images.shape[2];
    channels_ = 1;
    list_files({images.path, labels.path});
    files::Sha256 digest;
    digest.update(std::as_bytes(std::span(images.bytes)));
    digest.update(std::as_bytes(std::span(labels.bytes)));
    fingerprint_ = files::to_hex(digest.finish());
    pixels_ = std::move(images.bytes);
    pixels_.erase(pixels_.begin(), pixels_.begin() + static_cast<int64_t>(images.header_bytes));
    labels_.assign(labels.values().begin(), labels.values().end());
    convert_to(options.channels);
    if (is_fashion(options.path)) {
      class_names_ = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    } else {
      for (int64_t digit = 0; digit < kClasses; ++digit)
        class_names_.push_back(std::to_string(digit));
    }
  }
};

}  // namespace

std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options) {
  return std::make_unique<Mnist>(options);
}

bool holds_mnist(const std::string& folder) {
  std::error_code error;
  for (const char* start : {"train-images", "t10k-images"})
    for (const fs::path& path : candidates_of(folder, start, "idx3-ubyte"))
      if (fs::is_regular_file(path, error)) return true;
  return false;
}

}  // namespace swin::data
