// SHA-256, through OpenSSL.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace swin::files {

using Digest = std::array<std::byte, 32>;

/// A SHA-256 digest of bytes that are added piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& update(std::span<const std::byte> bytes);
  /// The digest of all bytes; nothing can be added after it.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::span<const std::byte> bytes);
/// 64 lower-case hexadecimal digits.
std::string to_hex(const Digest& digest);

}  // namespace swin::files
