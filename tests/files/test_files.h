// What the tests of files share: directories, texts and the messages of errors.
#pragma once
#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace swin::files {

namespace fs = std::filesystem;
using test::message_of;
using test::read_text;
using test::TemporaryDirectory;
using test::write_text;

}  // namespace swin::files
