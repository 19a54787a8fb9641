// Counts for people.
#pragma once
#include <cstdint>
#include <string>

namespace swin::base {

/// "28,288,354".
std::string grouped(int64_t n);
/// "1 image", "60,000 images".   @param several empty: `one` and an s
std::string counted(int64_t n, const std::string& one, const std::string& several = "");

}  // namespace swin::base
