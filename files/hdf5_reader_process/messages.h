// The child's side of the protocol (files/hdf5_reader_process/protocol.h).
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <string>

#include "files/hdf5_reader_process/protocol.h"

namespace swin::files::hdf5_reader {

/// Why the file is not read. The parent makes an error line of it.
struct Refusal {
  Fault fault;
  std::string text;
};
[[noreturn]] inline void refuse(Fault fault, const std::string& text) {
  throw Refusal{fault, text};
}

/// Ends the process if the other end is gone.
inline void send(const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::write(kSocket, from, size);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) ::_exit(0);
    from += sent;
    size -= static_cast<size_t>(sent);
  }
}
inline void receive(void* data, size_t size) {
  char* to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(kSocket, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    to += got;
    size -= static_cast<size_t>(got);
  }
}

template <class Message>
void send_refusal(Message message, Status status, Fault fault, std::string text) {
  text.resize(std::min<size_t>(text.size(), kMaxTextBytes));
  message.status = status;
  message.fault = fault;
  message.text_bytes = static_cast<uint32_t>(text.size());
  send(&message, sizeof message);
  send(text.data(), text.size());
}

/// Calls `work`; what it throws is sent as a refusal. @return whether it threw nothing.
template <class Message, class Work>
bool guarded(Message message, Work work) {
  try {
    work();
    return true;
  } catch (const Refusal& refusal) {
    send_refusal(message, kRefused, refusal.fault, refusal.text);
  } catch (const std::bad_alloc&) {
    send_refusal(message, kRefused, kMemory,
                 "needs more memory to be read than a third-party file is given");
  } catch (const std::exception& error) {
    send_refusal(message, kRefused, kDamaged,
                 std::string("could not be read (") + error.what() + ")");
  }
  return false;
}

}  // namespace swin::files::hdf5_reader
