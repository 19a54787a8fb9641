// A folder of drawn answers.
#pragma once
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>

namespace swin::trainers {

class DrawingFolder {
 public:
  /// Makes the folder. @throws DiskError.
  explicit DrawingFolder(const std::string& path);
  /// What the files of an image are called: its name without folders and ending; of a second image
  /// of that name NAME_2.
  std::string name_of(const std::string& image_path);
  /// Writes a file. @return its path.   @throws DiskError.
  std::string write(const std::string& file, std::span<const uint8_t> bytes) const;

 private:
  std::filesystem::path path_;
  std::set<std::string> names_;
};

}  // namespace swin::trainers
