#include "trainers/run/drawings.h"

#include "files/atomic_file.h"
#include "files/bytes.h"

namespace swin::trainers {

DrawingFolder::DrawingFolder(const std::string& path) : path_(path) {
  files::make_directories(path_);
}

std::string DrawingFolder::name_of(const std::string& image_path) {
  const std::string stem = std::filesystem::path(image_path).stem().string();
  std::string name = stem;
  for (int number = 2; !names_.insert(name).second; ++number)
    name = stem + "_" + std::to_string(number);
  return name;
}

std::string DrawingFolder::write(const std::string& file, std::span<const uint8_t> bytes) const {
  const std::filesystem::path path = path_ / file;
  files::write_file_atomically(path, files::text_of(bytes));
  return path.string();
}

}  // namespace swin::trainers
