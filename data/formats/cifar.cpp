// CIFAR-10 and CIFAR-100, binary version: a record is the label bytes and the planes of red, green
// and blue, 32 × 32 bytes each (https://www.cs.toronto.edu/~kriz/cifar.html). A file may have any
// number of records.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/errors.h"
#include "base/limits.h"
#include "base/text.h"
#include "data/formats/formats.h"
#include "data/formats/memory_dataset.h"
#include "files/digest.h"
#include "files/gzip.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSide = 32, kPixels = kSide * kSide;
constexpr int64_t kNamed = 3;  // missing files that an error names

struct Layout {
  const char* folder;   // of the official archive
  int64_t label_bytes;  // the last one is the label; in CIFAR-100 the coarse label precedes it
  int64_t classes;
  const char* names_file;
  const char *train_files, *test_files;  // names; * stands for any characters
  int64_t record_bytes() const { return label_bytes + 3 * kPixels; }
};
constexpr Layout kCifar10 = {"cifar-10-batches-bin", 1, 10, "batches.meta.txt", "data_batch_*.bin",
                             "test_batch.bin"};
constexpr Layout kCifar100 = {"cifar-100-binary",     2,           100,
                              "fine_label_names.txt", "train.bin", "test.bin"};

std::vector<std::string> batch_files(const fs::path& folder, std::string_view wanted) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const size_t star = wanted.find('*');
    const bool matches =
        star == std::string_view::npos
            ? name == wanted
            : name.starts_with(wanted.substr(0, star)) && name.ends_with(wanted.substr(star + 1));
    if (matches) paths.push_back(entry.path().string());
  }
  // Shorter names first, so that data_batch_10 comes after data_batch_9.
  std::sort(paths.begin(), paths.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return paths;
}

// Refuses a hole in the row data_batch_1.bin, data_batch_2.bin, …, which would leave out a part of
// the images. Names that are no numbers have no order.
void check_row(const fs::path& folder, const std::vector<std::string>& paths,
               std::string_view wanted) {
  const size_t star = wanted.find('*');
  if (star == std::string_view::npos) return;
  const std::string front(wanted.substr(0, star)), back(wanted.substr(star + 1));
  std::set<int64_t> numbers;
  for (const std::string& path : paths) {
    const std::string name = fs::path(path).filename().string();
    const std::string_view digits =
        std::string_view(name).substr(star, name.size() - front.size() - back.size());
    int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc{} && end == digits.data() + digits.size()) numbers.insert(number);
  }
  if (numbers.empty()) return;
  std::vector<std::string> missing;
  int64_t next = std::min<int64_t>(1, *numbers.begin());
  int64_t count = 0;
  for (const int64_t number : numbers) {
    count += number - next;
    for (; next < number; ++next)
      if (missing.size() < kNamed) missing.push_back(front + std::to_string(next) + back);
    next = number + 1;
  }
  if (count == 0) return;
  const std::string more =
      count > kNamed ? " and " + std::to_string(count - kNamed) + " more" : std::string();
  throw base::DataError(folder.string(),
                        "found " + front + std::to_string(*numbers.rbegin()) + back + ", but not " +
                            base::listing(missing, kNamed) + more +
                            ", expected every file of the row from " + front + "1" + back + " on",
                        "put what is missing there, or number the files without a hole");
}

// A batch that is only there compressed would be missing without a word.
void refuse_gzip(const fs::path& folder, const std::string& wanted) {
  for (const std::string& path : batch_files(folder, wanted + ".gz"))
    if (std::error_code error; !fs::exists(path.substr(0, path.size() - 3), error))
      throw base::DataError(path, "found a compressed batch, expected it unpacked",
                            "unpack it (gunzip)");
}

std::vector<std::string> read_class_names(const fs::path& path, int64_t classes) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  const std::vector<uint8_t> bytes = files::read_maybe_gzip(path, 1 << 20);
  std::vector<std::string> names;
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  for (std::string line; std::getline(text, line);) {
    std::erase(line, '\r');
    if (!line.empty()) names.push_back(line);
  }
  if (static_cast<int64_t>(names.size()) != classes)
    throw base::DataError(path.string(),
                          "found " + std::to_string(names.size()) + " class names, expected " +
                              std::to_string(classes),
                          "correct or remove the file");
  return names;
}

