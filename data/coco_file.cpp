#include "data/coco_file.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/errors.h"
#include "data/coco_annotation.h"
#include "data/coco_entries.h"
#include "data/decode/decode.h"

namespace swin::data {
namespace {

constexpr size_t kNamed = 5;           // entries whose indices a count keeps
constexpr int64_t kManyObjects = 100;  // that the metrics look at in an image

using base::DataError;

/// What an annotation says before all images and categories are known.
struct Pending {
  int64_t image = 0;  // number, or index of the texts
  int64_t category = 0;
  int32_t mask_height = 0, mask_width = 0;
  bool text = false;
};

void add(CocoReport::Count& count, int64_t index) {
  if (count.first.size() < kNamed) count.first.push_back(index);
  ++count.count;
}

CocoImage image_of(CocoEntry& entry) {
  CocoImage image{required(entry.id, "id"), std::move(entry.file_name).value_or(""),
                  required(entry.height, "height"), required(entry.width, "width")};
  if (image.file_name.empty()) throw DataError("file_name", "found none, expected one");
  const auto check = [](const char* field, int64_t side) {
    if (side < 1 || side > kMaxImagePixels)
      throw DataError(field, "found " + std::to_string(side) + ", expected 1 to " +
                                 std::to_string(kMaxImagePixels) + " pixels");
  };
  check("height", image.height);
  check("width", image.width);
  if (image.height * image.width > kMaxImagePixels)
    throw DataError("width", "found an image of " + base::size_text(image.height, image.width) +
                                 " pixels, expected at most " + std::to_string(kMaxImagePixels));
  return image;
}

[[noreturn]] void refuse_again(const std::string& path, CocoList list, int64_t index,
                               const CocoId& id, int64_t first) {
  throw DataError(
      coco_place(path, list, index, id),
      "found the id of " + coco_place("", list, first, {}) + " again, expected each id once");
}

}  // namespace

CocoFile::CocoFile(const std::string& path) : path_(path), file_(path, files::FileKind::data) {
  std::vector<Pending> pending;
  std::vector<std::string> texts;
  read_coco_entries(file_, false, [&](CocoList list, CocoEntry& entry) {
    if (list == CocoList::images) {
      images_.push_back(image_of(entry));
    } else if (list == CocoList::categories) {
      categories_.push_back({required(entry.id, "id").number, required(entry.name, "name")});
    } else {
      Pending& raw = pending.emplace_back();
      const CocoId& image = required(entry.image_id, "image_id");
      raw.text = image.text.has_value();
      raw.image = image.number;
      if (image.text) {
        raw.image = std::ssize(texts);
        texts.push_back(*image.text);
      }
      raw.category = required(entry.category_id, "category_id");
      if (const auto* runs = std::get_if<RunLengths>(&entry.mask)) {
        raw.mask_height = static_cast<int32_t>(std::min<int64_t>(runs->height, INT32_MAX));
        raw.mask_width = static_cast<int32_t>(std::min<int64_t>(runs->width, INT32_MAX));
      }
      CocoAnnotation annotation = annotation_of(entry);
      const int64_t index = std::ssize(annotations_);
      if (entry.short_polygons && annotation.mask != CocoMask::none)
        add(report_.short_polygons, index);
      if (!entry.crowd) add(report_.without_crowd, index);
      if (!entry.area) add(report_.without_area, index);
      annotation.area = entry.area ? *entry.area
                        : annotation.mask == CocoMask::none
                            ? annotation.box.width * annotation.box.height
                            : area_of(entry.mask);
      if (entry.ignore && annotation.fault == CocoFault::none)
        annotation.fault = CocoFault::marked_ignore;
      annotations_.push_back(annotation);
    }
  });
  if (images_.empty()) throw DataError(path_, "found no images, expected some");
  if (categories_.empty()) throw DataError(path_, "found no categories, expected some");
  sort_images();
  sort_categories();
  for (size_t i = 0; i < annotations_.size(); ++i) {
    CocoAnnotation& annotation = annotations_[i];
    const Pending& raw = pending[i];
    annotation.image = static_cast<int32_t>(find_image(
        raw.text ? CocoId{0, texts[static_cast<size_t>(raw.image)]} : CocoId{raw.image, {}}));
    annotation.class_index = static_cast<int32_t>(find_category(raw.category));
    if (annotation.image >= 0 && raw.mask_height > 0) {
      const CocoImage& image = images_[static_cast<size_t>(annotation.image)];
      if (image.height != raw.mask_height || image.width != raw.mask_width)
        refuse_mask(raw.mask_height, raw.mask_width, image,
                    path_ + ": " + annotation_name(static_cast<int64_t>(i)));
    }
    judge(annotation);
  }
  sort_by_image();
  count();
}

void CocoFile::sort_images() {
  by_id_.resize(images_.size());
  std::iota(by_id_.begin(), by_id_.end(), 0);
  const auto id = [&](int32_t image) -> const CocoId& {
    return images_[static_cast<size_t>(image)].id;
  };
  std::stable_sort(by_id_.begin(), by_id_.end(),
                   [&](int32_t a, int32_t b) { return id(a) < id(b); });
  for (size_t i = 1; i < by_id_.size(); ++i)
    if (id(by_id_[i]) == id(by_id_[i - 1]))
      refuse_again(path_, CocoList::images, by_id_[i], id(by_id_[i]), by_id_[i - 1]);
}

void CocoFile::sort_categories() {
  std::vector<std::pair<int64_t, int64_t>> ids;  // and index
  for (const CocoCategory& category : categories_) ids.emplace_back(category.id, std::ssize(ids));
  std::sort(ids.begin(), ids.end());
  for (size_t i = 1; i < ids.size(); ++i)
    if (ids[i].first == ids[i - 1].first)
      refuse_again(path_, CocoList::categories, ids[i].second, {ids[i].first, {}},
                   ids[i - 1].second);
  std::sort(categories_.begin(), categories_.end(),
            [](const CocoCategory& a, const CocoCategory& b) { return a.id < b.id; });
}

void CocoFile::judge(CocoAnnotation& annotation) const {
  const CocoBox& box = annotation.box;
  if (annotation.image < 0)
    annotation.fault = CocoFault::unknown_image;
  else if (annotation.class_index < 0)
    annotation.fault = CocoFault::unknown_category;
  if (annotation.fault != CocoFault::none && annotation.fault != CocoFault::broken_polygon) return;
  const CocoImage& image = images_[static_cast<size_t>(annotation.image)];
  if (const CocoFault fault = fault_of_box(box, {image.height, image.width});
      fault != CocoFault::none)
    annotation.fault = fault;
  else if (!(annotation.area > 0))
    annotation.fault = CocoFault::no_area;
}

void CocoFile::sort_by_image() {
  first_of_image_.assign(images_.size() + 1, 0);
  for (const CocoAnnotation& annotation : annotations_)
    if (annotation.image >= 0) ++first_of_image_[static_cast<size_t>(annotation.image) + 1];
  for (size_t i = 0; i < images_.size(); ++i) first_of_image_[i + 1] += first_of_image_[i];
  by_image_.resize(static_cast<size_t>(first_of_image_.back()));
  std::vector<int64_t> next(first_of_image_.begin(), first_of_image_.end() - 1);
  for (size_t i = 0; i < annotations_.size(); ++i)
    if (annotations_[i].image >= 0)
      by_image_[static_cast<size_t>(next[static_cast<size_t>(annotations_[i].image)]++)] =
          static_cast<int32_t>(i);
}

void CocoFile::count() {
  std::vector<std::pair<int64_t, int32_t>> ids;
  ids.reserve(annotations_.size());
  for (size_t i = 0; i < annotations_.size(); ++i) {
    const CocoAnnotation& annotation = annotations_[i];
    add(report_.faults[static_cast<size_t>(annotation.fault)], static_cast<int64_t>(i));
    if (annotation.id != 0) ids.emplace_back(annotation.id, static_cast<int32_t>(i));
    if (annotation.fault != CocoFault::none) continue;
    report_.crowds += annotation.crowd;
    report_.polygons += annotation.mask == CocoMask::polygons;
    report_.runs += annotation.mask == CocoMask::runs;
    report_.without_mask += annotation.mask == CocoMask::none;
  }
  std::sort(ids.begin(), ids.end());
  std::vector<int32_t> repeated;
  for (size_t i = 1; i < ids.size(); ++i)
    if (ids[i].first == ids[i - 1].first) repeated.push_back(ids[i].second);
  std::sort(repeated.begin(), repeated.end());
  for (const int32_t index : repeated) add(report_.duplicate_ids, index);
  for (int64_t image = 0; image < std::ssize(images_); ++image) {
    int64_t objects = 0, any = 0;
    for (const int32_t i : annotations_of(image)) {
      const CocoAnnotation& annotation = annotations_[static_cast<size_t>(i)];
      any += annotation.fault == CocoFault::none;
      objects += annotation.fault == CocoFault::none && !annotation.crowd;
    }
    report_.images_without_objects += any == 0;
    report_.images_above_100 += objects > kManyObjects;
    if (objects > report_.most_objects) {
      report_.most_objects = objects;
      report_.most_objects_image = image;
    }
  }
}

std::span<const int32_t> CocoFile::annotations_of(int64_t image) const {
  const auto begin = static_cast<size_t>(first_of_image_[static_cast<size_t>(image)]);
  const auto end = static_cast<size_t>(first_of_image_[static_cast<size_t>(image) + 1]);
  return std::span(by_image_).subspan(begin, end - begin);
}

int64_t CocoFile::find_image(const CocoId& id) const {
  const auto at =
      std::lower_bound(by_id_.begin(), by_id_.end(), id, [&](int32_t image, const CocoId& wanted) {
        return images_[static_cast<size_t>(image)].id < wanted;
      });
  return at == by_id_.end() || images_[static_cast<size_t>(*at)].id != id ? -1 : *at;
}

int64_t CocoFile::find_category(int64_t id) const {
  const auto at =
      std::lower_bound(categories_.begin(), categories_.end(), id,
                       [](const CocoCategory& c, int64_t wanted) { return c.id < wanted; });
  return at == categories_.end() || at->id != id ? -1 : at - categories_.begin();
}

std::string CocoFile::annotation_name(int64_t annotation) const {
  return coco_place("", CocoList::annotations, annotation,
                    CocoId{annotations_[static_cast<size_t>(annotation)].id, {}});
}

Mask CocoFile::mask(int64_t annotation) const {
  return read_mask(file_, annotations_[static_cast<size_t>(annotation)]);
}

RunLengths CocoFile::runs(int64_t annotation) const {
  const CocoAnnotation& of = annotations_[static_cast<size_t>(annotation)];
  return runs_of(file_, of, images_[static_cast<size_t>(of.image)],
                 path_ + ": " + annotation_name(annotation));
}

Objects CocoFile::objects(int64_t image) const {
  const CocoImage& of = images_[static_cast<size_t>(image)];
  Objects objects{of.height, of.width, {}};
  for (const int32_t i : annotations_of(image)) {
    const CocoAnnotation& annotation = annotations_[static_cast<size_t>(i)];
    if (annotation.fault != CocoFault::none) continue;
    objects.objects.push_back({annotation.box.corners(), annotation.class_index,
                               read_mask(file_, annotation), annotation.crowd, annotation.area});
  }
  return objects;
}

}  // namespace swin::data
