#include "data/coco_file.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/text.h"
#include "data/coco_entries.h"
#include "data/coco_segmentation.h"
#include "data/decode/decode.h"
#include "data/run_lengths.h"
#include "files/bytes.h"

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

/// @throws DataError with the field for the place.
template <class T>
const T& required(const std::optional<T>& value, const char* field) {
  if (!value) throw DataError(field, "found none, expected one");
  return *value;
}

CocoBox box_around(const Mask& mask) {
  BoundingBox box;
  if (const auto* runs = std::get_if<RunLengths>(&mask)) {
    box = box_of(*runs);
  } else {
    box = {1e300, 1e300, -1e300, -1e300};
    for (const Polygon& polygon : std::get<std::vector<Polygon>>(mask))
      for (const Point& point : polygon)
        box = {std::min(box.x1, point.x), std::min(box.y1, point.y), std::max(box.x2, point.x),
               std::max(box.y2, point.y)};
  }
  return {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1};
}

CocoAnnotation annotation_of(const CocoEntry& entry) {
  CocoAnnotation annotation;
  if (entry.id) annotation.id = entry.id->number;
  if (std::holds_alternative<RunLengths>(entry.mask)) annotation.mask = CocoMask::runs;
  if (std::holds_alternative<std::vector<Polygon>>(entry.mask))
    annotation.mask = CocoMask::polygons;
  annotation.has_box = entry.box.has_value();
  if (entry.box)
    annotation.box = *entry.box;
  else if (annotation.mask != CocoMask::none)
    annotation.box = box_around(entry.mask);
  else
    annotation.fault = CocoFault::no_box;
  if (annotation.mask != CocoMask::none) {
    annotation.mask_begin = entry.mask_begin;
    annotation.mask_bytes = static_cast<uint32_t>(entry.mask_end - entry.mask_begin);
    if (entry.mask_end - entry.mask_begin > std::numeric_limits<uint32_t>::max())
      throw DataError("segmentation", "found more than 4 GB, expected less");
  } else if (entry.short_polygons) {
    annotation.fault = CocoFault::broken_polygon;
  }
  annotation.crowd = entry.crowd.value_or(false);
  annotation.score = entry.score.value_or(0);
  return annotation;
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

Mask read_mask(const files::MappedFile& file, const CocoAnnotation& annotation) {
  if (annotation.mask == CocoMask::none) return {};
  CocoSegmentation segmentation;
  try {
    base::visit_json(
        files::text_of(file.bytes()).substr(annotation.mask_begin, annotation.mask_bytes),
        segmentation, {.max_bytes = std::numeric_limits<size_t>::max()});
  } catch (const base::JsonSyntaxError&) {
    throw DataError(file.path().string(), "found another text than when it was opened",
                    "do not change it while it is read");
  }
  return segmentation.mask();
}

/// The mask of an annotation as runs, of the size of its image.
RunLengths runs_of(const files::MappedFile& file, const CocoAnnotation& annotation,
                   const CocoImage& image, const std::string& place) {
  try {
    Mask mask = read_mask(file, annotation);
    if (auto* runs = std::get_if<RunLengths>(&mask)) return std::move(*runs);
    if (auto* polygons = std::get_if<std::vector<Polygon>>(&mask))
      return rasterize(*polygons, image.height, image.width);
  } catch (const DataError& error) {
    throw DataError(place, error.what());
  }
  throw DataError(place, "found no segmentation, expected a mask");
}

void check_mask_size(const Pending& pending, const CocoImage& image, const std::string& place) {
  if (pending.mask_height == 0 ||
      (pending.mask_height == image.height && pending.mask_width == image.width))
    return;
  throw DataError(place,
                  "found a mask of " + base::size_text(pending.mask_height, pending.mask_width) +
                      " pixels, expected the " + base::size_text(image.height, image.width) +
                      " of its image " + image.id.shown(),
                  "size is [height, width]");
}

}  // namespace

