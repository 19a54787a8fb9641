// Images and labels in third-party HDF5 files. libhdf5 crashes and hangs on damaged or hostile
// files, so it reads them in a child process. Its sandbox (files/hdf5_reader_process/sandbox.h)
// leaves it only the open file and a socket. Whatever happens to the child, this process continues.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace swin::files {

/// A file with `/images` (N, height, width, channels) or (N, height, width) of uint8, and `/labels`
/// (N) of integers, or (N, columns) of integers, booleans or whole floats; optional names as
/// `/class_names` (dataset or root attribute, strings of fixed length). The profile: contiguous or
/// chunked, without filters; no soft, external or user-defined links, no external or virtual
/// storage, nothing declared larger than the file. Const functions may be called by several
/// threads; they take turns.
class ThirdPartyHdf5 {
 public:
  /// The connection to the reader: a child process, or a test.
  struct Channel {
    int socket = -1;                 ///< owned
    int child = -1;                  ///< process id, reaped at the end; −1: none
    int64_t file_bytes = 0;          ///< nothing may be declared larger
    int wall_milliseconds = 60'000;  ///< to wait for a byte before the child is given up
    int cpu_seconds = 5;             ///< the child's CPU time per answer
  };

  /// Starts the reader on a file. @throws base::DataError where the file is missing, damaged,
  /// outside the profile, or its reader ended, hung or broke the protocol; the line names the file.
  explicit ThirdPartyHdf5(const std::filesystem::path& path);
  /// Uses a reader that is already connected.
  ThirdPartyHdf5(std::string where, const Channel& channel);
  ~ThirdPartyHdf5();
  ThirdPartyHdf5(const ThirdPartyHdf5&) = delete;
  ThirdPartyHdf5& operator=(const ThirdPartyHdf5&) = delete;

  int64_t num_images() const;
  int64_t height() const;
  int64_t width() const;
  int64_t channels() const;  ///< 1 or 3
  /// Columns of labels (N, columns); 0: labels are (N), one per image.
  int64_t label_columns() const;
  int64_t image_bytes() const { return height() * width() * channels(); }
  /// Empty where the file has none.
  const std::vector<std::string>& class_names() const;

  /// Images first … first + count − 1. @param bytes count · image_bytes().
  void read_images(int64_t first, int64_t count, std::span<uint8_t> bytes) const;
  /// All labels, row by row: (N) or (N · label_columns()).
  std::vector<int64_t> read_labels() const;

 private:
  void begin();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace swin::files
