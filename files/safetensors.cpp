#include "files/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"
#include "files/atomic_file.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

constexpr uint64_t kLengthBytes = 8;               // the header's length, u64
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
// While a header is read, it is held as JSON values of about 100 bytes each. No model has so many
// tensors, but a damaged file may claim it, and must not take much more memory than its size.
constexpr uint64_t kMaxTextBytes = 16'000'000;
constexpr int64_t kMaxValues = 1'000'000;
constexpr int kMaxDepth = 8;
constexpr std::string_view kMetadata = "__metadata__";

/// The format's name of a type: ours in upper case.
std::string format_name_of(DType dtype) {
  std::string name = name_of(dtype);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return name;
}

std::optional<DType> dtype_named(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i)
    if (format_name_of(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  return std::nullopt;
}

/// Reads the header of one file; every error names the file.
class Parser {
 public:
  Parser(std::string where, ByteSpan bytes) : where_(std::move(where)), bytes_(bytes) {}

  void parse(std::vector<NamedArray>& arrays, StringMap& metadata) {
    const std::string_view text = header_text();
    base::Json header;
    try {
      header = base::parse_json(text, where_, {.max_bytes = kMaxTextBytes, .max_depth = kMaxDepth});
    } catch (const base::JsonSyntaxError& error) {
      refuse("the JSON header has an error at column " + std::to_string(error.position.column) +
             " of line " + std::to_string(error.position.line) + ": " + error.what);
    }
    if (!header.is_object()) refuse("the header is not a JSON object, expected one");
    for (const auto& [name, value] : header.members()) {
      if (name == kMetadata)
        read_metadata(value, metadata);
      else
        read_tensor(name, value, arrays);
    }
    check_layout(arrays);
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw base::WeightError(where_, found,
                            "the file is damaged or not a safetensors file; get it again");
  }

  std::string_view header_text() {
    if (bytes_.size() < kLengthBytes)
      refuse("found " + std::to_string(bytes_.size()) +
             " bytes, expected a header length of 8 bytes");
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes_.data(), sizeof header_bytes);
    if (header_bytes > kMaxHeaderBytes)
      refuse("the header is said to be " + std::to_string(header_bytes) +
             " bytes, expected at most " + std::to_string(kMaxHeaderBytes));
    if (header_bytes > bytes_.size() - kLengthBytes)
      refuse("the header is said to be " + std::to_string(header_bytes) + " bytes, but only " +
             std::to_string(bytes_.size() - kLengthBytes) + " follow: the file is truncated");
    std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes,
                          header_bytes);
    if (text.empty() || text.front() != '{')
      refuse("the header does not start with '{', expected JSON");
    buffer_ = bytes_.subspan(kLengthBytes + header_bytes);
    text = text.substr(0, text.find_last_not_of(' ') + 1);  // padding
    if (text.size() > kMaxTextBytes || std::count(text.begin(), text.end(), ',') > kMaxValues)
      refuse("the header holds more than " + std::to_string(kMaxValues) + " values or " +
             std::to_string(kMaxTextBytes) + " bytes");
    return text;
  }

  void require_name(const std::string& name) const {
    if (!is_name(name))
      refuse("found the name " + base::printable(name) + ", expected " + kNameExpected);
  }

  void read_metadata(const base::Json& value, StringMap& metadata) const {
    if (!value.is_object())
      refuse(std::string("__metadata__ is of type ") + value.type_name() + ", expected object");
    for (const auto& [key, text] : value.members()) {
      require_name(key);
      if (!text.is_string())
        refuse("__metadata__." + key + " is of type " + text.type_name() + ", expected string");
      metadata.emplace_back(key, text.as_string());
    }
  }

  const base::Json& member(const std::string& name, const base::Json& tensor,
                           const char* key) const {
    const base::Json* value = tensor.find(key);
    if (value == nullptr) refuse("tensor " + name + " has no " + key + ", expected one");
    return *value;
  }

  std::vector<int64_t> integers(const std::string& name, const char* key,
                                const base::Json& list) const {
    if (!list.is_array())
      refuse("tensor " + name + ": " + key + " is of type " + list.type_name() +
             ", expected array");
    std::vector<int64_t> values;
    for (const base::Json& value : list.items()) {
      if (!value.is_integer() || value.as_int() < 0)
        refuse("tensor " + name + ": " + key + " holds " + base::to_text(value).substr(0, 40) +
               ", expected integers of at least 0");
      values.push_back(value.as_int());
    }
    return values;
  }

  void read_tensor(const std::string& name, const base::Json& tensor,
                   std::vector<NamedArray>& arrays) {
    require_name(name);
    if (!tensor.is_object())
      refuse("tensor " + name + " is of type " + tensor.type_name() + ", expected object");
    NamedArray array;
    array.name = name;

    const base::Json& type = member(name, tensor, "dtype");
    const auto dtype = type.is_string() ? dtype_named(type.as_string()) : std::nullopt;
    if (!dtype)
      refuse("tensor " + name + " has dtype " + base::to_text(type).substr(0, 40) +
             ", expected F32, F16, BF16, I64 or another known one");
    array.dtype = *dtype;

    array.shape = integers(name, "shape", member(name, tensor, "shape"));
    const auto count = num_elements_of(array.shape);
    int64_t size_bytes = 0;
    if (!count || __builtin_mul_overflow(*count, size_bytes_of(array.dtype), &size_bytes))
      refuse("tensor " + name + ": the shape " + to_text(array.shape) + " overflows");

    const auto offsets = integers(name, "data_offsets", member(name, tensor, "data_offsets"));
    if (offsets.size() != 2)
      refuse("tensor " + name + " has " + std::to_string(offsets.size()) +
             " data_offsets, expected 2");
    const int64_t begin = offsets[0], end = offsets[1];
    if (begin > end || end > static_cast<int64_t>(buffer_.size()))
      refuse("tensor " + name + " has data_offsets " + to_text(offsets) +
             ", expected a range inside the " + std::to_string(buffer_.size()) + " data bytes");
    if (end - begin != size_bytes)
      refuse("tensor " + name + " has " + std::to_string(end - begin) + " bytes, expected " +
             std::to_string(size_bytes) + " for " + type.as_string() + " " + to_text(array.shape));
    array.bytes = buffer_.subspan(static_cast<size_t>(begin), static_cast<size_t>(size_bytes));
    arrays.push_back(std::move(array));
  }

  /// Every data byte belongs to exactly one tensor.
  void check_layout(std::vector<NamedArray>& arrays) const {
    const auto begin_of = [&](const NamedArray& array) {
      return array.bytes.data() - buffer_.data();
    };
    std::stable_sort(arrays.begin(), arrays.end(), [&](const NamedArray& a, const NamedArray& b) {
      return std::pair(begin_of(a), a.bytes.size()) < std::pair(begin_of(b), b.bytes.size());
    });
    int64_t at = 0;
    for (const NamedArray& array : arrays) {
      if (begin_of(array) != at)
        refuse("tensor " + array.name + " starts at byte " + std::to_string(begin_of(array)) +
               ", expected " + std::to_string(at) +
               (begin_of(array) > at ? ": there is a hole" : ": tensors overlap"));
      at += static_cast<int64_t>(array.bytes.size());
    }
    if (at != static_cast<int64_t>(buffer_.size()))
      refuse("the tensors end at data byte " + std::to_string(at) + ", expected " +
             std::to_string(buffer_.size()) + ", the end of the file");
  }

  std::string where_;
  ByteSpan bytes_, buffer_;
};

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) {
  const auto mapped = std::make_shared<MappedFile>(path, FileKind::weights);
  *this = SafetensorsFile(mapped->bytes(), path.string(), mapped);
}

