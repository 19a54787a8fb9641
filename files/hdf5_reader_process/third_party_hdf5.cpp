#include "files/hdf5_reader_process/third_party_hdf5.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <mutex>
#include <utility>

#include "base/errors.h"
#include "files/hdf5_reader_process/protocol.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

using namespace hdf5_reader;

// The child is this program, started again under a name that no command has. A fork would copy
// locked locks of other threads and all memory; a separate program would have to be found first.
// become_child runs before main. It is in the object file that starts the child, so every program
// that can start one can also be one.
constexpr char kChildName[] = "swin: reader of a third-party HDF5 file";

__attribute__((constructor)) void become_child(int argc, char** argv) {
  if (argc == 1 && argv[0] != nullptr && std::strcmp(argv[0], kChildName) == 0) {
    ::close_range(kSocket + 1, ~0u, 0);
    run_child(ThirdPartyHdf5::Channel{}.cpu_seconds);
  }
}

/// What to do about each Fault.
constexpr const char* kRemedies[] = {
    "fetch the file again; if other programs read it, let them write it again",
    "add or rename it, for example with h5py: file.move(old, new)",
    "store the dataset itself under this name",
    "write it again, into the file itself, for example with h5py: create_dataset(name, data=array)",
    "write it again, for example with h5py: create_dataset without compression and checksums",
    "write every image, and give the datasets the size of what they hold",
    "write it again as bytes of 0 … 255, for example with numpy: images.astype(\"uint8\")",
    "bring it into this shape, for example with numpy: images.transpose(0, 2, 3, 1)",
    "write integers: the class of each image, or a row of 0 and 1 for each",
    "write them with numpy as array(names, dtype=\"S\"), or leave them out",
    "write it again without chunks, or with chunks of a few images",
};
static_assert(std::size(kRemedies) == kNumFaults);

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// Text from a file must not control a terminal.
std::string without_controls(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

/// A duplicate of the descriptor, above the numbers that the child uses.
int above(int number) { return ::fcntl(number, F_DUPFD_CLOEXEC, 16); }

int spawn(int file, int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int standard : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, file, kFile);
  posix_spawn_file_actions_adddup2(&actions, socket, kSocket);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A signal that stops a run lets it save first: the child must live until then.
  sigset_t blocked, defaults;
  sigfillset(&blocked);
  sigfillset(&defaults);
  for (const int signal : {SIGXCPU, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGPIPE})
    sigdelset(&blocked, signal);
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  char name[sizeof kChildName];
  std::memcpy(name, kChildName, sizeof name);
  char* arguments[] = {name, nullptr};
  // The only variables: where libraries are, and that they start no threads. No plugins.
  std::string libraries = "LD_LIBRARY_PATH=", threads = "OPENBLAS_NUM_THREADS=1";
  std::vector<char*> environment{threads.data()};
  if (const char* path = std::getenv("LD_LIBRARY_PATH")) {
    libraries += path;
    environment.push_back(libraries.data());
  }
  environment.push_back(nullptr);
  int child = -1;
  const int error =
      posix_spawn(&child, "/proc/self/exe", &actions, &attributes, arguments, environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  errno = error;
  return error == 0 ? child : -1;
}

}  // namespace

struct ThirdPartyHdf5::State {
  std::string where;
  Channel channel;
  Header header;
  std::vector<std::string> class_names;
  std::mutex turn;
  std::string broken;  // why nothing more can be read; empty while it can

  ~State() {
    if (channel.socket >= 0) ::close(channel.socket);
    reap();
  }

  [[noreturn]] void refuse(const std::string& found, Fault fault = kDamaged) const {
    throw base::DataError(where, found, kRemedies[fault]);
  }
  /// Throws what the child reports.
  template <class Message>
  [[noreturn]] void throw_reported(const Message& message) {
    const std::string found = receive_text(message.text_bytes);
    if (message.fault >= kNumFaults) protocol_broken();
    refuse(found, static_cast<Fault>(message.fault));
  }
  /// Reading ends here: every later request gets the same error.
  [[noreturn]] void give_up(const std::string& found) {
    broken = found;
    refuse(found);
  }
  [[noreturn]] void protocol_broken() {
    give_up("made its reader break the protocol: it is damaged or hostile");
  }

