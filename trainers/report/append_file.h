// A file that only grows: log.jsonl, bad.jsonl and event files.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace swin::trainers {

class AppendFile {
 public:
  /// Opens the file, or makes it, and cuts off what lies behind `keep_bytes`. @throws DiskError.
  AppendFile(const std::filesystem::path& path, int64_t keep_bytes);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  /// Appends the bytes with one write. @throws DiskError; the file then ends where it did before.
  void append(std::string_view bytes);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace swin::trainers
