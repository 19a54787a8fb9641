// Checks of an opened data set, and a folder for its files.
#pragma once
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "data/dataset.h"
#include "fuzz/check.h"

namespace swin::fuzz {

/// A folder in memory, removed at the end of the process.
class Folder {
 public:
  Folder() {
    std::string pattern = "/dev/shm/swin_fuzz_XXXXXX";
    require(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::span<const uint8_t> bytes) const {
    std::ofstream file(path_ + "/" + name, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    require(file.good());
  }
  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      std::filesystem::remove(entry.path());
  }

 private:
  std::string path_;
};

/// Labels must be classes in ascending order. Images of sets without files must be readable and
/// have the size of the first one.
inline void check(const data::Dataset& set, int64_t channels) {
  require(set.size() >= 1 && set.num_classes() >= 1 && set.fingerprint().size() == 64);
  data::Image first, image;
  std::vector<uint8_t> memory;
  for (int64_t i = 0; i < set.size(); ++i) {
    require(!set.name(i).empty());
    const data::Annotation annotation = set.annotation(i);
    require(data::kind_of(annotation) == set.annotation_kind());
    require(set.stratum(i) >= 0 && set.stratum(i) < set.num_classes());
    const auto labels = data::classes_of(annotation);
    require(set.annotation_kind() == data::AnnotationKind::classes || labels.size() == 1);
    int64_t last = -1;
    for (const int64_t label : labels) {
      require(label > last && label < set.num_classes());
      last = label;
    }
    if (set.holds_files()) {
      (void)set.encoded(i, memory);
      continue;
    }
    set.load(i, image);
    if (i == 0) first = image;
    require(image.channels == channels && image.height == first.height &&
            image.width == first.width && !image.pixels.empty());
  }
}

}  // namespace swin::fuzz
