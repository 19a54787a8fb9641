// Where the project is: in one object of every test program, so that what is compiled of the tests
// is the same in every clone.
#pragma once
#include <string>

namespace swin::test {

/// The folder of the project, without a slash at the end.
std::string source_dir();

}  // namespace swin::test
