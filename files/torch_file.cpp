#include "files/torch_file.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "base/errors.h"
#include "base/text.h"
#include "files/archive_file.h"
#include "files/foreign_weights.h"
#include "files/mapped_file.h"
#include "files/pickle.h"
#include "files/torch_sets.h"

namespace swin::files {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kZipMagic = "PK\x03\x04";
// The legacy form starts with a pickle of this number, LONG1 of ten bytes.
constexpr std::string_view kLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr int64_t kLegacyProtocol = 1001;
constexpr size_t kMaxRank = 64;
// Strided tensors are copied. Small ones may expand to a little more than the file's size.
constexpr int64_t kMinCopyBytes = 1 << 20;
constexpr char kDamaged[] = "the file is damaged; get it again";

// Whether a pickle of protocol 2 to 5 may start here.
bool is_protocol(ByteSpan bytes) {
  return bytes.size() > 1 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} &&
         bytes[1] <= std::byte{5};
}

bool is_contiguous(std::span<const int64_t> shape, std::span<const int64_t> strides) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

/// Copies a strided tensor in row-major order. All its elements must be in `storage`.
void gather(ByteSpan storage, size_t element_bytes, int64_t offset, std::span<const int64_t> shape,
            std::vector<int64_t> strides, std::byte* to) {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 1) strides[i] = 0;  // not used, and may be any value
  std::vector<int64_t> at(shape.size(), 0);
  int64_t element = offset;
  while (true) {
    std::memcpy(to, storage.data() + static_cast<size_t>(element) * element_bytes, element_bytes);
    to += element_bytes;
    size_t i = shape.size();
    while (i-- > 0) {
      element += strides[i];
      if (++at[i] < shape[i]) break;
      element -= strides[i] * shape[i];
      at[i] = 0;
    }
    if (i == static_cast<size_t>(-1)) return;
  }
}

}  // namespace

/// Reads one file into a TorchFile; every error names the file.
class TorchFile::Reader {
 public:
  Reader(TorchFile& file, ByteSpan bytes, const std::string& where,
         std::shared_ptr<const void> owner, const WeightChoice& choice)
      : file_(file), bytes_(bytes), where_(where), owner_(std::move(owner)), choice_(choice) {}

  void read() {
    if (text_of(bytes_).starts_with(kZipMagic))
      read_zip();
    else if (is_torch_file(bytes_))
      read_legacy();
    else
      refuse_other();
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const char* remedy = kDamaged) const {
    throw base::WeightError(where_, found, remedy);
  }

  [[noreturn]] void refuse_other() const {
    const bool is_pickle = is_protocol(bytes_);
    if (is_pickle)
      Pickle(bytes_, where_, bytes_.size());  // may throw a better error, with what it would call
    refuse(std::string("found ") + (is_pickle ? "a pickle of something else" : "other bytes") +
               ", expected a file of torch.save (zip or legacy)",
           is_pickle ? "load it in Python with pickle, save its arrays as a dict of tensors with "
                       "torch.save and give that file"
                     : "give a .pth file that torch.save wrote");
  }

  // The zip form: NAME/data.pkl, NAME/byteorder, and one storage per NAME/data/KEY.
  void read_zip() {
    file_.form_ = Form::zip;
    if (const auto foreign = foreign_weights(bytes_, where_))
      refuse("found " + foreign->kind + ", expected a file of torch.save", foreign->remedy.c_str());
    const std::vector<ZipEntry> entries = read_stored_zip(bytes_, where_);
    constexpr std::string_view kPickle = "/data.pkl";
    const ZipEntry* pickle_entry = nullptr;
    for (const ZipEntry& entry : entries) {
      if (!entry.name.ends_with(kPickle) ||
          entry.name.find('/') + kPickle.size() < entry.name.size())
        continue;
      if (pickle_entry != nullptr)
        refuse("holds " + base::printable(pickle_entry->name) + " and " +
               base::printable(entry.name) + ", expected one data.pkl");
      pickle_entry = &entry;
    }
    if (pickle_entry == nullptr)
      refuse("found a zip archive without data.pkl, expected a file of torch.save",
             "give a .pth file that torch.save wrote");
    const std::string folder(pickle_entry->name, 0, pickle_entry->name.find('/') + 1);
    const std::string storage_folder = folder + "data/";
    for (const ZipEntry& entry : entries) {
      if (entry.name == folder + "byteorder" && text_of(entry.bytes) != "little")
        refuse("its byte order is " + base::printable(text_of(entry.bytes)) + ", expected little",
               "save it again on a little-endian machine");
      if (entry.name.starts_with(storage_folder))
        storages_.emplace(std::string_view(entry.name).substr(storage_folder.size()), entry.bytes);
    }
    const Pickle pickle(pickle_entry->bytes, where_, bytes_.size());
    if (pickle.size_bytes() != pickle_entry->bytes.size())
      refuse("data.pkl goes on after its end, expected one pickle");
    read_root(pickle);
  }

