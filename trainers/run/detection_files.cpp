#include "trainers/run/detection_files.h"

#include <algorithm>

#include "base/errors.h"
#include "files/atomic_file.h"

namespace swin::trainers {
namespace {

// The id of each class of the model: that of the set's class, and for classes that the set does not
// have the numbers after all of its ids.
std::vector<int64_t> ids_of_classes(const data::Dataset& set, std::span<const int64_t> classes,
                                    size_t count) {
  constexpr int64_t kNone = -1;
  std::vector<int64_t> ids(count, kNone);
  int64_t next = 1;
  for (int64_t c = 0; c < set.num_classes(); ++c) {
    const int64_t id = set.category_id(c);
    const int64_t of_model = classes.empty() ? c : classes[static_cast<size_t>(c)];
    if (of_model >= 0 && of_model < std::ssize(ids)) ids[static_cast<size_t>(of_model)] = id;
    next = std::max(next, id + 1);
  }
  for (int64_t& id : ids)
    if (id == kNone) id = next++;
  return ids;
}

}  // namespace

DetectionFiles::DetectionFiles(const std::string& results, const data::Dataset& set,
                               std::span<const int64_t> classes,
                               const std::vector<std::string>& names)
    : results_path_(results), set_(set), category_ids_(ids_of_classes(set, classes, names.size())) {
  const std::string ending = ".json";
  if (!results.ends_with(ending) || results.size() == ending.size())
    throw base::UsageError("--write-detections",
                           "found \"" + results + "\", expected a name that ends in .json",
                           "write it as: --write-detections detections.json");
  truth_path_ = results.substr(0, results.size() - ending.size()) + "_truth" + ending;
  for (const std::string& path : {results_path_, truth_path_}) files::require_writable(path);
  std::vector<size_t> by_id(names.size());
  for (size_t k = 0; k < names.size(); ++k) by_id[k] = k;
  std::sort(by_id.begin(), by_id.end(),
            [&](size_t a, size_t b) { return category_ids_[a] < category_ids_[b]; });
  for (const size_t k : by_id) truth_.add_category(category_ids_[k], names[k]);
}

void DetectionFiles::add(int64_t i, const data::Objects& objects,
                         std::span<const tasks::Detected> found) {
  const data::CocoId id = set_.image_id(i);
  const base::Size2 size = {objects.height, objects.width};
  const auto category = [&](int64_t index) { return category_ids_[static_cast<size_t>(index)]; };
  truth_.add_image(id, set_.name(i), size);
  for (const data::Object& object : objects.objects)
    truth_.add_object(object, id, category(object.class_index), size);
  for (const tasks::Detected& one : found)
    results_.add(id, category(one.class_index), one.box, one.score,
                 one.mask ? &*one.mask : nullptr);
}

void DetectionFiles::write() const {
  files::write_file_atomically(truth_path_, truth_.text());
  files::write_file_atomically(results_path_, results_.text());
}

}  // namespace swin::trainers
