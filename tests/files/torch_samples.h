// The sample files of tests/files/torch and the values of what is read from them.
#pragma once
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/torch_file.h"
#include "tests/support/places.h"

namespace swin::files::testing {

/// A file that scripts/reference/make_torch_files.py wrote.
inline std::filesystem::path sample(const std::string& name) {
  return std::filesystem::path(swin::test::source_dir()) / "tests/files/torch" / name;
}

inline const NamedArray& find(const TorchFile& file, const std::string& name) {
  for (const NamedArray& array : file.arrays())
    if (array.name == name) return array;
  throw std::runtime_error("no " + name);
}

inline std::vector<double> values(const NamedArray& array) {
  std::vector<double> result(static_cast<size_t>(array.num_elements()));
  if (array.dtype == DType::f64 || array.dtype == DType::f32 || array.dtype == DType::f16 ||
      array.dtype == DType::bf16) {
    read_float64(array, "x", result);
    return result;
  }
  std::vector<int64_t> integers(result.size());
  read_int64(array, "x", integers);
  return {integers.begin(), integers.end()};
}
inline std::vector<double> values(const TorchFile& file, const std::string& name) {
  return values(find(file, name));
}

}  // namespace swin::files::testing
