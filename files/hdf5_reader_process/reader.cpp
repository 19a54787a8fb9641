// The child process: libhdf5 in a sandbox. The parent trusts nothing that it sends.
#include "files/hdf5_reader_process/protocol.h"

#define H5_USE_110_API  // one set of signatures for every libhdf5 from 1.10 on
#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "files/hdf5_reader_process/messages.h"
#include "files/hdf5_reader_process/sandbox.h"
#include "files/hdf5_signature.h"
#include "files/named_array.h"

namespace swin::files::hdf5_reader {
namespace {

// ---- a file driver that only reads one descriptor -----------------------------------------------

int64_t file_bytes = 0;

struct OpenFile {
  H5FD_t base;  // libhdf5's own part comes first
  haddr_t end_of_addresses;
};
OpenFile* open_file(H5FD_t* file) { return reinterpret_cast<OpenFile*>(file); }
const OpenFile* open_file(const H5FD_t* file) { return reinterpret_cast<const OpenFile*>(file); }

H5FD_t* vfd_open(const char*, unsigned flags, hid_t, haddr_t) {
  if ((flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT)) != 0) return nullptr;
  auto* file = new (std::nothrow) OpenFile{};
  return file != nullptr ? &file->base : nullptr;
}
herr_t vfd_close(H5FD_t* file) {
  delete open_file(file);
  return 0;
}
herr_t vfd_query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE;
  return 0;
}
haddr_t vfd_get_eoa(const H5FD_t* file, H5FD_mem_t) { return open_file(file)->end_of_addresses; }
herr_t vfd_set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  open_file(file)->end_of_addresses = address;
  return 0;
}
haddr_t vfd_get_eof(const H5FD_t*, H5FD_mem_t) { return static_cast<haddr_t>(file_bytes); }
herr_t vfd_read(H5FD_t*, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  const auto end = static_cast<haddr_t>(file_bytes);
  if (address > end || size > end - address) return -1;
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = ::pread(kFile, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return -1;
    to += got;
    address += static_cast<haddr_t>(got);
    size -= static_cast<size_t>(got);
  }
  return 0;
}
herr_t vfd_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) { return -1; }

hid_t register_driver() {
  static H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 2)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(511);
#endif
  driver.name = "read_only";
  driver.maxaddr = static_cast<haddr_t>(INT64_MAX);
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.open = vfd_open;
  driver.close = vfd_close;
  driver.query = vfd_query;
  driver.get_eoa = vfd_get_eoa;
  driver.set_eoa = vfd_set_eoa;
  driver.get_eof = vfd_get_eof;
  driver.read = vfd_read;
  driver.write = vfd_write;
  const H5FD_mem_t map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(map), std::end(map), driver.fl_map);
  return H5FDregister(&driver);
}

// ---- the profile --------------------------------------------------------------------------------

/// The id, checked. No id is ever closed: the process ends by _exit, and closing the objects of a
/// damaged file is one more risk.
hid_t have(hid_t id, const std::string& what) {
  if (id < 0) refuse(kDamaged, what + " is damaged");
  return id;
}

struct Dataset {
  hid_t id = -1, space = -1;
  std::string name;
  std::vector<int64_t> shape;
};

/// Whether the root group has this name. Links other than hard ones are refused.
bool has_link(hid_t file, const char* name) {
  const htri_t exists = H5Lexists(file, name, H5P_DEFAULT);
  if (exists < 0) refuse(kDamaged, "the root group is damaged");
  if (exists == 0) return false;
  H5L_info_t info{};
  if (H5Lget_info(file, name, &info, H5P_DEFAULT) < 0)
    refuse(kDamaged, "the root group is damaged");
  if (info.type == H5L_TYPE_HARD) return true;
  refuse(kLink, "/" + std::string(name) + " is " +
                    (info.type == H5L_TYPE_SOFT       ? "a soft"
                     : info.type == H5L_TYPE_EXTERNAL ? "an external"
                                                      : "a user-defined") +
                    " link, expected the dataset itself");
}

std::string filter_name(H5Z_filter_t id) {
  constexpr std::pair<H5Z_filter_t, const char*> kNames[] = {
      {H5Z_FILTER_DEFLATE, "gzip"},
      {H5Z_FILTER_SHUFFLE, "shuffle"},
      {H5Z_FILTER_FLETCHER32, "fletcher32"},
      {H5Z_FILTER_SZIP, "szip"},
      {H5Z_FILTER_NBIT, "nbit"},
      {H5Z_FILTER_SCALEOFFSET, "scaleoffset"},
      {32000, "lzf"},
      {32001, "blosc"},
  };
  for (const auto& [number, name] : kNames)
    if (number == id) return name;
  return "number " + std::to_string(id);
}

