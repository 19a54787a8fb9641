// Tar archives made in memory (ustar).
#pragma once
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/data/test_files.h"

namespace swin::data {

inline void add_to_tar(Bytes& tar, const std::string& name, std::span<const uint8_t> bytes,
                       char type = '0') {
  uint8_t header[512] = {};
  const auto put = [&](size_t at, const std::string& text) {
    std::memcpy(header + at, text.data(), text.size());
  };
  char size[13];
  std::snprintf(size, sizeof size, "%011zo", bytes.size());
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  header[156] = static_cast<uint8_t>(type);
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (const uint8_t byte : header) sum += byte;
  char check[9];
  std::snprintf(check, sizeof check, "%06o", sum);
  put(148, std::string(check, 7));
  tar.insert(tar.end(), header, header + 512);
  tar.insert(tar.end(), bytes.begin(), bytes.end());
  tar.resize((tar.size() + 511) / 512 * 512);
}

inline void add_to_tar(Bytes& tar, const std::string& name, const std::string& text) {
  add_to_tar(tar, name, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

inline Bytes ended(Bytes tar) {
  tar.resize(tar.size() + 1024);
  return tar;
}

}  // namespace swin::data
