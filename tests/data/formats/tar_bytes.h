// Tar archives made in memory (ustar, and the headers of pax and GNU).
#pragma once
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/data/test_files.h"

namespace swin::data {

/// @param user, group, link texts of the header.
inline void add_to_tar(Bytes& tar, const std::string& name, std::span<const uint8_t> bytes,
                       char type = '0', const std::string& user = "", const std::string& group = "",
                       const std::string& link = "") {
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
  put(157, link);
  put(257, std::string("ustar\00000", 8));
  put(265, user);
  put(297, group);
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

/// The pax header of the next entry.   @param fields as {"path", "…"}.
inline void add_pax_header(Bytes& tar,
                           const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [key, value] : fields) {
    const std::string rest = " " + key + "=" + value + "\n";
    size_t size = rest.size() + 1;  // the length counts its own digits
    while (std::to_string(size).size() + rest.size() != size) ++size;
    text += std::to_string(size) + rest;
  }
  add_to_tar(tar, "PaxHeader",
             std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()), 'x');
}

inline Bytes ended(Bytes tar) {
  tar.resize(tar.size() + 1024);
  return tar;
}

}  // namespace swin::data