/// @return the dims of a chunk; empty if the dataset is contiguous.
std::vector<hsize_t> check_storage(hid_t id, const std::string& name) {
  const hid_t plist = have(H5Dget_create_plist(id), name);
  const H5D_layout_t layout = H5Pget_layout(plist);
  if (layout == H5D_VIRTUAL) refuse(kStorage, name + " is virtual, expected its own bytes");
  if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
    refuse(kStorage, name + " is stored in its header, expected contiguous or chunked");
  if (H5Pget_external_count(plist) != 0)
    refuse(kStorage, name + " lies in an external file, expected its own bytes");
  const int filters = H5Pget_nfilters(plist);
  if (filters < 0) refuse(kDamaged, name + " is damaged");
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(plist, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, &config);
    refuse(kFiltered, name + " is filtered (" + filter_name(filter) + "), expected no filters");
  }
  if (layout != H5D_CHUNKED) return {};
  std::vector<hsize_t> dims(H5S_MAX_RANK);
  const int rank = H5Pget_chunk(plist, H5S_MAX_RANK, dims.data());
  if (rank < 1) refuse(kDamaged, name + " is damaged");
  dims.resize(static_cast<size_t>(rank));
  return dims;
}

Dataset open_dataset(hid_t file, const char* link) {
  Dataset set;
  set.name = std::string("/") + link;
  const hid_t object = have(H5Oopen(file, link, H5P_DEFAULT), set.name);
  if (H5Iget_type(object) != H5I_DATASET)
    refuse(kStorage, set.name + " is no dataset, expected one");
  set.id = object;
  const std::vector<hsize_t> chunk = check_storage(set.id, set.name);
  set.space = have(H5Dget_space(set.id), set.name);
  const int rank = H5Sget_simple_extent_ndims(set.space);
  if (H5Sget_simple_extent_type(set.space) != H5S_SIMPLE || rank < 1 || rank > H5S_MAX_RANK)
    refuse(kStorage, set.name + " is no array, expected one");
  std::vector<hsize_t> dims(static_cast<size_t>(rank));
  if (H5Sget_simple_extent_dims(set.space, dims.data(), nullptr) != rank)
    refuse(kDamaged, set.name + " is damaged");
  const hid_t type = have(H5Dget_type(set.id), set.name);
  const size_t element_bytes = H5Tget_size(type);
  // Overflow is impossible: no partial product exceeds the size of the file.
  auto bytes = static_cast<uint64_t>(element_bytes);
  const auto limit = static_cast<uint64_t>(file_bytes);
  if (element_bytes == 0 || bytes > limit) refuse(kDamaged, set.name + " is damaged");
  for (const hsize_t dim : dims) {
    if (dim == 0) refuse(kUnwritten, set.name + " is empty, expected at least one image");
    if (dim > limit / bytes) refuse(kUnwritten, set.name + " declares more than the file can hold");
    bytes *= dim;
    set.shape.push_back(static_cast<int64_t>(dim));
  }
  const hsize_t stored = H5Dget_storage_size(set.id);
  if (stored > limit) refuse(kUnwritten, set.name + " declares more than the file can hold");
  // A file stores whole chunks. Bytes that were never written would be read as garbage.
  hsize_t needed = static_cast<hsize_t>(element_bytes);
  if (!chunk.empty() && chunk.size() != dims.size()) refuse(kDamaged, set.name + " is damaged");
  for (size_t k = 0; k < dims.size(); ++k) {
    hsize_t dim = dims[k];
    if (!chunk.empty()) {
      if (chunk[k] == 0) refuse(kDamaged, set.name + " is damaged");
      dim = (dim - 1) / chunk[k] * chunk[k] + chunk[k];
    }
    needed = dim > limit / needed ? limit + 1 : needed * dim;
    if (needed > stored)
      refuse(kUnwritten, set.name + " has fewer bytes than its shape, expected all to be written");
  }
  return set;
}

const char* class_text(H5T_class_t kind) {
  constexpr std::pair<H5T_class_t, const char*> kNames[] = {
      {H5T_INTEGER, "integer"},   {H5T_FLOAT, "floating point"}, {H5T_STRING, "string"},
      {H5T_COMPOUND, "compound"}, {H5T_VLEN, "variable length"}, {H5T_REFERENCE, "reference"},
      {H5T_ENUM, "enumeration"},  {H5T_ARRAY, "array"},
  };
  for (const auto& [known, name] : kNames)
    if (known == kind) return name;
  return "opaque";
}

/// The type as error lines name it: "floating point of 4 bytes".
std::string type_text(hid_t type) {
  return std::string(class_text(H5Tget_class(type))) + " of " + std::to_string(H5Tget_size(type)) +
         (H5Tget_size(type) == 1 ? " byte" : " bytes");
}