const char* fault_text(CocoFault fault) {
  switch (fault) {
    case CocoFault::none:
      return "none";
    case CocoFault::unknown_image:
      return "unknown image_id";
    case CocoFault::unknown_category:
      return "unknown category_id";
    case CocoFault::marked_ignore:
      return "marked to be ignored";
    case CocoFault::no_box:
      return "no bbox";
    case CocoFault::no_size:
      return "a box of no width or height";
    case CocoFault::below_one_pixel:
      return "a box of less than 1 pixel";
    case CocoFault::outside:
      return "a box outside of its image";
    case CocoFault::no_area:
      return "an area that is not above 0";
    case CocoFault::broken_polygon:
      return "polygons of an odd count or of less than 6 numbers";
  }
  return "";
}

CocoFile::CocoFile(const std::string& path) : path_(path), file_(path, files::FileKind::data) {
  std::vector<Pending> pending;
  std::vector<std::string> texts;
  std::unordered_map<std::string, int64_t> index_of_text;
  std::unordered_map<int64_t, int64_t> category_ids;  // → index in the file
  read_coco_entries(file_, false, [&](CocoList list, CocoEntry& entry) {
    if (list == CocoList::images) {
      CocoImage image = image_of(entry);
      if (const int64_t first = find_image(image.id); first >= 0)
        throw DataError("id", "found the id of images[" + std::to_string(first) +
                                  "] again, expected another for each image");
      const auto index = static_cast<int32_t>(images_.size());
      if (image.id.text)
        image_of_text_.emplace(*image.id.text, index);
      else
        image_of_number_.emplace(image.id.number, index);
      images_.push_back(std::move(image));
    } else if (list == CocoList::categories) {
      const int64_t id = required(entry.id, "id").number;
      const auto [first, added] = category_ids.emplace(id, std::ssize(categories_));
      if (!added)
        throw DataError("id", "found the id of categories[" + std::to_string(first->second) +
                                  "] again, expected another for each category");
      categories_.push_back({id, required(entry.name, "name")});
    } else {
      Pending& raw = pending.emplace_back();
      const CocoId& image = required(entry.image_id, "image_id");
      raw.text = image.text.has_value();
      raw.image = image.number;
      if (image.text) {
        const auto [at, added] = index_of_text.emplace(*image.text, std::ssize(texts));
        if (added) texts.push_back(*image.text);
        raw.image = at->second;
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
  std::sort(categories_.begin(), categories_.end(),
            [](const CocoCategory& a, const CocoCategory& b) { return a.id < b.id; });
  for (size_t i = 0; i < annotations_.size(); ++i) {
    CocoAnnotation& annotation = annotations_[i];
    const Pending& raw = pending[i];
    annotation.image = static_cast<int32_t>(find_image(
        raw.text ? CocoId{0, texts[static_cast<size_t>(raw.image)]} : CocoId{raw.image, {}}));
    annotation.class_index = static_cast<int32_t>(find_category(raw.category));
    if (annotation.image >= 0)
      check_mask_size(raw, images_[static_cast<size_t>(annotation.image)],
                      path_ + ": " + annotation_name(static_cast<int64_t>(i)));
    judge(annotation);
  }
  sort_by_image();
  count();
}

void CocoFile::judge(CocoAnnotation& annotation) const {
  const CocoBox& box = annotation.box;
  if (annotation.image < 0)
    annotation.fault = CocoFault::unknown_image;
  else if (annotation.class_index < 0)
    annotation.fault = CocoFault::unknown_category;
  if (annotation.fault != CocoFault::none && annotation.fault != CocoFault::broken_polygon) return;
  const CocoImage& image = images_[static_cast<size_t>(annotation.image)];
  if (!(box.width > 0 && box.height > 0))
    annotation.fault = CocoFault::no_size;
  else if (box.width < 1 || box.height < 1)
    annotation.fault = CocoFault::below_one_pixel;
  else if (box.x >= static_cast<double>(image.width) ||
           box.y >= static_cast<double>(image.height) || box.x + box.width <= 0 ||
           box.y + box.height <= 0)
    annotation.fault = CocoFault::outside;
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
  if (id.text) {
    const auto at = image_of_text_.find(*id.text);
    return at == image_of_text_.end() ? -1 : at->second;
  }
  const auto at = image_of_number_.find(id.number);
  return at == image_of_number_.end() ? -1 : at->second;
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

// ---- Results ----

namespace {

/// Ids that a set does not have.
struct Unknown {
  int64_t count = 0;
  std::vector<std::string> ids;  // the first few
  void add(const std::string& id) {
    ++count;
    if (ids.size() < 3 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
};

}  // namespace

CocoResults::CocoResults(const std::string& path, const CocoFile& truth)
    : path_(path), file_(path, files::FileKind::data), truth_(truth) {
  Unknown images, categories;
  read_coco_entries(file_, true, [&](CocoList, CocoEntry& entry) {
    CocoAnnotation result = annotation_of(entry);
    const CocoId& image = required(entry.image_id, "image_id");
    const int64_t category = required(entry.category_id, "category_id");
    required(entry.score, "score");
    if (result.fault == CocoFault::no_box)
      throw DataError("bbox", "found neither bbox nor segmentation, expected one of them");
    if (result.fault == CocoFault::broken_polygon)
      throw DataError("segmentation", std::string("found ") + fault_text(result.fault) +
                                          ", expected at least 3 points of 2 numbers each");
    result.image = static_cast<int32_t>(truth.find_image(image));
    result.class_index = static_cast<int32_t>(truth.find_category(category));
    if (result.image < 0) images.add(image.shown());
    if (result.class_index < 0) categories.add(std::to_string(category));
    const auto* runs = std::get_if<RunLengths>(&entry.mask);
    if (runs && result.image >= 0) {
      const CocoImage& of = truth.images()[static_cast<size_t>(result.image)];
      if (runs->height != of.height || runs->width != of.width)
        throw DataError("segmentation",
                        "found a mask of " + base::size_text(runs->height, runs->width) +
                            " pixels, expected the " + base::size_text(of.height, of.width) +
                            " of its image",
                        "size is [height, width]");
    }
    result.area = result.has_box ? result.box.width * result.box.height : area_of(entry.mask);
    results_.push_back(result);
  });
  const auto refuse = [&](const Unknown& unknown, const char* field, const char* list,
                          const std::string& known) {
    if (unknown.count == 0) return;
    const std::string more = unknown.count > std::ssize(unknown.ids) ? " …" : "";
    throw DataError(path_,
                    "found " + std::to_string(unknown.count) + " results with the " + field + " " +
                        base::joined(unknown.ids) + more + ", expected ids of the " + list +
                        " of " + truth.path() + ": " + known,
                    "score results of the same set");
  };
  std::vector<std::string> image_ids, category_ids;
  for (const CocoImage& image : truth.images())
    if (image_ids.size() < 3) image_ids.push_back(image.id.shown());
  for (const CocoCategory& category : truth.categories())
    category_ids.push_back(std::to_string(category.id) + " " + base::printable(category.name));
  const std::string more = std::ssize(truth.images()) > 3 ? " …" : "";
  refuse(images, "image_id", "images", base::joined(image_ids) + more);
  refuse(categories, "category_id", "categories", base::listing(category_ids));
}

RunLengths CocoResults::runs(int64_t result) const {
  const CocoAnnotation& of = results_[static_cast<size_t>(result)];
  return runs_of(file_, of, truth_.images()[static_cast<size_t>(of.image)],
                 coco_place(path_, CocoList::results, result, {}));
}

int64_t CocoResults::num_masks() const {
  return std::count_if(results_.begin(), results_.end(),
                       [](const CocoAnnotation& result) { return result.mask != CocoMask::none; });
}

}  // namespace swin::data
