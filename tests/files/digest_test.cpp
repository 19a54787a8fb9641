#include "files/digest.h"

#include <gtest/gtest.h>

#include "files/atomic_file.h"

namespace swin::files {
namespace {

TEST(Digest, MatchesPublishedVectors) {  // FIPS 180-2, appendix B
  EXPECT_EQ(to_hex(sha256(bytes_of(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(bytes_of("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(bytes_of(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, PiecesAddUp) {
  EXPECT_EQ(Sha256().update(bytes_of("a")).update(bytes_of("")).update(bytes_of("bc")).finish(),
            sha256(bytes_of("abc")));
}

}  // namespace
}  // namespace swin::files
