// The input is a packed set, whose header and digest are checked before libhdf5 reads it. The
// digest does not ensure that the tables are consistent, so the input also describes arrays, which
// are written with valid digests, and refused or read.
#include "data/formats/packed.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "base/json.h"
#include "fuzz/dataset_checks.h"
#include "fuzz/packed_tables.h"

namespace {

namespace data = swin::data;
namespace files = swin::files;
using swin::fuzz::require;

const swin::fuzz::Folder& folder() {
  static const swin::fuzz::Folder folder;
  return folder;
}

bool opens(const std::string& path) {
  data::DatasetOptions options;
  options.path = path;
  try {
    const auto set = data::open_packed(options);
    require(data::is_packed(path));
    swin::fuzz::check(*set, 3);
  } catch (const swin::base::DataError&) {
    return false;
  }
  return true;
}

bool is_whole(const std::string& path) {
  try {
    data::verify_packed(path);
  } catch (const swin::base::DataError&) {
    return false;
  }
  return true;
}

/// Writes the set that the input describes. @return whether opening it must succeed.
bool write(swin::fuzz::Input& input, const std::string& path) {
  int64_t images_bytes = 0;
  const data::PackedTables tables = swin::fuzz::tables_from(input, images_bytes);
  bool right = tables.fit(images_bytes);
  const std::string images(static_cast<size_t>(images_bytes), 'i');
  std::string classes = swin::base::to_text(swin::base::Json::array_of(tables.class_names));
  if (input.below(8) == 1) {  // any text, which may not be a list of names
    const auto text = input.part(1 + input.below(40));
    classes.assign(text.begin(), text.end());
    right = false;
  }
  std::vector<files::NamedArray> arrays;
  const auto add = [&](const char* name, files::DType dtype, std::span<const std::byte> bytes) {
    std::vector<int64_t> shape = {static_cast<int64_t>(bytes.size()) / files::size_bytes_of(dtype)};
    const size_t change = input.below(32);
    if (change != 0 && change < 4 && arrays.size() > 0) {  // the images are never decoded
      right = false;
      if (change == 1) return;
      if (change == 2) shape.push_back(1);
      if (change == 3) {
        dtype = dtype == files::DType::u8 ? files::DType::i32 : files::DType::f64;
        const auto elements = bytes.size() / static_cast<size_t>(files::size_bytes_of(dtype));
        shape = {static_cast<int64_t>(elements)};
        bytes = bytes.first(elements * static_cast<size_t>(files::size_bytes_of(dtype)));
      }
    }
    arrays.push_back({name, dtype, shape, bytes, nullptr});
  };
  const auto text = [](const std::string& value) { return std::as_bytes(std::span(value)); };
  const auto integers = [](const std::vector<int64_t>& values) {
    return std::as_bytes(std::span(values));
  };
  add("images", files::DType::u8, text(images));
  add("image_offsets", files::DType::i64, integers(tables.image_offsets));
  add("labels", files::DType::i64, integers(tables.labels));
  add("label_offsets", files::DType::i64, integers(tables.label_offsets));
  add("name_offsets", files::DType::i64, integers(tables.name_offsets));
  add("names", files::DType::u8, text(tables.names));
  add("class_names", files::DType::u8, text(classes));
  std::vector<files::Hdf5Attribute> attributes = {{"format", std::string("swin packed")},
                                                  {"multi_label", int64_t{tables.multi_label}}};
  const size_t change = input.below(32);
  if (change != 0 && change < 5) {
    right = false;
    if (change == 1) attributes.pop_back();
    if (change == 2) attributes[0].value = std::string("swin paked");
    if (change == 3) attributes[0].value = int64_t{1};
    if (change == 4) attributes[1].value = std::string("yes");
  }
  data::write_packed(path, arrays, attributes);
  return right;
}

void round_trip(swin::fuzz::Input input) {
  const std::string path = folder().path() + "/written.h5";
  const bool right = write(input, path);
  require(is_whole(path));
  const bool opened = opens(path);
  require(opened || !right);
  // Changing a byte is detected, except in the unused rest of the userblock.
  const auto size_bytes = static_cast<size_t>(std::filesystem::file_size(path));
  const size_t at = (input.two_bytes() * 256 + input.byte()) % size_bytes;
  const char change = static_cast<char>(input.byte() | 1);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const char before = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(before ^ change));
  file.close();
  const bool unused = at >= 112 && at < 4096;
  require(is_whole(path) == unused);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  folder().write("input.h5", {bytes, size});
  const std::string path = folder().path() + "/input.h5";
  if (is_whole(path)) require(opens(path));  // the seed written by pack_dataset
  (void)opens(path);
  constexpr size_t kMaxDescription = 200;  // writing takes much longer than checking a header
  if (size <= kMaxDescription) round_trip({bytes, size});
  return 0;
}