/// Whether the bits of an integer type lie inside its bytes. libhdf5 does not check it and would
/// read beyond them.
bool has_its_bits(hid_t type) {
  const int offset = H5Tget_offset(type);
  const size_t bits = H5Tget_precision(type), size = 8 * H5Tget_size(type);
  return offset >= 0 && bits >= 1 && bits <= size && static_cast<size_t>(offset) <= size - bits;
}

/// Whether a type is an IEEE number of 4 or 8 bytes, as one-hot labels often are. libhdf5 does not
/// check where the exponent of other ones is.
bool is_float(hid_t type) {
  for (const hid_t known : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE})
    if (H5Tequal(type, known) > 0) return true;
  return false;
}

/// Replaces 8-byte floating-point numbers, which must be whole, by integers.
void make_whole(std::vector<uint8_t>& rows, const std::string& name) {
  for (size_t at = 0; at + sizeof(double) <= rows.size(); at += sizeof(double)) {
    double value = 0;
    std::memcpy(&value, rows.data() + at, sizeof value);
    if (!(std::abs(value) <= 1e9) || value != std::floor(value))
      refuse(kLabelKind,
             name + " has the value " + std::to_string(value) + ", expected whole numbers");
    const auto whole = static_cast<int64_t>(value);
    std::memcpy(rows.data() + at, &whole, sizeof whole);
  }
}

struct Contents {
  hid_t file = -1;
  Dataset images, labels;
  bool float_labels = false;
  Header header;
  std::string names;
};

/// Appends strings of fixed length to the names, each with a zero after it.
void take_names(Contents& c, hid_t type, hid_t space, const auto& read) {
  const size_t bytes = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || bytes == 0 ||
      bytes > static_cast<size_t>(kMaxNameBytes))
    refuse(kNames,
           "class_names is " +
               std::string(H5Tis_variable_str(type) > 0 ? "of variable length" : type_text(type)) +
               ", expected strings of a fixed length up to 256 bytes");
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  if (H5Sget_simple_extent_ndims(space) != 1 || count < 1 || count > kMaxClasses)
    refuse(kNames, "class_names is no list of 1 … 65536 names");
  std::vector<char> text(static_cast<size_t>(count) * bytes);
  if (read(text.data()) < 0) refuse(kDamaged, "class_names could not be read");
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const char* name = text.data() + i * bytes;
    c.names.append(name, strnlen(name, bytes));
    c.names += '\0';
  }
  c.header.num_names = count;
  c.header.names_bytes = static_cast<int64_t>(c.names.size());
}

void read_names(Contents& c) {
  if (has_link(c.file, "class_names")) {
    const Dataset set = open_dataset(c.file, "class_names");
    const hid_t type = have(H5Dget_type(set.id), set.name);
    take_names(c, type, set.space,
               [&](char* to) { return H5Dread(set.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to); });
    return;
  }
  if (H5Aexists(c.file, "class_names") <= 0) return;
  const hid_t attribute = have(H5Aopen(c.file, "class_names", H5P_DEFAULT), "class_names");
  const hid_t type = have(H5Aget_type(attribute), "class_names");
  take_names(c, type, have(H5Aget_space(attribute), "class_names"),
             [&](char* to) { return H5Aread(attribute, type, to); });
}

