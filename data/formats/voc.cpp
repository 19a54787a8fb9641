// Pascal VOC: objects of XML files, with masks where there is a PNG of them, or the label maps of
// SegmentationClass.
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/coco_file.h"
#include "data/formats/class_labels.h"
#include "data/formats/formats.h"
#include "data/formats/label_map_set.h"
#include "data/formats/object_file_set.h"
#include "data/formats/voc_annotation.h"
#include "data/formats/voc_files.h"
#include "data/formats/voc_masks.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBackground = "background";

// The values of SegmentationClass.
std::vector<std::string> classes_of_voc() {
  return {"background", "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",
          "car",        "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",
          "motorbike",  "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
}

// The names of classes.txt; empty without one.
std::vector<std::string> listed_classes(const std::string& root) {
  const std::string list = root + "classes.txt";
  std::error_code error;
  return fs::exists(list, error) ? read_class_list(list) : std::vector<std::string>();
}

class Voc : public ObjectFileSet {
 public:
  Voc(const DatasetOptions& options, VocFiles files)
      : ObjectFileSet(options, options.path),
        keep_difficult_(options.keep_difficult),
        decode_(options.decode) {
    passed_ = std::move(files.passed_over);
    read_classes(files.annotations);
    for (VocItem& item : files.items) {
      if (item.annotation.path.empty())
        passed_.add("image without an annotation file", root_ + item.image.path);
      else
        add({std::move(item.image), std::move(item.annotation), std::move(item.objects)});
    }
    if (num_entries() == 0)
      throw base::DataError(options.path,
                            "found no annotation file of any image, expected NAME.xml for NAME.jpg",
                            "correct " + options.path_field);
    if (const int64_t boxes = finish(); boxes > 0)
      warnings_.push_back("found " + std::to_string(boxes) +
                          " objects whose xmin or ymin is 0, expected 1 at least: VOC counts "
                          "pixels from 1; if the file counts from 0, all boxes are off by one");
  }

 protected:
  Scan scan(const Entry& entry, std::string_view text) const override {
    const std::string path = path_of(entry.objects.path);
    const VocAnnotation annotation = read_voc_annotation(text, path);
    Scan scan;
    scan.size = annotation.size;
    scan.odd = annotation.begin_at_zero;
    // Programs write 0 where they do not know the size.
    if (scan.size[0] == 0 || scan.size[1] == 0) scan.size = size_of_file(path_of(entry.image.path));
    for (const VocObject& object : annotation.objects) {
      (void)class_of(object, path);
      if (const CocoFault fault = fault_of(object, scan.size); fault != CocoFault::none)
        scan.passed_over.emplace_back(std::string("object, ") + fault_text(fault),
                                      place(path, object));
      else
        scan.objects += !is_crowd(object);
    }
    return scan;
  }

  void read(int64_t i, std::string_view text, const std::string& path, Objects& all,
            PassedOverList& left_out) const override {
    for (const VocObject& object : read_voc_annotation(text, path).objects) {
      if (fault_of(object, {all.height, all.width}) != CocoFault::none) continue;
      all.objects.push_back(
          {*object.box, class_of(object, path), {}, is_crowd(object), object.box->area()});
    }
    const std::string masks(mask_files_[static_cast<size_t>(i)]);
    if (masks.empty()) return;
    std::vector<uint8_t> memory;
    const std::string name = path_of(masks);
    add_voc_masks(decode_label_png(read_file(name, memory), name), name, all, left_out);
  }

 private:
  static std::string place(const std::string& path, const VocObject& object) {
    return path + (object.line > 0 ? ":" + std::to_string(object.line) : "") + ": " +
           base::printable(object.name);
  }
  // Of an image without a size, which cannot be loaded, boxes may lie anywhere.
  static CocoFault fault_of(const VocObject& object, const base::Size2& size) {
    if (!object.box) return CocoFault::no_box;
    const auto& [x1, y1, x2, y2] = *object.box;
    const CocoFault fault = fault_of_box({x1, y1, x2 - x1, y2 - y1}, size);
    return fault == CocoFault::outside && size[0] == 0 ? CocoFault::none : fault;
  }
  bool is_crowd(const VocObject& object) const { return object.difficult && !keep_difficult_; }

  base::Size2 size_of_file(const std::string& path) const {
    DecodeOptions header = decode_;
    header.header_only = true;
    try {
      const Image image = read_image(path, 3, header);
      return {image.height, image.width};
    } catch (const base::DataError&) {
      return {};  // whoever loads it says what is wrong
    }
  }

  // Those of classes.txt, else all that occur, also in other splits, in the order of their bytes,
  // which is that of VOC's own list.
  void read_classes(const std::vector<FolderFile>& annotations) {
    class_names_ = listed_classes(root_);
    if (!class_names_.empty() && class_names_[0] == kBackground)
      class_names_.erase(class_names_.begin());
    if (class_names_.empty()) {
      const std::set<std::string> names = names_that_occur(annotations);
      class_names_.assign(names.begin(), names.end());
    } else {
      listed_ = true;
    }
    if (class_names_.empty())
      throw base::DataError(root_,
                            "found no object in its " + std::to_string(annotations.size()) +
                                " annotation files, expected at least one",
                            "correct the path, or name the classes in classes.txt");
    for (const std::string& name : class_names_)
      number_of_.emplace(name, static_cast<int64_t>(number_of_.size()));
  }
  // Files that cannot be read are left to scan(), which reads those of the split.
  std::set<std::string> names_that_occur(const std::vector<FolderFile>& annotations) const {
    constexpr int64_t kChunk = 64;
    const auto count = std::ssize(annotations);
    std::vector<std::set<std::string>> found(static_cast<size_t>((count + kChunk - 1) / kChunk));
    base::parallel_ranges(count, kChunk, [&](int64_t begin, int64_t end) {
      std::vector<uint8_t> memory;
      std::set<std::string>& names = found[static_cast<size_t>(begin / kChunk)];
      for (int64_t i = begin; i < end; ++i) try {
          const std::string path = root_ + annotations[static_cast<size_t>(i)].path;
          for (VocObject& object :
               read_voc_annotation(read_text(path, kMaxVocBytes, memory), path).objects)
            names.insert(std::move(object.name));
        } catch (const base::DataError&) {
        }
    });
    std::set<std::string> all;
    for (std::set<std::string>& names : found) all.merge(names);
    return all;
  }
  int64_t class_of(const VocObject& object, const std::string& path) const {
    const auto at = number_of_.find(object.name);
    if (at != number_of_.end()) return at->second;
    throw base::DataError(
        path + (object.line > 0 ? ":" + std::to_string(object.line) : ""),
        "found the class " + base::printable(object.name) + ", expected one of the " +
            std::to_string(number_of_.size()) + (listed_ ? " of classes.txt" : " known before"),
        listed_ ? "add it to classes.txt or correct the file" : "open the set again");
  }

  const bool keep_difficult_;
  const DecodeOptions decode_;
  bool listed_ = false;
  std::unordered_map<std::string, int64_t> number_of_;
};

class VocLabelMaps : public LabelMapSet {
 public:
  VocLabelMaps(const DatasetOptions& options, VocFiles files) : LabelMapSet(options) {
    passed_ = std::move(files.passed_over);
    for (const VocItem& item : files.items) {
      if (item.classes.path.empty())
        passed_.add("image without a label map", root_ + item.image.path);
      else
        add(item.image, item.classes);
    }
    std::vector<std::string> names = listed_classes(root_);
    if (names.empty())
      names = classes_of_voc();
    else if (names[0] != kBackground)
      names.insert(names.begin(), std::string(kBackground));
    finish(std::move(names), options.reduce_zero_label);
  }
};

}  // namespace

std::unique_ptr<Dataset> open_voc(const DatasetOptions& options) {
  std::error_code error;
  VocFiles files = list_voc(options);
  if (options.annotation == AnnotationKind::label_map &&
      fs::is_directory(options.path + "/SegmentationClass", error))
    return std::make_unique<VocLabelMaps>(options, std::move(files));
  return std::make_unique<Voc>(options, std::move(files));
}

}  // namespace swin::data
