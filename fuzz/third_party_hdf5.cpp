// The input is a third-party HDF5 file, which libhdf5 reads in a child process. The child may
// crash, hang or return anything; this process must survive, and either throw a DataError or return
// the same values at each reading. The child is a fork, which starts much faster than a new
// program; every 64th run starts the program, as swin does. The fuzzer does not see the coverage of
// the child, so the texts of errors count as coverage.
#include "files/hdf5_reader_process/third_party_hdf5.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>

#include "files/hdf5_file.h"
#include "files/hdf5_reader_process/protocol.h"
#include "files/hdf5_reader_process/sandbox.h"
#include "fuzz/check.h"

/// Defined by the address sanitizer, if there is one.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*)());

namespace {

namespace files = swin::files;

__attribute__((section("__libfuzzer_extra_counters"))) uint8_t counters[4096];

void count(const std::string& text) {
  swin::fuzz::require(text.find("found no sandbox") == std::string::npos);
  std::string words = text;
  std::erase_if(words, [](char c) { return c >= '0' && c <= '9'; });
  counters[std::hash<std::string>{}(words) % sizeof counters] = 1;
}

/// What must be true of an accepted file.
void check(const files::ThirdPartyHdf5& file, int64_t file_bytes) {
  using swin::fuzz::require;
  const int64_t images = file.num_images();
  require(images >= 1 && file.image_bytes() >= 1 && images <= file_bytes / file.image_bytes());
  require(file.channels() == 1 || file.channels() == 3);
  std::vector<uint8_t> all(static_cast<size_t>(images * file.image_bytes()), 0x55),
      one(static_cast<size_t>(file.image_bytes()), 0xAA);
  file.read_images(0, images, all);
  for (const int64_t i : {images - 1, images / 2, int64_t{0}}) {
    file.read_images(i, 1, one);
    require(std::equal(one.begin(), one.end(), all.begin() + i * file.image_bytes()));
  }
  const auto labels = file.read_labels();
  require(static_cast<int64_t>(labels.size()) ==
          images * std::max<int64_t>(1, file.label_columns()));
  require(file.read_labels() == labels);
  counters[static_cast<size_t>(file.channels() + 4 * (file.label_columns() > 0) +
                               8 * !file.class_names().empty())] = 1;
}

/// Forks a process that acts as the child, without the handlers and files of the fuzzer.
int fork_child(int file, int socket) {
  const int child = ::fork();
  if (child != 0) return child;
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_DFL);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback([] { ::_exit(1); });
  const int null = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) ::dup2(null, standard);
  const int from = ::fcntl(file, F_DUPFD, 16), to = ::fcntl(socket, F_DUPFD, 16);
  ::dup2(from, files::hdf5_reader::kFile);
  ::dup2(to, files::hdf5_reader::kSocket);
  ::close_range(files::hdf5_reader::kSocket + 1, ~0u, 0);
  const rlimit none{0, 0};  // the runtime of a sanitizer must not write reports
  if (!files::sandbox_is_whole()) ::setrlimit(RLIMIT_NOFILE, &none);
  files::hdf5_reader::run_child(1);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)files::build_hdf5({}, {});  // initializes libhdf5 once, not in every child
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int memory = ::memfd_create("input", MFD_CLOEXEC);
  static unsigned runs = 0;
  swin::fuzz::require(::ftruncate(memory, 0) == 0 &&
                      ::pwrite(memory, data, size, 0) == static_cast<ssize_t>(size));
  const auto file_bytes = static_cast<int64_t>(size);
  try {
    if (++runs % 64 == 0) {
      check(files::ThirdPartyHdf5("/proc/self/fd/" + std::to_string(memory)), file_bytes);
      return 0;
    }
    int pair[2] = {-1, -1};
    swin::fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    const int child = fork_child(memory, pair[1]);
    ::close(pair[1]);
    swin::fuzz::require(child > 0);
    check(files::ThirdPartyHdf5("input", {.socket = pair[0],
                                          .child = child,
                                          .file_bytes = file_bytes,
                                          .wall_milliseconds = 8000,
                                          .cpu_seconds = 1}),
          file_bytes);
  } catch (const swin::base::DataError& error) {
    count(error.what());
  }
  return 0;
}