Contents open_contents(hid_t access) {
  Contents c;
  const auto read = [](uint64_t offset, char* to) {
    return vfd_read(nullptr, H5FD_MEM_SUPER, H5P_DEFAULT, offset, kHdf5Signature.size(), to) == 0;
  };
  if (!has_hdf5_signature(static_cast<uint64_t>(file_bytes), read))
    refuse(kDamaged, "is not an HDF5 file, or a damaged one");
  c.file = H5Fopen("/dev/null/third_party", H5F_ACC_RDONLY, access);
  if (c.file < 0) refuse(kDamaged, "is not an HDF5 file, or a damaged one");
  for (const char* name : {"images", "labels"})
    if (!has_link(c.file, name))
      refuse(kMissing,
             "found no dataset /" + std::string(name) +
                 ", expected /images (N, height, width, channels) uint8 and /labels (N) integer");
  c.images = open_dataset(c.file, "images");
  const hid_t image_type = have(H5Dget_type(c.images.id), "/images");
  if (H5Tget_class(image_type) != H5T_INTEGER || H5Tget_size(image_type) != 1 ||
      H5Tget_sign(image_type) != H5T_SGN_NONE || H5Tget_precision(image_type) != 8)
    refuse(kImageType, "/images is " + type_text(image_type) + ", expected uint8");
  if (!has_its_bits(image_type)) refuse(kDamaged, "/images is damaged");
  const auto& shape = c.images.shape;
  Header& h = c.header;
  if ((shape.size() != 3 && shape.size() != 4) ||
      (shape.size() == 4 && shape[3] != 1 && shape[3] != 3))
    refuse(kImageShape, "/images has the shape " + to_text(shape) +
                            ", expected (N, height, width, channels) with 1 or 3 channels");
  h.images = shape[0];
  h.height = shape[1];
  h.width = shape[2];
  h.channels = shape.size() == 4 ? shape[3] : 1;
  if (h.height > kMaxSide || h.width > kMaxSide || h.height * h.width > kMaxImageBytes / h.channels)
    refuse(kImageShape, "/images has the shape " + to_text(shape) +
                            ", expected at most 100 megapixels per image");

  c.labels = open_dataset(c.file, "labels");
  const hid_t label_type = have(H5Dget_type(c.labels.id), "/labels");
  const H5T_class_t kind = H5Tget_class(label_type);
  const bool many = c.labels.shape.size() == 2;
  c.float_labels = many && is_float(label_type);
  // Booleans are an enumeration of one byte.
  if ((kind != H5T_INTEGER && kind != H5T_ENUM && !c.float_labels) || H5Tget_size(label_type) > 8)
    refuse(kLabelKind, "/labels is " + type_text(label_type) + ", expected integers");
  if (!c.float_labels && !has_its_bits(label_type)) refuse(kDamaged, "/labels is damaged");
  if (c.labels.shape.size() > 2 || c.labels.shape[0] != h.images ||
      (many && c.labels.shape[1] > kMaxClasses))
    refuse(kLabelKind, "/labels has the shape " + to_text(c.labels.shape) + ", expected (" +
                           std::to_string(h.images) + "), one per image");
  h.label_columns = many ? c.labels.shape[1] : 0;
  read_names(c);
  return c;
}

/// Reads rows along the first dim.
void read_rows(const Dataset& set, hid_t type, int64_t first, int64_t count, void* to) {
  std::vector<hsize_t> start(set.shape.size(), 0), dims(set.shape.begin(), set.shape.end());
  start[0] = static_cast<hsize_t>(first);
  dims[0] = static_cast<hsize_t>(count);
  const hid_t memory = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const bool read = memory >= 0 &&
                    H5Sselect_hyperslab(set.space, H5S_SELECT_SET, start.data(), nullptr,
                                        dims.data(), nullptr) >= 0 &&
                    H5Dread(set.id, type, memory, set.space, H5P_DEFAULT, to) >= 0;
  if (memory >= 0) H5Sclose(memory);
  if (!read) refuse(kDamaged, set.name + " could not be read at index " + std::to_string(first));
}

// ---- the answers --------------------------------------------------------------------------------

void answer(const Contents& c, std::vector<uint8_t>& rows) {
  Request request;
  receive(&request, sizeof request);
  guarded(Reply{}, [&] {
    const Header& h = c.header;
    const bool images = request.what == kImages;
    const int64_t row_bytes =
        images ? h.height * h.width * h.channels : 8 * std::max<int64_t>(1, h.label_columns);
    if (request.first < 0 || request.count < 1 || request.count > h.images - request.first)
      refuse(kDamaged, "was asked for rows that it does not have");
    // Zeroed, because libhdf5 may leave bytes unwritten if the file is damaged.
    rows.assign(static_cast<size_t>(request.count * row_bytes), 0);
    const bool floats = !images && c.float_labels;
    read_rows(images ? c.images : c.labels,
              images   ? H5T_NATIVE_UINT8
              : floats ? H5T_NATIVE_DOUBLE
                       : H5T_NATIVE_INT64,
              request.first, request.count, rows.data());
    if (floats) make_whole(rows, c.labels.name);
    const Reply reply;
    send(&reply, sizeof reply);
    send(rows.data(), rows.size());
  });
}

}  // namespace

void run_child(int cpu_seconds) {
  struct stat status {};
  if (::fstat(kFile, &status) != 0) ::_exit(1);
  file_bytes = status.st_size;
  // Whatever opens files of its own must do so before the sandbox is entered.
  H5dont_atexit();
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  const hid_t driver = register_driver();
  if (driver < 0 || H5Pset_driver(access, driver, nullptr) < 0) {
    send_refusal(Header{}, kNoSandbox, kDamaged, "libhdf5 refused the file driver");
    ::_exit(1);
  }
  const std::string missing = enter_sandbox(kFile, kSocket, {.cpu_seconds = cpu_seconds});
  if (!missing.empty()) {
    send_refusal(Header{}, kNoSandbox, kDamaged, missing);
    ::_exit(1);
  }
  Contents contents;
  if (!guarded(Header{}, [&] { contents = open_contents(access); })) ::_exit(1);
  send(&contents.header, sizeof contents.header);
  send(contents.names.data(), contents.names.size());
  std::vector<uint8_t> rows;
  for (;;) answer(contents, rows);
}

}  // namespace swin::files::hdf5_reader
