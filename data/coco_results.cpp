#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "data/coco_annotation.h"
#include "data/coco_entries.h"
#include "data/coco_file.h"

namespace swin::data {

using base::DataError;

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
        refuse_mask(runs->height, runs->width, of, "segmentation");
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