  /// @return the status of the child, which is gone then; 0 where there is none.
  int reap() {
    const int child = std::exchange(channel.child, -1);
    if (child < 0) return 0;
    int status = 0;
    ::kill(child, SIGKILL);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  [[noreturn]] void child_is_gone() {
    // The child's socket is closed, because the child ended or because it closed it: either way it
    // is of no more use. A process that has already ended keeps its exit status.
    const int child = channel.child;
    siginfo_t info{};
    bool ended = false;
    if (child >= 0) {
      pollfd none{};
      for (int i = 0; i < 100 && !ended; ++i) {  // the socket closes shortly before the end
        ended =
            ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == child;
        if (!ended) ::poll(&none, 0, 10);
      }
    }
    const int status = reap();
    const int signal = ended && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGXCPU)
      give_up("took more than " + std::to_string(channel.cpu_seconds) +
              " s to read: the file is damaged or made to hang its reader");
    if (signal == SIGSYS)
      give_up("made its reader attempt a forbidden system call: it is damaged or hostile");
    give_up("made its reader end" +
            (signal != 0 ? " by signal " + std::to_string(signal) : std::string()) +
            ": the file is damaged or hostile");
  }

  /// Allows the child the CPU time of one more answer.
  void allow_time() const {
    if (channel.child < 0) return;
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(channel.child, &clock) != 0 || clock_gettime(clock, &used) != 0) return;
    rlimit limit{};
    if (::prlimit(channel.child, RLIMIT_CPU, nullptr, &limit) != 0) return;
    limit.rlim_cur =
        std::min(static_cast<rlim_t>(used.tv_sec + channel.cpu_seconds), limit.rlim_max);
    ::prlimit(channel.child, RLIMIT_CPU, &limit, nullptr);
  }

  void send(const void* data, size_t size) {
    const char* from = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t sent = ::send(channel.socket, from, size, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) child_is_gone();
      from += sent;
      size -= static_cast<size_t>(sent);
    }
  }

  void receive(void* data, size_t size) {
    char* to = static_cast<char*>(data);
    while (size > 0) {
      pollfd one{channel.socket, POLLIN, 0};
      const int ready = ::poll(&one, 1, channel.wall_milliseconds);
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) {
        reap();
        give_up("gave nothing for " + std::to_string(channel.wall_milliseconds / 1000) +
                " s: it is made to hang its reader, or its disk hangs");
      }
      const ssize_t got = ::recv(channel.socket, to, size, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) child_is_gone();
      to += got;
      size -= static_cast<size_t>(got);
    }
  }

  std::string receive_text(uint32_t size) {
    if (size > kMaxTextBytes) protocol_broken();
    std::string text(size, '\0');
    receive(text.data(), size);
    return without_controls(std::move(text));
  }

  void ask(What what, int64_t first, int64_t count) {
    if (!broken.empty()) refuse(broken);
    allow_time();
    const Request request{what, 0, first, count};
    send(&request, sizeof request);
    Reply reply;
    receive(&reply, sizeof reply);
    if (reply.status != kDone) throw_reported(reply);
  }
};

