#include "data/formats/object_file_set.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <span>

#include "base/errors.h"
#include "base/parallel.h"
#include "data/run_lengths.h"
#include "files/bytes.h"
#include "files/digest.h"

namespace swin::data {
namespace {

constexpr int64_t kMostBytes = int64_t{16} << 20;  // of a file of objects; formats allow less

uint64_t packed(const base::Size2& size) {
  return static_cast<uint64_t>(size[0]) << 32 | static_cast<uint64_t>(size[1]);
}

}  // namespace

std::string_view read_text(const std::string& path, int64_t most_bytes,
                           std::vector<uint8_t>& memory) {
  const int64_t bytes = listed_file(path).size_bytes;
  if (bytes > most_bytes)
    throw base::DataError(
        path,
        "found " + std::to_string(bytes) + " bytes, expected at most " + std::to_string(most_bytes),
        "check that it is the file that is meant");
  return files::text_of(read_file(path, memory));
}

ObjectFileSet::ObjectFileSet(const DatasetOptions& options, const std::string& root)
    : ListedDataset(options),
      root_(root.ends_with('/') ? root : root + "/"),
      kind_(options.annotation == AnnotationKind::label_map ? AnnotationKind::label_map
                                                            : AnnotationKind::objects),
      keep_empty_(options.keep_empty),
      follow_links_(options.follow_links) {}

std::string ObjectFileSet::path_of(const std::string& below) const {
  // A list may name images anywhere.
  if (below.starts_with("../")) return std::filesystem::path(root_ + below).lexically_normal();
  return root_ + below;
}

std::string ObjectFileSet::name(int64_t i) const {
  return path_of(std::string(names_[static_cast<size_t>(i)]));
}

base::Size2 ObjectFileSet::size(int64_t i) const {
  std::atomic<uint64_t>& known = known_sizes_[static_cast<size_t>(i)];
  if (const uint64_t both = known.load(std::memory_order_relaxed); both != 0)
    return {static_cast<int64_t>(both >> 32), static_cast<int64_t>(both & UINT32_MAX)};
  const base::Size2 size = measure(i);
  known.store(packed(size), std::memory_order_relaxed);
  return size;
}

std::vector<ListedFile> ObjectFileSet::files() const {
  std::vector<ListedFile> all = ListedDataset::files();
  const auto add = [&](const TextList& paths, const std::vector<int64_t>& bytes) {
    for (size_t i = 0; i < paths.size(); ++i)
      if (!paths[i].empty()) all.push_back({std::string(paths[i]), bytes[i]});
  };
  add(object_files_, object_bytes_);
  add(mask_files_, mask_bytes_);
  return all;
}

Objects ObjectFileSet::read_objects(int64_t i, PassedOverList& left_out) const {
  const auto [height, width] = size(i);
  Objects all{height, width, {}};
  const std::string below(object_files_[static_cast<size_t>(i)]);
  if (below.empty()) return all;
  std::vector<uint8_t> memory;
  const std::string path = path_of(below);
  read(i, read_text(path, kMostBytes, memory), path, all, left_out);
  return all;
}

Annotation ObjectFileSet::annotation(int64_t i) const {
  PassedOverList left_out;
  Objects all = read_objects(i, left_out);
  if (kind_ == AnnotationKind::objects) return all;
  return label_map_of(all, path_of(std::string(object_files_[static_cast<size_t>(i)])));
}

std::vector<PassedOver> ObjectFileSet::left_out(int64_t i) const {
  PassedOverList left_out;
  read_objects(i, left_out);
  return left_out.take();
}

int64_t ObjectFileSet::finish() {
  std::vector<Scan> scans(entries_.size());
  std::vector<files::Digest> digests(entries_.size());
  std::vector<std::exception_ptr> errors(entries_.size());
  constexpr int64_t kChunk = 16;
  base::parallel_ranges(num_entries(), kChunk, [&](int64_t begin, int64_t end) {
    std::vector<uint8_t> memory;
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) try {
        const Entry& entry = entries_[i];
        std::string_view text;
        if (!entry.objects.path.empty())
          text = read_text(path_of(entry.objects.path), kMostBytes, memory);
        digests[i] = files::sha256(files::bytes_of(text));
        scans[i] = scan(entry, text);
      } catch (const base::DataError&) {
        errors[i] = std::current_exception();
      }
  });
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);

  files::Sha256 digest;
  std::vector<base::Size2> sizes;
  int64_t largest_class = -1, odd = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const auto& [image, objects, masks] = entries_[i];
    largest_class = std::max(largest_class, scans[i].largest_class);
    odd += scans[i].odd;
    for (auto& [reason, name] : scans[i].passed_over) passed_.add(reason, std::move(name));
    if (scans[i].objects == 0 && !keep_empty_) {
      passed_.add("image without objects", path_of(image.path));
      continue;
    }
    names_.push_back(image.path);
    add_size(image.size_bytes);
    object_files_.push_back(objects.path);
    object_bytes_.push_back(objects.size_bytes);
    mask_files_.push_back(masks.path);
    mask_bytes_.push_back(masks.size_bytes);
    num_objects_.push_back(static_cast<uint32_t>(scans[i].objects));
    sizes.push_back(scans[i].size);
    for (const FolderFile& file : {image, masks})
      digest.update(files::bytes_of(file.path + "\n" + std::to_string(file.size_bytes) + "\n"));
    digest.update(digests[i]);
  }
  if (names_.size() == 0)
    throw base::DataError(root_, "found no image with objects, expected at least one",
                          "set data.keep_empty to true to keep images without objects");
  name_classes(largest_class);
  for (const std::string& name : class_names_) digest.update(files::bytes_of(name + "\n"));
  fingerprint_ = files::to_hex(digest.finish());
  known_sizes_ = std::vector<std::atomic<uint64_t>>(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) known_sizes_[i] = packed(sizes[i]);
  if (kind_ == AnnotationKind::label_map) class_names_.insert(class_names_.begin(), "background");
  entries_ = {};
  shrink();
  object_files_.shrink();
  mask_files_.shrink();
  passed_over_ = passed_.take();
  return odd;
}

}  // namespace swin::data
