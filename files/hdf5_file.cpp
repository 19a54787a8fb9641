#include "files/hdf5_file.h"

#define H5_USE_110_API  // one set of signatures for every libhdf5 from 1.10 on
#include <hdf5.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <map>
#include <utility>

#include "base/errors.h"
#include "files/hdf5_signature.h"

namespace swin::files {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxDepth = 32;
constexpr size_t kMaxDatasets = 1'000'000;
constexpr size_t kMaxStringBytes = 4096;
constexpr size_t kImageIncrementBytes = 64 << 10;

/// Keeps libhdf5 from printing its errors to stderr. The setting is per thread.
struct SilentErrors {
  H5E_auto2_t function = nullptr;
  void* data = nullptr;
  SilentErrors() {
    H5open();
    H5Eget_auto2(H5E_DEFAULT, &function, &data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~SilentErrors() { H5Eset_auto2(H5E_DEFAULT, function, data); }
};

class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  explicit operator bool() const { return id_ >= 0; }
  hid_t id() const { return id_; }
  herr_t reset() { return id_ >= 0 ? close_(std::exchange(id_, -1)) : 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// A name for a file in memory. libhdf5 takes two open files of one name for the same file, so each
/// gets its own. libhdf5 also looks for the name on disk, where nothing can exist below /dev/null.
std::string unique_name() {
  static std::atomic<uint64_t> count{0};
  return "/dev/null/memory_" + std::to_string(count++);
}

struct TypeRow {
  DType dtype;
  hid_t in_file;
};
/// The types of the profile. Evaluating these macros opens the library.
std::vector<TypeRow> type_rows() {
  return {{DType::f32, H5T_IEEE_F32LE},
          {DType::f64, H5T_IEEE_F64LE},
          {DType::i64, H5T_STD_I64LE},
          {DType::i32, H5T_STD_I32LE},
          {DType::u8, H5T_STD_U8LE}};
}
hid_t file_type_of(DType dtype) {
  for (const TypeRow& row : type_rows())
    if (row.dtype == dtype) return row.in_file;
  return -1;
}

// --- memory of a file: libhdf5 calls these functions instead of malloc ---------------------------

/// For writing: the file grows in a vector that outlives it.
struct GrowingImage {
  static void* allocate(size_t size, H5FD_file_image_op_t, void* udata) {
    return resize(nullptr, size, H5FD_FILE_IMAGE_OP_FILE_RESIZE, udata);
  }
  static void* resize(void*, size_t size, H5FD_file_image_op_t, void* udata) noexcept {
    auto* bytes = static_cast<std::vector<std::byte>*>(udata);
    try {
      bytes->resize(size);
    } catch (const std::exception&) {
      return nullptr;
    }
    return bytes->data();
  }
};

/// For reading: every "copy" is the caller's memory itself.
struct FixedImage {
  static void* allocate(size_t size, H5FD_file_image_op_t, void* udata) {
    auto* bytes = static_cast<ByteSpan*>(udata);
    return size == bytes->size() ? const_cast<std::byte*>(bytes->data()) : nullptr;
  }
  static void* copy(void* to, const void* from, size_t, H5FD_file_image_op_t, void*) {
    return to == from ? to : nullptr;
  }
  static void* resize(void*, size_t, H5FD_file_image_op_t, void*) { return nullptr; }
};

herr_t keep_memory(void*, H5FD_file_image_op_t, void*) { return 0; }
void* same_udata(void* udata) { return udata; }
herr_t keep_udata(void*) { return 0; }

// --- writing -------------------------------------------------------------------------------------

[[noreturn]] void internal(const std::string& where, const std::string& found) {
  throw base::InternalError("hdf5 " + where, found);
}

void check_array(const NamedArray& array) {
  const std::string path = "/" + array.name + "/";
  for (const std::string_view bad : {"//"sv, "/./"sv, "/../"sv, "\0"sv})
    if (path.find(bad) != std::string::npos)
      internal(array.name, "not a dataset path, expected parts between single '/'");
  if (file_type_of(array.dtype) < 0)
    internal(array.name,
             std::string("type ") + name_of(array.dtype) + " cannot be stored in the file");
  const auto count = num_elements_of(array.shape);
  if (!count || array.shape.size() > H5S_MAX_RANK ||
      static_cast<int64_t>(array.bytes.size()) != *count * size_bytes_of(array.dtype))
    internal(array.name, "shape " + to_text(array.shape) + " does not fit " +
                             std::to_string(array.bytes.size()) + " bytes");
}

Handle make_space(const std::vector<int64_t>& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
}

void write_attribute(hid_t file, const Hdf5Attribute& attribute) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const auto* text = std::get_if<std::string>(&attribute.value);
  Handle type(H5Tcopy(text != nullptr ? H5T_C_S1 : H5T_STD_I64LE), H5Tclose);
  if (text != nullptr) H5Tset_size(type.id(), std::max<size_t>(text->size(), 1));
  if (text != nullptr) H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  const Handle id(
      H5Acreate2(file, attribute.name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose);
  const void* value = text != nullptr ? static_cast<const void*>(text->c_str())
                                      : &std::get<int64_t>(attribute.value);
  if (!id || H5Awrite(id.id(), text != nullptr ? type.id() : H5T_NATIVE_INT64, value) < 0)
    internal(attribute.name, "the attribute could not be written");
}

/// An upper estimate of the bytes of HDF5's tables for these arrays: object headers, names, and the
/// B-trees of the groups. Too few would only cost memory (see build_hdf5).
size_t table_bytes(std::span<const NamedArray> arrays) {
  size_t bytes = 4096;
  for (const NamedArray& array : arrays) bytes += 512 + 2 * array.name.size();
  return (bytes + 4095) / 4096 * 4096;
}

}  // namespace

std::vector<std::byte> Hdf5Image::to_bytes() const {
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(size_bytes_));
  for (const auto span : spans_) bytes.insert(bytes.end(), span.begin(), span.end());
  return bytes;
}

// Lays out a file of gigabytes in kilobytes of memory. Datasets are allocated early but never
// written through libhdf5 (no fill value, no H5Dwrite). The tables come first in the file, because
// the first block for tables is large enough for all of them. So the core driver holds the tables
// only, and the arrays are inserted at the offsets that libhdf5 assigns (small ones may fill gaps
// between tables). If a table came after large arrays, the image would hold zeros for those arrays:
// more memory, but still correct.
Hdf5Image build_hdf5(std::span<const NamedArray> arrays, std::span<const Hdf5Attribute> attributes,
                     int64_t userblock_bytes) {
  const SilentErrors silent;
  for (const NamedArray& array : arrays) check_array(array);

  Hdf5Image image;
  std::vector<std::byte>& tables = image.tables_;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5FD_file_image_callbacks_t callbacks{GrowingImage::allocate,
                                        nullptr,
                                        GrowingImage::resize,
                                        keep_memory,
                                        same_udata,
                                        keep_udata,
                                        &tables};
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  if (H5Pset_fapl_core(access.id(), kImageIncrementBytes, false) < 0 ||
      H5Pset_file_image_callbacks(access.id(), &callbacks) < 0 ||
      H5Pset_meta_block_size(access.id(), table_bytes(arrays)) < 0 ||
      H5Pset_small_data_block_size(access.id(), 0) < 0 ||
      H5Pset_userblock(creation.id(), static_cast<hsize_t>(userblock_bytes)) < 0)
    internal("file", "libhdf5 refused the properties of a file in memory");
  Handle file(H5Fcreate(unique_name().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()),
              H5Fclose);
  if (!file) internal("file", "libhdf5 could not make a file in memory");

  const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  const Handle dataset(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (H5Pset_create_intermediate_group(link.id(), 1) < 0 ||
      H5Pset_layout(dataset.id(), H5D_CONTIGUOUS) < 0 ||
      H5Pset_alloc_time(dataset.id(), H5D_ALLOC_TIME_EARLY) < 0 ||
      H5Pset_fill_time(dataset.id(), H5D_FILL_TIME_NEVER) < 0 ||
      H5Pset_obj_track_times(dataset.id(), false) < 0)
    internal("file", "libhdf5 refused the properties of a dataset");
  for (const Hdf5Attribute& attribute : attributes) write_attribute(file.id(), attribute);

  std::map<uint64_t, ByteSpan> placed;
  for (const NamedArray& array : arrays) {
    const Handle space = make_space(array.shape);
    const Handle id(H5Dcreate2(file.id(), array.name.c_str(), file_type_of(array.dtype), space.id(),
                               link.id(), dataset.id(), H5P_DEFAULT),
                    H5Dclose);
    if (!id) internal(array.name, "the dataset could not be made, is its name used twice?");
    if (array.bytes.empty()) continue;
    const haddr_t offset = H5Dget_offset(id.id());
    if (offset == HADDR_UNDEF) internal(array.name, "libhdf5 gave the dataset no offset");
    placed.emplace(offset, array.bytes);
  }
  if (file.reset() < 0) internal("file", "libhdf5 could not close the file in memory");

  // The superblock (version 0) holds the address of the end of the file 40 bytes from its start.
  const auto base = static_cast<uint64_t>(userblock_bytes);
  uint64_t end = 0;
  if (tables.size() < base + 48 || tables[base + 8] != std::byte{0})
    internal("file", "libhdf5 wrote another superblock than version 0");
  std::memcpy(&end, tables.data() + base + 40, sizeof end);

  static constexpr std::byte kZeros[4096] = {};
  uint64_t at = base;
  const auto append = [&](ByteSpan span) {
    if (!span.empty()) image.spans_.push_back(span);
    at += span.size();
  };
  const auto append_tables_until = [&](uint64_t stop) {
    if (stop < at) internal("file", "libhdf5 gave two datasets the same offset");
    if (at < tables.size()) {
      const uint64_t count = std::min<uint64_t>(stop, tables.size()) - at;
      append(std::span(tables).subspan(at, count));
    }
    while (at < stop) append(std::span(kZeros).first(std::min<uint64_t>(stop - at, sizeof kZeros)));
  };
  for (const auto& [offset, bytes] : placed) {
    append_tables_until(offset);
    append(bytes);
  }
  append_tables_until(end);
  image.size_bytes_ = static_cast<int64_t>(end - base);
  return image;
}

// --- reading -------------------------------------------------------------------------------------

struct Hdf5Reader::State {
  std::string where;
  FileKind kind;
  ByteSpan image;
  Handle file;
  std::vector<Entry> entries;

  [[noreturn]] void refuse(const std::string& found, const std::string& remedy = "") const {
    fail(kind, where, found, remedy);
  }

  Entry describe(hid_t dataset, const std::string& name) const {
    Entry entry{name, DType::f32, {}};
    const Handle type(H5Dget_type(dataset), H5Tclose);
    const auto rows = type_rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const TypeRow& candidate) {
      return H5Tequal(type.id(), candidate.in_file) > 0;
    });
    if (row == rows.end())
      refuse("dataset /" + name +
             " has a type that swin does not read, expected f32, f64, i64, i32 or u8");
    entry.dtype = row->dtype;

    const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    if (!properties || H5Pget_layout(properties.id()) != H5D_CONTIGUOUS ||
        H5Pget_nfilters(properties.id()) != 0 || H5Pget_external_count(properties.id()) != 0)
      refuse("dataset /" + name +
             " is chunked, filtered, virtual or external, expected contiguous bytes");

    const Handle space(H5Dget_space(dataset), H5Sclose);
    const H5S_class_t extent = H5Sget_simple_extent_type(space.id());
    const int rank = H5Sget_simple_extent_ndims(space.id());
    if ((extent != H5S_SIMPLE && extent != H5S_SCALAR) || rank < 0 || rank > H5S_MAX_RANK)
      refuse("dataset /" + name + " has no shape, expected one");
    std::vector<hsize_t> dims(static_cast<size_t>(rank));
    H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr);
    entry.shape.assign(dims.begin(), dims.end());
    const auto count = num_elements_of(entry.shape);
    if (!count || *count > static_cast<int64_t>(image.size()) / size_bytes_of(entry.dtype))
      refuse("dataset /" + name + " has shape " + to_text(entry.shape) +
             ", more than the file can hold");
    return entry;
  }