ThirdPartyHdf5::ThirdPartyHdf5(const std::filesystem::path& path)
    : state_(std::make_unique<State>()) {
  const std::string where = path.string();
  state_->where = where;
  // Reports a wrong path. The bytes themselves are not read here.
  const int64_t file_bytes = MappedFile(path, FileKind::data).size_bytes();
  if (file_bytes == 0) state_->refuse("found an empty file, expected an HDF5 file");
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const Descriptor file(opened.get() >= 0 ? above(opened.get()) : -1);
  int pair[2] = {-1, -1};
  if (file.get() < 0 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw base::DataError(where, std::string("cannot be opened (") + std::strerror(errno) + ")");
  Descriptor ours(pair[0]);
  Descriptor theirs_low(pair[1]), theirs(above(pair[1]));
  const int child = theirs.get() < 0 ? -1 : spawn(file.get(), theirs.get());
  if (child < 0)
    throw base::DataError(where, std::string("no process could be started to read it (") +
                                     std::strerror(errno) + ")");
  state_->channel.socket = ours.release();
  state_->channel.child = child;
  state_->channel.file_bytes = file_bytes;
  // Only the child holds its end of the socket now, so its end is noticed.
  ::close(theirs.release());
  ::close(theirs_low.release());
  begin();
}

ThirdPartyHdf5::ThirdPartyHdf5(std::string where, const Channel& channel)
    : state_(std::make_unique<State>()) {
  state_->where = std::move(where);
  state_->channel = channel;
  begin();
}

ThirdPartyHdf5::~ThirdPartyHdf5() = default;

void ThirdPartyHdf5::begin() {
  State& s = *state_;
  Header& h = s.header;
  s.receive(&h, sizeof h);
  if (h.magic != kMagic) s.protocol_broken();
  if (h.status == kNoSandbox)
    throw base::DataError(
        s.where, "found no sandbox on this system to read it in: " + s.receive_text(h.text_bytes),
        "convert it into a folder of images");
  if (h.status != kDone) s.throw_reported(h);
  // The file may control the child by now: the header must fit the size of the file.
  const auto within = [](int64_t value, int64_t least, int64_t most) {
    return least <= value && value <= most;
  };
  if (!within(h.images, 1, s.channel.file_bytes) || !within(h.height, 1, kMaxSide) ||
      !within(h.width, 1, kMaxSide) || (h.channels != 1 && h.channels != 3) ||
      h.height * h.width > kMaxImageBytes / h.channels ||
      h.images > s.channel.file_bytes / image_bytes() || !within(h.label_columns, 0, kMaxClasses) ||
      h.images > s.channel.file_bytes / std::max<int64_t>(1, h.label_columns) ||
      !within(h.num_names, 0, kMaxClasses) ||
      !within(h.names_bytes, 0, h.num_names * (kMaxNameBytes + 1)))
    s.protocol_broken();
  std::string names(static_cast<size_t>(h.names_bytes), '\0');
  s.receive(names.data(), names.size());
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = names.find('\0', begin);
    if (end == std::string::npos) s.protocol_broken();
    s.class_names.push_back(without_controls(names.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (static_cast<int64_t>(s.class_names.size()) != h.num_names) s.protocol_broken();
}

int64_t ThirdPartyHdf5::num_images() const { return state_->header.images; }
int64_t ThirdPartyHdf5::height() const { return state_->header.height; }
int64_t ThirdPartyHdf5::width() const { return state_->header.width; }
int64_t ThirdPartyHdf5::channels() const { return state_->header.channels; }
int64_t ThirdPartyHdf5::label_columns() const { return state_->header.label_columns; }
const std::vector<std::string>& ThirdPartyHdf5::class_names() const { return state_->class_names; }

void ThirdPartyHdf5::read_images(int64_t first, int64_t count, std::span<uint8_t> bytes) const {
  if (static_cast<int64_t>(bytes.size()) != count * image_bytes())
    throw base::InternalError("read_images", "found memory of another size");
  const int64_t step = std::max<int64_t>(1, kMaxReplyBytes / image_bytes());
  const std::lock_guard lock(state_->turn);
  for (int64_t done = 0; done < count; done += step) {
    const int64_t n = std::min(step, count - done);
    state_->ask(kImages, first + done, n);
    state_->receive(bytes.data() + done * image_bytes(), static_cast<size_t>(n * image_bytes()));
  }
}

std::vector<int64_t> ThirdPartyHdf5::read_labels() const {
  const int64_t columns = std::max<int64_t>(1, label_columns());
  std::vector<int64_t> labels(static_cast<size_t>(num_images() * columns));
  const int64_t step = std::max<int64_t>(1, kMaxReplyBytes / 8 / columns);
  const std::lock_guard lock(state_->turn);
  for (int64_t done = 0; done < num_images(); done += step) {
    const int64_t n = std::min(step, num_images() - done);
    state_->ask(kLabels, done, n);
    state_->receive(labels.data() + done * columns, static_cast<size_t>(n * columns) * 8);
  }
  return labels;
}

}  // namespace swin::files
