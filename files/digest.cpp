#include "files/digest.h"

#include <openssl/evp.h>

#include "base/errors.h"
#include "base/text.h"

namespace swin::files {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
    throw base::InternalError("sha256", "OpenSSL gives no SHA-256");
}

Sha256& Sha256::update(ByteSpan bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
    throw base::InternalError("sha256", "OpenSSL refused bytes");
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) !=
          1 ||
      size != digest.size())
    throw base::InternalError("sha256", "OpenSSL gave no digest");
  return digest;
}

Digest sha256(ByteSpan bytes) { return Sha256().update(bytes).finish(); }

std::string to_hex(const Digest& digest) {
  std::string text;
  for (const std::byte byte : digest) text += base::hex(std::to_integer<uint8_t>(byte));
  return text;
}

}  // namespace swin::files