  void collect(hid_t group, const std::string& prefix, int depth) {
    if (depth > kMaxDepth) refuse("groups are nested deeper than " + std::to_string(kMaxDepth));
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5L_info_t* info, void* data) -> herr_t {
      auto* list = static_cast<std::vector<std::string>*>(data);
      if (info->type != H5L_TYPE_HARD || list->size() >= kMaxDatasets) return -1;
      try {
        list->emplace_back(name);
      } catch (const std::exception&) {
        return -1;
      }
      return 0;
    };
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names) < 0)
      refuse("group /" + prefix +
             " holds a soft or external link or is damaged, expected hard links");
    for (const std::string& name : names) {
      const Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose);
      const H5I_type_t type = object ? H5Iget_type(object.id()) : H5I_BADID;
      if (type == H5I_GROUP)
        collect(object.id(), prefix + name + "/", depth + 1);
      else if (type == H5I_DATASET)
        entries.push_back(describe(object.id(), prefix + name));
      else
        refuse("/" + prefix + name + " is neither a group nor a dataset");
      if (entries.size() > kMaxDatasets) refuse("found more than a million datasets");
    }
  }

  Handle open_attribute(const char* name) const {
    Handle id(H5Aopen(file.id(), name, H5P_DEFAULT), H5Aclose);
    if (!id) refuse(std::string("found no root attribute ") + name + ", expected one");
    const Handle space(H5Aget_space(id.id()), H5Sclose);
    if (H5Sget_simple_extent_npoints(space.id()) != 1)
      refuse(std::string("root attribute ") + name + " is not one value");
    return id;
  }
};

