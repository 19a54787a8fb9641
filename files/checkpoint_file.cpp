#include "files/checkpoint_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/errors.h"
#include "base/text.h"
#include "files/atomic_file.h"
#include "files/digest.h"
#include "files/foreign_weights.h"
#include "files/mapped_file.h"
#include "files/torch_file.h"

namespace swin::files {
namespace {

// The userblock, little-endian: 16 bytes magic, u32 version, u32 bytes of the userblock, u64 bytes
// of the payload (everything after the userblock), 32 bytes SHA-256 of the payload, zeros.
constexpr std::string_view kMagic = "swin checkpoint\n";
constexpr size_t kVersionAt = 16, kUserblockAt = 20, kPayloadAt = 24, kDigestAt = 32, kEndAt = 64;
constexpr auto kUserblockBytes = static_cast<size_t>(kCheckpointUserblockBytes);
constexpr size_t kDigestPieceBytes = size_t{16} << 20;
// Bytes read from the map before its pages are released.
constexpr size_t kResidentBytes = size_t{64} << 20;
constexpr std::string_view kFormat = "swin.cpp";
constexpr std::string_view kMetaPrefix = "meta/";
constexpr char kRemedy[] = "use another checkpoint, the run directory may hold an older one";
static_assert(kMagic.size() == kVersionAt);

using Userblock = std::array<std::byte, kUserblockBytes>;

template <class T>
void put(Userblock& block, size_t at, const T& value) {
  std::memcpy(block.data() + at, &value, sizeof value);
}
template <class T>
T get(ByteSpan bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

bool is_safetensors(ByteSpan bytes) {
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && get<uint64_t>(bytes, 0) < bytes.size();
}

/// Whether `swin convert` can make a checkpoint of the file.
bool is_weights(ByteSpan bytes) { return is_torch_file(bytes) || is_safetensors(bytes); }

/// What a file that is not a checkpoint seems to be.
std::string kind_of(ByteSpan bytes) {
  if (bytes.empty()) return "an empty file";
  if (is_torch_file(bytes)) return "a file of torch.save";
  if (is_safetensors(bytes)) return "a safetensors file";
  return "other bytes";
}

/// Checks the userblock and the digest, but not the HDF5 structures.
/// @param file of which the bytes are the map, or null.   @return the digest.
Digest verify(ByteSpan bytes, const std::string& where, const MappedFile* file) {
  const auto refuse = [&](const std::string& found) {
    throw base::WeightError(where, found, kRemedy);
  };
  if (!text_of(bytes).starts_with(kMagic)) {
    const bool cut = !bytes.empty() && kMagic.starts_with(text_of(bytes));
    std::string remedy = "give the .h5 file of a training run";
    std::string kind = kind_of(bytes);
    const auto foreign = is_safetensors(bytes) ? std::nullopt : foreign_weights(bytes, where);
    if (foreign) {
      kind = foreign->kind;
      remedy = foreign->remedy;
    } else if (is_weights(bytes)) {
      remedy = "make one of it: swin convert " + where + " " +
               std::filesystem::path(where).filename().replace_extension("h5").string();
    }
    throw base::WeightError(where,
                            "found " + (cut ? "the first bytes of a checkpoint" : kind) +
                                ", expected a swin checkpoint",
                            cut ? kRemedy : remedy);
  }
  if (bytes.size() < kUserblockBytes)
    refuse("found " + std::to_string(bytes.size()) + " bytes, expected at least " +
           std::to_string(kUserblockBytes) + ": the checkpoint is truncated");
  const auto version = get<uint32_t>(bytes, kVersionAt);
  if (version != kCheckpointFormatVersion)
    throw base::WeightError(where,
                            "found checkpoint format version " + std::to_string(version) +
                                ", expected " + std::to_string(kCheckpointFormatVersion),
                            "read it with the swin that wrote it");
  const auto rest = bytes.subspan(kEndAt, kUserblockBytes - kEndAt);
  if (get<uint32_t>(bytes, kUserblockAt) != kUserblockBytes || !all_zero(rest))
    refuse("the first 4096 bytes are damaged");
  const auto payload_bytes = get<uint64_t>(bytes, kPayloadAt);
  ByteSpan payload = bytes.subspan(kUserblockBytes);
  if (payload.size() != payload_bytes)
    refuse("found " + std::to_string(payload.size()) + " bytes after the header, expected " +
           std::to_string(payload_bytes) +
           (payload.size() < payload_bytes ? ": the checkpoint is truncated" : ": it is damaged"));
  const auto expected = get<Digest>(bytes, kDigestAt);
  Sha256 sum;
  while (!payload.empty()) {
    const ByteSpan piece = payload.first(std::min(payload.size(), kDigestPieceBytes));
    sum.update(piece);
    payload = payload.subspan(piece.size());
    if (file != nullptr) file->release_pages();  // a file of gigabytes must not become resident
  }
  const Digest found = sum.finish();
  if (found != expected)
    refuse("found SHA-256 " + to_hex(found).substr(0, 12) + "…, expected " +
           to_hex(expected).substr(0, 12) + "…: the checkpoint is damaged");
  return found;
}

/// A checkpoint as the userblock and the spans that follow it.
struct Layout {
  Hdf5Image image;
  Userblock userblock{};
};

Layout lay_out(const CheckpointContents& contents) {
  std::vector<NamedArray> arrays = contents.arrays;  // views, not their bytes
  for (const NamedArray& array : arrays)
    if (array.dtype != DType::f32 || array.name.starts_with(kMetaPrefix))
      throw base::InternalError("checkpoint " + array.name, "expected float32 outside meta/");
  for (const auto& [name, text] : contents.meta)
    arrays.push_back(NamedArray{std::string(kMetaPrefix) + name,
                                DType::u8,
                                {static_cast<int64_t>(text.size())},
                                bytes_of(text),
                                nullptr});
  const Hdf5Attribute attributes[] = {{"format", std::string(kFormat)},
                                      {"format_version", int64_t{kCheckpointFormatVersion}},
                                      {"step", contents.step},
                                      {"epoch", contents.epoch}};
  Layout layout{build_hdf5(arrays, attributes, kCheckpointUserblockBytes)};

  Sha256 sum;
  for (const ByteSpan span : layout.image.spans()) sum.update(span);
  Userblock& userblock = layout.userblock;
  std::memcpy(userblock.data(), kMagic.data(), kMagic.size());
  put(userblock, kVersionAt, kCheckpointFormatVersion);
  put(userblock, kUserblockAt, static_cast<uint32_t>(kUserblockBytes));
  put(userblock, kPayloadAt, static_cast<uint64_t>(layout.image.size_bytes()));
  put(userblock, kDigestAt, sum.finish());
  return layout;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const CheckpointContents& contents) {
  const Layout layout = lay_out(contents);
  std::vector<ByteSpan> spans{ByteSpan(layout.userblock)};
  spans.insert(spans.end(), layout.image.spans().begin(), layout.image.spans().end());
  write_file_atomically(path, spans);
}

std::vector<std::byte> checkpoint_bytes(const CheckpointContents& contents) {
  const Layout layout = lay_out(contents);
  std::vector<std::byte> bytes(layout.userblock.begin(), layout.userblock.end());
  for (const ByteSpan span : layout.image.spans())
    bytes.insert(bytes.end(), span.begin(), span.end());
  return bytes;
}

CheckpointFile::CheckpointFile(const std::filesystem::path& path)
    : file_(path, FileKind::weights), where_(path.string()) {
  open(file_.bytes());
}

CheckpointFile::CheckpointFile(ByteSpan bytes, std::string where) : where_(std::move(where)) {
  open(bytes);
}

void CheckpointFile::open(ByteSpan bytes) {
  size_bytes_ = static_cast<int64_t>(bytes.size());
  sha256_ = to_hex(verify(bytes, where_, &file_));
  reader_.emplace(bytes, where_, FileKind::weights);
  const std::string format = reader_->string_attribute("format");
  if (format != kFormat)
    refuse("found format " + base::printable(format) + ", expected " + std::string(kFormat));
  if (reader_->integer_attribute("format_version") != kCheckpointFormatVersion)
    refuse("format_version of the root group differs from the header's");
  step_ = reader_->integer_attribute("step");
  epoch_ = reader_->integer_attribute("epoch");
  for (const Entry& entry : reader_->entries()) {
    if (!is_name(entry.name))
      refuse("found the name " + base::printable(entry.name) + ", expected " + kNameExpected);
    const bool is_meta = entry.name.starts_with(kMetaPrefix);
    if (entry.dtype != (is_meta ? DType::u8 : DType::f32) || (is_meta && entry.shape.size() != 1))
      refuse("dataset /" + entry.name + " is " + name_of(entry.dtype) + " " + to_text(entry.shape) +
             ", expected " + (is_meta ? "u8 of one dimension" : "f32"));
    if (!is_meta) entries_.push_back(entry);
  }
}

void CheckpointFile::refuse(const std::string& found) const {
  throw base::WeightError(where_, found);
}

const CheckpointFile::Entry* CheckpointFile::find(std::string_view name) const {
  return name.starts_with(kMetaPrefix) ? nullptr : reader_->find(name);
}

const CheckpointFile::Entry& CheckpointFile::at(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr)
    refuse("has no array " + std::string(name) + " among its " + std::to_string(entries_.size()));
  return *entry;
}

void CheckpointFile::read_float32(std::string_view name, std::span<float> values) const {
  const Entry& entry = at(name);
  if (*num_elements_of(entry.shape) != static_cast<int64_t>(values.size()))
    refuse(entry.name + " has shape " + to_text(entry.shape) + ", expected " +
           std::to_string(values.size()) + " elements");
  reader_->read(name, std::as_writable_bytes(values));
  resident_bytes_ += values.size_bytes();
  if (resident_bytes_ < kResidentBytes) return;
  file_.release_pages();
  resident_bytes_ = 0;
}

NamedArray CheckpointFile::read(std::string_view name) const {
  const Entry& entry = at(name);
  auto values =
      std::make_shared<std::vector<float>>(static_cast<size_t>(*num_elements_of(entry.shape)));
  read_float32(name, *values);
  NamedArray array = NamedArray::of(entry.name, entry.shape, std::span<const float>(*values));
  array.owner = std::move(values);
  return array;
}

std::optional<std::string> CheckpointFile::find_meta(std::string_view name) const {
  const std::string full = std::string(kMetaPrefix) + std::string(name);
  const Entry* entry = reader_->find(full);
  if (entry == nullptr) return std::nullopt;
  std::string text(static_cast<size_t>(entry->shape[0]), '\0');
  reader_->read(full, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string CheckpointFile::meta(std::string_view name) const {
  auto text = find_meta(name);
  if (!text) refuse("has no /meta/" + std::string(name) + ", expected one");
  return *std::move(text);
}

std::vector<std::string> CheckpointFile::meta_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : reader_->entries())
    if (entry.name.starts_with(kMetaPrefix)) names.push_back(entry.name.substr(kMetaPrefix.size()));
  return names;
}

void verify_checkpoint(const std::filesystem::path& path) {
  const MappedFile file(path, FileKind::weights);
  verify(file.bytes(), path.string(), &file);
}

void verify_checkpoint(ByteSpan bytes, const std::string& where) { verify(bytes, where, nullptr); }

bool is_checkpoint(ByteSpan bytes) { return text_of(bytes).starts_with(kMagic); }

bool is_checkpoint(const std::filesystem::path& path) {
  try {
    return text_of(MappedFile(path, FileKind::weights).bytes()).starts_with(kMagic);
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace swin::files