SafetensorsFile::SafetensorsFile(ByteSpan bytes, std::string where,
                                 std::shared_ptr<const void> owner)
    : where_(std::move(where)) {
  Parser(where_, bytes).parse(arrays_, metadata_);
  for (NamedArray& array : arrays_) array.owner = owner;
  for (const NamedArray& array : arrays_) by_name_.emplace(array.name, &array);
}

const NamedArray* SafetensorsFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const NamedArray& SafetensorsFile::at(std::string_view name) const {
  const NamedArray* array = find(name);
  if (array == nullptr)
    throw base::WeightError(where_, "has no tensor " + std::string(name) + " among its " +
                                        std::to_string(arrays_.size()));
  return *array;
}

void write_safetensors(const std::filesystem::path& path, std::vector<NamedArray> arrays,
                       const StringMap& metadata) {
  std::sort(arrays.begin(), arrays.end(), [](const NamedArray& a, const NamedArray& b) {
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
  });
  base::Json header = base::Json::object();
  base::Json texts = base::Json::object();
  const auto is_format = [](const auto& entry) { return entry.first == "format"; };
  if (std::none_of(metadata.begin(), metadata.end(), is_format))
    texts["format"] = base::Json("pt");  // transformers refuses files without it
  for (const auto& [key, text] : metadata) texts[key] = base::Json(text);
  header.members().emplace_back(kMetadata, std::move(texts));

  std::set<std::string_view> names{kMetadata};
  std::vector<ByteSpan> spans(2);
  int64_t at = 0;
  for (const NamedArray& array : arrays) {
    const auto count = num_elements_of(array.shape);
    if (!count || static_cast<int64_t>(array.bytes.size()) != *count * size_bytes_of(array.dtype))
      throw base::InternalError("safetensors " + array.name,
                                "shape " + to_text(array.shape) + " does not fit its bytes");
    if (!names.insert(array.name).second)
      throw base::InternalError("safetensors " + array.name, "the name is used twice");
    const int64_t end = at + static_cast<int64_t>(array.bytes.size());
    base::Json tensor = base::Json::object();
    tensor["dtype"] = base::Json(format_name_of(array.dtype));
    tensor["shape"] = base::Json::array_of(array.shape);
    tensor["data_offsets"] = base::Json::array_of(std::vector<int64_t>{at, end});
    header.members().emplace_back(array.name, std::move(tensor));
    spans.push_back(array.bytes);
    at = end;
  }
  std::string text = base::to_text(header);
  text.append((8 - text.size() % 8) % 8, ' ');  // so that tensors start at a multiple of 8
  const uint64_t header_bytes = text.size();
  spans[0] = std::as_bytes(std::span(&header_bytes, 1));
  spans[1] = bytes_of(text);
  write_file_atomically(path, spans);
}

}  // namespace swin::files