Hdf5Reader::Hdf5Reader(ByteSpan image, std::string where, FileKind kind)
    : state_(std::make_unique<State>()) {
  const SilentErrors silent;
  state_->where = std::move(where);
  state_->kind = kind;
  state_->image = image;
  if (image.empty()) state_->refuse("found an empty file, expected an HDF5 file");
  if (!has_hdf5_signature(image)) state_->refuse("is not an HDF5 file, or a damaged one");
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // The property list keeps a pointer to the span: it must live until the file is closed.
  H5FD_file_image_callbacks_t callbacks{FixedImage::allocate, FixedImage::copy, FixedImage::resize,
                                        keep_memory,          same_udata,       keep_udata,
                                        &state_->image};
  if (H5Pset_fapl_core(access.id(), kImageIncrementBytes, false) < 0 ||
      H5Pset_file_image_callbacks(access.id(), &callbacks) < 0 ||
      H5Pset_file_image(access.id(), const_cast<std::byte*>(image.data()), image.size()) < 0)
    throw base::InternalError("hdf5 " + state_->where, "libhdf5 refused a file in memory");
  state_->file = Handle(H5Fopen(unique_name().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
  if (!state_->file) state_->refuse("is not an HDF5 file, or a damaged one");
  const Handle root(H5Gopen2(state_->file.id(), "/", H5P_DEFAULT), H5Gclose);
  if (!root) state_->refuse("has no root group");
  state_->collect(root.id(), "", 0);
  std::sort(state_->entries.begin(), state_->entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
}

Hdf5Reader::~Hdf5Reader() {
  if (state_ == nullptr) return;
  const SilentErrors silent;
  state_->file.reset();
}
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;

const std::vector<Hdf5Reader::Entry>& Hdf5Reader::entries() const { return state_->entries; }

const Hdf5Reader::Entry* Hdf5Reader::find(std::string_view name) const {
  const auto& entries = state_->entries;
  const auto at = std::lower_bound(entries.begin(), entries.end(), name,
                                   [](const Entry& a, std::string_view b) { return a.name < b; });
  return at != entries.end() && at->name == name ? &*at : nullptr;
}

void Hdf5Reader::read(std::string_view name, std::span<std::byte> bytes) const {
  const SilentErrors silent;
  const Entry* entry = find(name);
  if (entry == nullptr) state_->refuse("has no dataset /" + std::string(name));
  const int64_t expected = *num_elements_of(entry->shape) * size_bytes_of(entry->dtype);
  if (static_cast<int64_t>(bytes.size()) != expected)
    state_->refuse("dataset /" + entry->name + " " + to_text(entry->shape) + " has " +
                   std::to_string(expected) + " bytes, expected " + std::to_string(bytes.size()));
  if (bytes.empty()) return;
  const Handle dataset(H5Dopen2(state_->file.id(), entry->name.c_str(), H5P_DEFAULT), H5Dclose);
  // Memory and file have the same little-endian type, so this is a plain copy.
  if (!dataset || H5Dread(dataset.id(), file_type_of(entry->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                          bytes.data()) < 0)
    state_->refuse("dataset /" + entry->name + " could not be read");
}

int64_t Hdf5Reader::integer_attribute(const char* name) const {
  const SilentErrors silent;
  const Handle id = state_->open_attribute(name);
  const Handle type(H5Aget_type(id.id()), H5Tclose);
  int64_t value = 0;
  if (H5Tget_class(type.id()) != H5T_INTEGER || H5Aread(id.id(), H5T_NATIVE_INT64, &value) < 0)
    state_->refuse(std::string("root attribute ") + name + " is not an integer");
  return value;
}

std::string Hdf5Reader::string_attribute(const char* name) const {
  const SilentErrors silent;
  const Handle id = state_->open_attribute(name);
  const Handle type(H5Aget_type(id.id()), H5Tclose);
  const size_t size = H5Tget_size(type.id());
  std::string text(std::min(size, kMaxStringBytes), '\0');
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0 || size == 0 ||
      size > kMaxStringBytes || H5Aread(id.id(), type.id(), text.data()) < 0)
    state_->refuse(std::string("root attribute ") + name + " is not a string of fixed length");
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

}  // namespace swin::files