  // The legacy form: pickles of magic, protocol, machine, object and storage keys, then every
  // storage as its number of elements (i64) and its bytes.
  void read_legacy() {
    file_.form_ = Form::legacy;
    size_t at = 0;
    const auto next = [&] {
      Pickle pickle(bytes_.subspan(at), where_, bytes_.size());
      at += pickle.size_bytes();
      return pickle;
    };
    next();  // the magic number, already checked
    const Pickle protocol = next();
    if (protocol.root().kind != Kind::integer || protocol.root().integer != kLegacyProtocol)
      refuse("found another protocol of torch.save, expected " + std::to_string(kLegacyProtocol));
    const Pickle machine = next();
    const PickleValue* little_endian = machine.find(machine.root(), "little_endian");
    if (little_endian == nullptr || little_endian->kind != Kind::boolean)
      refuse("does not state its byte order, expected little_endian");
    if (little_endian->integer == 0)
      refuse("its byte order is big, expected little", "save it again on a little-endian machine");
    const Pickle pickle = next();
    std::unordered_map<std::string_view, int64_t> element_bytes;
    for (const PickleStorage& storage : pickle.storages()) {
      const int64_t size = size_bytes_of(storage.dtype);
      if (element_bytes.emplace(storage.key, size).first->second != size)
        refuse("storage " + base::printable(storage.key) + " is of two types, expected one");
    }
    const Pickle keys = next();
    if (keys.root().kind != Kind::list) refuse("found no list of storages, expected one");
    for (const PickleValue& value : keys.items(keys.root())) {
      const auto found =
          element_bytes.find(value.kind == Kind::text ? keys.text(value) : std::string_view());
      if (found == element_bytes.end()) refuse("lists a storage that no tensor has");
      int64_t num_elements = 0, size = 0;
      if (bytes_.size() - at < sizeof num_elements) refuse("it is truncated before its storages");
      std::memcpy(&num_elements, bytes_.data() + at, sizeof num_elements);
      at += sizeof num_elements;
      if (num_elements < 0 || __builtin_mul_overflow(num_elements, found->second, &size) ||
          static_cast<uint64_t>(size) > bytes_.size() - at)
        refuse("storage " + base::printable(found->first) + " is said to have " +
               std::to_string(num_elements) + " elements, but only " +
               std::to_string(bytes_.size() - at) + " bytes follow: it is truncated");
      if (!storages_.emplace(found->first, bytes_.subspan(at, static_cast<size_t>(size))).second)
        refuse("lists storage " + base::printable(found->first) + " twice, expected it once");
      at += static_cast<size_t>(size);
    }
    if (at != bytes_.size())
      refuse("found " + std::to_string(bytes_.size() - at) +
             " bytes after the last storage, expected none");
    read_root(pickle);
  }

  void read_root(const Pickle& pickle) {
    StateDict found = find_state_dict(pickle, where_, choice_);
    file_.key_ = std::move(found.key);
    file_.ignored_ = std::move(found.ignored);
    file_.other_sets_ = std::move(found.other_sets);
    file_.class_names_ = std::move(found.class_names);
    for (const auto& [name, tensor] : found.tensors)
      file_.arrays_.push_back(array_of(pickle, name, pickle.tensor(*tensor)));
  }

  std::vector<int64_t> integers(const Pickle& pickle, const std::string& name,
                                const PickleValue& tuple) const {
    const auto& values = pickle.items(tuple);
    if (values.size() > kMaxRank)
      refuse(name + " has " + std::to_string(values.size()) + " dimensions, expected at most " +
             std::to_string(kMaxRank));
    std::vector<int64_t> result;
    for (const PickleValue& value : values) {
      if (value.kind != Kind::integer || value.integer < 0)
        refuse(name + " has a size or stride that is not an integer of at least 0");
      result.push_back(value.integer);
    }
    return result;
  }

