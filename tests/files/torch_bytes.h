// The bytes of .pth files, made by hand: valid ones and hostile ones.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "files/named_array.h"

namespace swin::files::testing {

/// Little-endian bytes of a number.
template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline std::span<const std::byte> span_of(const std::string& bytes) {
  return std::as_bytes(std::span(bytes));
}

/// A zip archive with uncompressed entries.
inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string archive, directory;
  for (const auto& [name, content] : entries) {
    const auto crc = static_cast<uint32_t>(::crc32(
        0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
    const auto size = static_cast<uint32_t>(content.size());
    // version, flags, method, time, date, crc, sizes, lengths of name and extra field
    const std::string common = raw<uint16_t>(0) + raw<uint16_t>(0) + raw<uint32_t>(0) + raw(crc) +
                               raw(size) + raw(size) + raw(static_cast<uint16_t>(name.size())) +
                               raw<uint16_t>(0);
    directory += "PK\1\2" + raw<uint16_t>(0) + raw<uint16_t>(0) + common + raw<uint16_t>(0) +
                 raw<uint16_t>(0) + raw<uint16_t>(0) + raw<uint32_t>(0) +
                 raw(static_cast<uint32_t>(archive.size())) + name;
    archive += "PK\3\4" + raw<uint16_t>(0) + common + name + content;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const auto at = static_cast<uint32_t>(archive.size());
  return archive + directory + "PK\5\6" + raw<uint32_t>(0) + raw(count) + raw(count) +
         raw(static_cast<uint32_t>(directory.size())) + raw(at) + raw<uint16_t>(0);
}

// Instructions of a pickle, protocol 2.
inline std::string text(const std::string& value) {
  return "X" + raw(static_cast<uint32_t>(value.size())) + value;
}
inline std::string number(int64_t value) { return "\x8a\x08" + raw(value); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<int64_t>& values) {
  std::string code = "(";
  for (const int64_t value : values) code += number(value);
  return code + "t";
}
inline std::string pickle_of(const std::string& code) { return "\x80\x02" + code + "."; }

struct TensorOf {
  std::string key = "0";
  int64_t stored = 6;  // elements of the storage
  int64_t offset = 0;
  std::vector<int64_t> shape{2, 3}, strides{3, 1};
  std::string type = "FloatStorage";
  std::string view = "";  // instructions of the sixth part of the id
};

inline std::string code_of(const TensorOf& tensor) {
  return global("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") +
         global("torch", tensor.type) + text(tensor.key) + text("cpu") + number(tensor.stored) +
         tensor.view + "tQ" + number(tensor.offset) + tuple(tensor.shape) + tuple(tensor.strides) +
         "\x89" + global("collections", "OrderedDict") + ")RtR";
}

/// A dict of one tensor.
inline std::string dict_of(const TensorOf& tensor, const std::string& name = "w") {
  return "}" + text(name) + code_of(tensor) + "s";
}

/// A file as torch.save writes it: the pickle of `code`, and the bytes of its storages by key.
inline std::string pth_of(const std::string& code,
                          const std::vector<std::pair<std::string, std::string>>& storages) {
  std::vector<std::pair<std::string, std::string>> entries{{"archive/data.pkl", pickle_of(code)},
                                                           {"archive/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) entries.emplace_back("archive/data/" + key, bytes);
  return zip_of(entries);
}

inline std::string legacy_of(const std::string& code,
                             const std::vector<std::pair<std::string, std::string>>& storages,
                             const std::string& machine = "}" + text("little_endian") + "\x88s") {
  std::string keys = "](";
  for (const auto& [key, bytes] : storages) keys += text(key);
  std::string file = pickle_of("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") +
                     pickle_of("M\xe9\x03") + pickle_of(machine) + pickle_of(code) +
                     pickle_of(keys + "e");
  for (const auto& [key, bytes] : storages) file += bytes;
  return file;
}

/// The instructions of a state dict of arrays, whose storages are added to `storages`.
inline std::string dict_of(const std::vector<NamedArray>& arrays,
                           std::vector<std::pair<std::string, std::string>>& storages,
                           const std::string& prefix = "") {
  std::string code = "}";
  for (const NamedArray& array : arrays) {
    const std::string key = std::to_string(storages.size());
    TensorOf tensor{.key = key, .stored = array.num_elements(), .shape = array.shape};
    tensor.strides.assign(array.shape.size(), 1);
    for (size_t i = array.shape.size(); i-- > 1;)
      tensor.strides[i - 1] = tensor.strides[i] * array.shape[i];
    tensor.type = array.dtype == DType::f64   ? "DoubleStorage"
                  : array.dtype == DType::i64 ? "LongStorage"
                  : array.dtype == DType::f16 ? "HalfStorage"
                                              : "FloatStorage";
    code += text(prefix + array.name) + code_of(tensor) + "s";
    storages.emplace_back(key, std::string(text_of(array.bytes)));
  }
  return code;
}

inline std::string floats(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += raw(static_cast<float>(i));
  return bytes;
}

}  // namespace swin::files::testing
