#include "tests/support/places.h"

namespace swin::test {

std::string source_dir() { return SWIN_SOURCE_DIR; }

}  // namespace swin::test
