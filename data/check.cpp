#include "data/check.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>

#include "base/errors.h"
#include "base/parallel.h"
#include "data/check_annotations.h"
#include "data/decode/decode.h"
#include "data/decode/jpeg_markers.h"
#include "files/bytes.h"
#include "files/digest.h"

namespace swin::data {
namespace {

constexpr int64_t kChunk = 16;  // images a thread takes at a time

std::string jpeg_mode(std::span<const uint8_t> bytes) {
  for (const auto& [marker, body] : jpeg_segments(bytes)) {
    if (!is_frame(marker) || body.size() < 6) continue;
    return body[5] == 1 ? "JPEG L" : body[5] == 4 ? "JPEG CMYK" : "JPEG RGB";
  }
  return "JPEG";
}

std::string png_mode(std::span<const uint8_t> bytes) {
  if (bytes.size() < 26) return "PNG";
  const int depth = bytes[24], type = bytes[25];
  if (type == 0) return depth == 16 ? "PNG I;16" : depth == 1 ? "PNG 1" : "PNG L";
  const char* const names[] = {"", "", "PNG RGB", "PNG P", "PNG LA", "", "PNG RGBA"};
  const std::string name = type <= 6 ? names[type] : "";
  return name.empty() ? "PNG" : name + (depth == 16 ? " 16-bit" : "");
}

std::string webp_mode(std::span<const uint8_t> bytes) {
  if (bytes.size() < 25) return "WebP";
  const std::string_view chunk = files::text_of(bytes.subspan(12, 4));
  const bool alpha =
      (chunk == "VP8X" && (bytes[20] & 0x10)) || (chunk == "VP8L" && (bytes[24] & 0x10));
  return alpha ? "WebP RGBA" : "WebP RGB";
}

// The kind of an image file by its header, in Pillow's words: "JPEG CMYK", "PNG I;16", "WebP RGBA".
std::string image_mode(std::span<const uint8_t> bytes) {
  const ImageKind kind = kind_of(bytes);
  if (kind == ImageKind::jpeg) return jpeg_mode(bytes);
  if (kind == ImageKind::png) return png_mode(bytes);
  if (kind == ImageKind::webp) return webp_mode(bytes);
  return kind == ImageKind::bmp ? "BMP" : kind == ImageKind::tiff ? "TIFF" : "";
}

struct Found {
  files::Digest digest{};
  int64_t bytes = 0;
  base::Size2 size{};
  std::string mode, error;
  bool turned = false;
  AnnotationCounts counts;
};

Found examine(const Dataset& dataset, int64_t i) {
  thread_local std::vector<uint8_t> memory;
  thread_local Image image;
  const bool files = dataset.holds_files();
  Found found;
  try {
    if (!files) dataset.load(i, image);
    const auto bytes = files ? dataset.encoded(i, memory) : std::span<const uint8_t>(image.pixels);
    found.bytes = static_cast<int64_t>(bytes.size());
    found.digest = files::sha256(std::as_bytes(bytes));
    found.mode = files ? image_mode(bytes) : "pixels";
    found.turned = files && exif_orientation(bytes) != 1;
    if (files) dataset.decode(i, bytes, image);
    found.size = {image.height, image.width};
    count_annotation(dataset, i, found.size, found.counts);
  } catch (const base::DataError& error) {
    found.error = error.what();
  }
  return found;
}

void measure_sizes(const std::vector<Found>& all, DataCheck& check) {
  std::vector<int64_t> heights, widths;
  for (const Found& found : all) {
    if (!found.error.empty()) continue;
    const auto pixels = [](const base::Size2& size) { return size[0] * size[1]; };
    if (heights.empty() || pixels(found.size) < pixels(check.smallest)) check.smallest = found.size;
    if (heights.empty() || pixels(found.size) > pixels(check.largest)) check.largest = found.size;
    heights.push_back(found.size[0]);
    widths.push_back(found.size[1]);
  }
  if (heights.empty()) return;
  const auto median = [](std::vector<int64_t>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };
  check.median = {median(heights), median(widths)};
}

void find_duplicates(const Dataset& dataset, const std::vector<Found>& all, DataCheck& check) {
  std::map<files::Digest, std::vector<int64_t>> images_of;
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].bytes > 0) images_of[all[i].digest].push_back(static_cast<int64_t>(i));
  std::vector<std::vector<int64_t>> groups;
  for (auto& [digest, images] : images_of)
    if (images.size() > 1) groups.push_back(std::move(images));
  std::sort(groups.begin(), groups.end());  // by their first image
  for (const std::vector<int64_t>& group : groups) {
    check.duplicates.emplace_back();
    for (const int64_t i : group) check.duplicates.back().push_back(dataset.name(i));
  }
}

}  // namespace

DataCheck check_dataset(const Dataset& dataset, const std::function<void(int64_t)>& progress) {
  const int64_t size = dataset.size();
  std::vector<Found> all(static_cast<size_t>(size));
  std::mutex mutex;
  int64_t done = 0;
  base::parallel_ranges(size, kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) all[static_cast<size_t>(i)] = examine(dataset, i);
    if (!progress) return;
    const std::lock_guard lock(mutex);
    progress(done += end - begin);
  });

  DataCheck check;
  check.images = size;
  check.kind = dataset.annotation_kind();
  for (const std::string& name : dataset.class_names()) check.classes.push_back({name});
  std::map<std::string, int64_t> modes;
  AnnotationTotals totals(dataset, check);
  for (int64_t i = 0; i < size; ++i) {
    const Found& found = all[static_cast<size_t>(i)];
    check.bytes += found.bytes;
    check.turned += found.turned;
    if (!has_pixels_or_objects(check.kind))
      for (const int64_t label : classes_of(dataset.annotation(i))) {
        ++check.classes[static_cast<size_t>(label)].images;
        check.classes[static_cast<size_t>(label)].bad += !found.error.empty();
      }
    totals.add(found.counts);
    if (found.error.empty()) {
      ++modes[found.mode];
    } else {
      check.bad.push_back({dataset.name(i), found.error});
    }
  }
  check.modes.assign(modes.begin(), modes.end());
  std::stable_sort(check.modes.begin(), check.modes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  totals.finish();
  measure_sizes(all, check);
  find_duplicates(dataset, all, check);
  return check;
}

}  // namespace swin::data
