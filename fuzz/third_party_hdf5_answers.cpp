// The input is what the child that reads a third-party HDF5 file answers; a compromised child may
// answer anything. The first byte is the size of the file, as a power of two.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "files/hdf5_reader_process/third_party_hdf5.h"
#include "fuzz/check.h"

namespace {

using swin::files::ThirdPartyHdf5;

/// Reads everything. Pixels and labels may have any values.
void ask(const ThirdPartyHdf5& file, int64_t file_bytes) {
  using swin::fuzz::require;
  require(file.num_images() >= 1 && file.height() >= 1 && file.width() >= 1);
  require(file.channels() == 1 || file.channels() == 3);
  require(file.num_images() <= file_bytes / file.image_bytes());
  for (const std::string& name : file.class_names())
    require(std::all_of(name.begin(), name.end(),
                        [](char c) { return static_cast<unsigned char>(c) >= 0x20; }));
  std::vector<uint8_t> pixels(static_cast<size_t>(file.num_images() * file.image_bytes()));
  for (int round = 0; round < 3; ++round) {
    try {
      const auto labels = file.read_labels();
      require(static_cast<int64_t>(labels.size()) ==
              file.num_images() * std::max<int64_t>(1, file.label_columns()));
      file.read_images(0, file.num_images(), pixels);
      file.read_images(file.num_images() - 1, 1,
                       std::span(pixels).first(static_cast<size_t>(file.image_bytes())));
    } catch (const swin::base::DataError&) {  // the next request may succeed or fail, too
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const int64_t file_bytes = int64_t{1} << data[0] % 16;
  int pair[2] = {-1, -1};
  swin::fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  // The socket buffers the whole input, so one thread can use both ends.
  swin::fuzz::require(::send(pair[1], data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL) ==
                      static_cast<ssize_t>(size - 1));
  ::shutdown(pair[1], SHUT_WR);
  try {
    ask(ThirdPartyHdf5("input",
                       {.socket = pair[0], .file_bytes = file_bytes, .wall_milliseconds = 0}),
        file_bytes);
  } catch (const swin::base::DataError&) {
  }
  ::close(pair[1]);
  return 0;
}