class Cifar : public MemoryDataset {
 public:
  Cifar(const DatasetOptions& options, const Layout& layout) {
    split_ = split_name(options.split);
    height_ = width_ = kSide;
    channels_ = 3;
    fs::path folder = options.path;
    const char* wanted = options.split == Split::train ? layout.train_files : layout.test_files;
    std::vector<std::string> paths = batch_files(folder, wanted);
    if (paths.empty()) paths = batch_files(folder /= layout.folder, wanted);
    if (paths.empty()) {
      throw base::DataError(options.path,
                            std::string("found no ") + wanted + " here or in " + layout.folder +
                                "/, expected the binary version",
                            "correct " + options.path_field +
                                "; for a folder of JPEG or PNG files set the format to "
                                "image_folder");
    }
    refuse_gzip(folder, wanted);
    check_row(folder, paths, wanted);
    list_files(paths);
    files::Sha256 digest;
    for (const std::string& path : paths) append(path, layout, digest);
    fingerprint_ = files::to_hex(digest.finish());
    convert_to(options.channels);
    class_names_ = read_class_names(folder / layout.names_file, layout.classes);
    if (class_names_.empty() && layout.classes == 10)
      class_names_ = {"airplane", "automobile", "bird",  "cat",  "deer",
                      "dog",      "frog",       "horse", "ship", "truck"};
    for (int64_t c = static_cast<int64_t>(class_names_.size()); c < layout.classes; ++c)
      class_names_.push_back("class " + std::to_string(c));
  }

 private:
  void append(const std::string& path, const Layout& layout, files::Sha256& digest) {
    const files::MappedFile file(path, files::FileKind::data);
    const int64_t record_bytes = layout.record_bytes();
    if (file.size_bytes() == 0 || file.size_bytes() % record_bytes != 0)
      throw base::DataError(path,
                            "found " + std::to_string(file.size_bytes()) +
                                " bytes, expected a multiple of " + std::to_string(record_bytes) +
                                " (" + std::to_string(layout.label_bytes) +
                                " of labels and 3072 of pixels per record)",
                            "fetch the file again, or correct data.train.format");
    digest.update(file.bytes());
    const auto* bytes = reinterpret_cast<const uint8_t*>(file.bytes().data());
    const int64_t records = file.size_bytes() / record_bytes;
    size_t offset = pixels_.size();
    const size_t size = offset + static_cast<size_t>(records * 3 * kPixels);
    if (size > pixels_.capacity())  // all of it is copied
      base::require_memory(static_cast<int64_t>(size), path, "raise the group's memory limit");
    pixels_.resize(size);
    for (int64_t i = 0; i < records; ++i) {
      const uint8_t* record = bytes + i * record_bytes;
      const uint8_t label = record[layout.label_bytes - 1];
      if (label >= layout.classes)
        throw base::DataError(path,
                              "found the label " + std::to_string(label) + " in record " +
                                  std::to_string(i) + ", expected 0 … " +
                                  std::to_string(layout.classes - 1),
                              "fetch the file again, or correct data.train.format");
      labels_.push_back(label);
      const uint8_t* planes = record + layout.label_bytes;
      uint8_t* pixels = pixels_.data() + offset;
      for (int64_t p = 0; p < kPixels; ++p) {
        for (int64_t c = 0; c < 3; ++c) pixels[3 * p + c] = planes[c * kPixels + p];
      }
      offset += static_cast<size_t>(3 * kPixels);
    }
  }
};

bool holds(const fs::path& folder, const Layout& layout) {
  for (const fs::path& candidate : {folder, folder / layout.folder})
    for (const char* wanted : {layout.train_files, layout.test_files})
      if (!batch_files(candidate, wanted).empty()) return true;
  return false;
}

}  // namespace

std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options) {
  return std::make_unique<Cifar>(options, kCifar10);
}
std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options) {
  return std::make_unique<Cifar>(options, kCifar100);
}

bool holds_cifar10(const std::string& folder) { return holds(folder, kCifar10); }
bool holds_cifar100(const std::string& folder) { return holds(folder, kCifar100); }

}  // namespace swin::data
