// Files that tests write, and goldens that they read.
#pragma once
#include <gtest/gtest.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "data/image.h"
#include "files/digest.h"
#include "tests/support/places.h"
#include "tests/support/temporary_directory.h"

namespace swin::data {

using Bytes = std::vector<uint8_t>;

using test::TemporaryDirectory;

inline std::string golden_path(const std::string& name) {
  return swin::test::source_dir() + "/tests/data/" + name;
}

inline Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// An image file of tests/data/images.
inline Bytes image_bytes(const std::string& name) {
  return read_bytes(golden_path("images/" + name));
}

/// The rows of a golden table, split at spaces, without comments.
inline std::vector<std::vector<std::string>> read_table(const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(golden_path(name));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    rows.emplace_back();
    for (std::string word; words >> word;) rows.back().push_back(word);
  }
  EXPECT_GT(rows.size(), 10u) << name;
  return rows;
}

inline std::string sha256_of(std::span<const uint8_t> bytes) {
  return files::to_hex(files::sha256(std::as_bytes(bytes)));
}

/// The bytes of noise() in scripts/reference/make_image_goldens.py.
inline Bytes noise(int64_t count) {
  Bytes bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint32_t value = static_cast<uint32_t>(i) * 2654435761u + 12345u;
    value ^= value >> 15;
    bytes[i] = static_cast<uint8_t>(value);
  }
  return bytes;
}

/// The text of the DataError that a call throws. Fails if it throws nothing or anything else.
template <class Call>
std::string data_error(Call&& call) {
  try {
    call();
  } catch (const base::DataError& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "found another error: " << error.what();
    return "";
  }
  ADD_FAILURE() << "expected a DataError";
  return "";
}

/// An image in which neighboring values differ.
inline Image counting(int64_t height, int64_t width, int64_t channels) {
  Image image;
  image.reshape(height, width, channels);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(i * 7 + 1);
  return image;
}

}  // namespace swin::data
