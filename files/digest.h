// SHA-256, through OpenSSL.
#pragma once
#include <array>
#include <memory>
#include <string>

#include "files/bytes.h"

struct evp_md_ctx_st;  // of OpenSSL

namespace swin::files {

using Digest = std::array<std::byte, 32>;

/// A SHA-256 digest of bytes that are added piece by piece.
class Sha256 {
 public:
  Sha256();
  Sha256& update(ByteSpan bytes);
  /// The digest of all bytes; nothing can be added after it.
  Digest finish();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

Digest sha256(ByteSpan bytes);
/// 64 lower-case hexadecimal digits.
std::string to_hex(const Digest& digest);

}  // namespace swin::files