  ByteSpan storage_of(const std::string& name, const PickleStorage& storage) {
    const auto found = storages_.find(storage.key);
    if (found == storages_.end())
      refuse("has no storage " + base::printable(storage.key) + " for " + name);
    const int64_t element_bytes = size_bytes_of(storage.dtype);
    int64_t size = 0;
    if (storage.num_elements < 0 ||
        __builtin_mul_overflow(storage.num_elements, element_bytes, &size) ||
        static_cast<uint64_t>(size) != found->second.size())
      refuse("storage " + base::printable(storage.key) + " of " + name + " has " +
             std::to_string(found->second.size()) + " bytes, expected " +
             std::to_string(storage.num_elements) + " elements of " +
             files::name_of(storage.dtype));
    if (!storage.is_view) return found->second;
    if (storage.view_begin < 0 || storage.view_elements < 0 ||
        storage.view_begin > storage.num_elements ||
        storage.view_elements > storage.num_elements - storage.view_begin)
      refuse("storage " + base::printable(storage.key) + " of " + name + " is viewed beyond its " +
             std::to_string(storage.num_elements) + " elements");
    return found->second.subspan(static_cast<size_t>(storage.view_begin * element_bytes),
                                 static_cast<size_t>(storage.view_elements * element_bytes));
  }

  NamedArray array_of(const Pickle& pickle, std::string name, const PickleTensor& tensor) {
    const PickleStorage& storage = pickle.storages()[tensor.storage];
    const ByteSpan stored = storage_of(name, storage);
    const int64_t element_bytes = size_bytes_of(storage.dtype);
    const int64_t stored_elements = static_cast<int64_t>(stored.size()) / element_bytes;

    NamedArray array;
    array.dtype = storage.dtype;
    array.shape = integers(pickle, name, tensor.shape);
    const std::vector<int64_t> strides = integers(pickle, name, tensor.strides);
    if (strides.size() != array.shape.size())
      refuse(name + " has " + std::to_string(array.shape.size()) + " dims and " +
             std::to_string(strides.size()) + " strides, expected as many");
    const auto count = num_elements_of(array.shape);
    int64_t size = 0;
    if (!count || __builtin_mul_overflow(*count, element_bytes, &size))
      refuse(name + ": the shape " + to_text(array.shape) + " overflows");
    int64_t last = tensor.offset, step = 0;  // the last element in storage
    bool fits = tensor.offset >= 0 && tensor.offset <= stored_elements;
    for (size_t i = 0; i < strides.size() && *count > 0; ++i)
      fits = fits && !__builtin_mul_overflow(array.shape[i] - 1, strides[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
    if (!fits || (*count > 0 && last >= stored_elements))
      refuse(name + " with shape " + to_text(array.shape) + ", strides " + to_text(strides) +
             " and offset " + std::to_string(tensor.offset) + " goes beyond the " +
             std::to_string(stored_elements) + " elements of its storage");
    array.name = std::move(name);
    if (*count == 0) return array;
    if (is_contiguous(array.shape, strides)) {
      array.bytes = stored.subspan(static_cast<size_t>(tensor.offset * element_bytes),
                                   static_cast<size_t>(size));
      array.owner = owner_;
      return array;
    }
    const auto most = std::max(static_cast<int64_t>(bytes_.size()), kMinCopyBytes);
    if (size > most - copied_bytes_)
      refuse(array.name + " with shape " + to_text(array.shape) +
             " repeats its elements: a copy would have more bytes than the file");
    copied_bytes_ += size;
    auto values = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(size));
    gather(stored, static_cast<size_t>(element_bytes), tensor.offset, array.shape, strides,
           values->data());
    array.bytes = *values;
    array.owner = std::move(values);
    return array;
  }

  TorchFile& file_;
  ByteSpan bytes_;
  const std::string& where_;
  std::shared_ptr<const void> owner_;
  const WeightChoice& choice_;
  std::unordered_map<std::string_view, ByteSpan> storages_;
  int64_t copied_bytes_ = 0;
};

TorchFile::TorchFile(ByteSpan bytes, std::string where, std::shared_ptr<const void> owner,
                     const WeightChoice& choice) {
  Reader(*this, bytes, where, std::move(owner), choice).read();
}

TorchFile::TorchFile(const std::filesystem::path& path, const WeightChoice& choice) {
  const auto mapped = std::make_shared<MappedFile>(path, FileKind::weights);
  Reader(*this, mapped->bytes(), path.string(), mapped, choice).read();
}

bool is_torch_file(ByteSpan bytes) {
  if (text_of(bytes).starts_with(kZipMagic)) return true;
  if (!is_protocol(bytes)) return false;
  bytes = bytes.subspan(2);
  constexpr size_t kFrameBytes = 9;  // FRAME and its length, since protocol 4
  if (text_of(bytes).starts_with("\x95") && bytes.size() > kFrameBytes)
    bytes = bytes.subspan(kFrameBytes);
  return text_of(bytes).starts_with(kLegacyMagic);
}

}  // namespace swin::files
