// YOLO: images with rows of text for their objects, boxes or polygons in parts of the image's
// sides.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "data/coco_file.h"
#include "data/formats/formats.h"
#include "data/formats/object_file_set.h"
#include "data/formats/yolo_files.h"
#include "data/formats/yolo_labels.h"
#include "data/run_lengths.h"

namespace swin::data {
namespace {

struct Range {
  double least, most;
};

Range range_of(const YoloRow& row, size_t axis) {
  if (row.is_box())
    return {row.numbers[axis] - row.numbers[axis + 2] / 2,
            row.numbers[axis] + row.numbers[axis + 2] / 2};
  Range range{row.numbers[axis], row.numbers[axis]};
  for (size_t i = axis; i < row.numbers.size(); i += 2)
    range = {std::min(range.least, row.numbers[i]), std::max(range.most, row.numbers[i])};
  return range;
}

bool has_size(const YoloRow& row) {
  const auto positive = [&](size_t axis) {
    const Range range = range_of(row, axis);
    return range.least < range.most;
  };
  return positive(0) && positive(1);
}

class Yolo : public ObjectFileSet {
 public:
  Yolo(const DatasetOptions& options, YoloFiles files)
      : ObjectFileSet(options, files.root),
        turns_(options.decode.exif_orientation),
        // Of label maps the background is one of them, unless the options are those of the objects.
        classes_(kind_ == AnnotationKind::label_map ? 0 : options.num_classes) {
    class_names_ = std::move(files.names);
    if (!class_names_.empty()) classes_ = num_classes();
    passed_ = std::move(files.passed_over);
    warnings_ = std::move(files.warnings);
    const auto images = std::ssize(files.items);
    const auto without = std::count_if(files.items.begin(), files.items.end(),
                                       [](const auto& item) { return item.labels.path.empty(); });
    if (without == images)
      throw base::DataError(path_of(files.items[0].image.path),
                            "found no label file of any of " + std::to_string(images) +
                                " images, expected labels/NAME.txt for images/NAME.jpg",
                            "correct " + options.path_field + " or move the labels there");
    for (YoloFiles::Item& item : files.items) add({std::move(item.image), std::move(item.labels)});
    const int64_t mixed = finish();
    if (without > 0)
      warnings_.push_back("found " + std::to_string(without) +
                          " images without a label file, expected one each; they are taken as "
                          "images without objects");
    if (mixed > 0)
      warnings_.push_back("found " + std::to_string(mixed) +
                          " label files with boxes and polygons, expected one of them; rows of 5 "
                          "numbers are boxes here, two points for ultralytics");
  }

 protected:
  Scan scan(const Entry& entry, std::string_view text) const override {
    const std::string path = path_of(entry.objects.path);
    const YoloLabels labels = read_yolo_labels(text, path, classes_);
    Scan scan;
    int64_t boxes = 0;
    for (const YoloRow& row : labels.rows) {
      scan.largest_class = std::max(scan.largest_class, row.class_index);
      boxes += row.is_box();
      if (has_size(row))
        ++scan.objects;
      else
        scan.passed_over.emplace_back(reason(CocoFault::no_size), place(path, row.line));
    }
    for (const int64_t line : labels.repeated)
      scan.passed_over.emplace_back("object, a row that is there again", place(path, line));
    scan.odd = boxes > 0 && boxes < std::ssize(labels.rows);
    return scan;
  }

  // Classes that nothing names are numbers.
  void name_classes(int64_t largest_class) override {
    if (!class_names_.empty()) return;
    if (classes_ == 0) classes_ = largest_class + 1;
    for (int64_t c = 0; c < classes_; ++c) class_names_.push_back(std::to_string(c));
    if (class_names_.empty())
      throw base::DataError(root_, "found no object in any label file, expected at least one",
                            "correct the path, or name the classes in classes.txt");
  }

  void read(int64_t, std::string_view text, const std::string& path, Objects& all,
            PassedOverList& left_out) const override {
    const auto height = static_cast<double>(all.height), width = static_cast<double>(all.width);
    for (const YoloRow& row : read_yolo_labels(text, path, classes_).rows) {
      if (!has_size(row)) continue;  // passed over
      const Range x = range_of(row, 0), y = range_of(row, 1);
      const BoundingBox whole{x.least * width, y.least * height, x.most * width, y.most * height};
      // Beyond the image it is rounding.
      const BoundingBox box{std::max(whole.x1, 0.), std::max(whole.y1, 0.),
                            std::min(whole.x2, width), std::min(whole.y2, height)};
      CocoFault fault = fault_in(whole, all);
      if (fault == CocoFault::none) fault = fault_in(box, all);
      Object object{box, row.class_index, {}, false, box.area()};
      if (fault == CocoFault::none && !row.is_box()) {
        Polygon polygon;
        for (size_t i = 0; i < row.numbers.size(); i += 2)
          polygon.push_back({row.numbers[i] * width, row.numbers[i + 1] * height});
        check(polygon, all, place(path, row.line));
        object.mask = std::vector<Polygon>{std::move(polygon)};
        object.area = area_of(object.mask);
        if (!(object.area > 0)) fault = CocoFault::no_area;
      }
      if (fault == CocoFault::none)
        all.objects.push_back(std::move(object));
      else
        left_out.add(reason(fault), place(path, row.line));
    }
  }

  // Labels are of the image as it is seen.
  base::Size2 measure(int64_t i) const override {
    std::vector<uint8_t> memory;
    if (const auto bytes = encoded(i, memory); !turns_ && exif_orientation(bytes) != 1)
      throw base::DataError(name(i),
                            "found an image that its EXIF data turn or mirror, expected one as it "
                            "is stored: YOLO's labels are of the turned image",
                            "set preprocess.exif_orientation to true");
    return ObjectFileSet::measure(i);
  }

 private:
  static std::string place(const std::string& path, int64_t line) {
    return path + ":" + std::to_string(line);
  }
  static std::string reason(CocoFault fault) { return std::string("object, ") + fault_text(fault); }
  static CocoFault fault_in(const BoundingBox& box, const Objects& all) {
    return fault_of_box({box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1},
                        {all.height, all.width});
  }
  static void check(const Polygon& polygon, const Objects& all, const std::string& place) {
    try {
      check_polygon(polygon, all.height, all.width);
    } catch (const base::DataError& error) {
      throw base::DataError(place, error.what());
    }
  }
  const bool turns_;
  int64_t classes_;  // those of the labels are below it; 0: nothing tells
};

}  // namespace

std::unique_ptr<Dataset> open_yolo(const DatasetOptions& options) {
  return std::make_unique<Yolo>(options, list_yolo(options));
}

}  // namespace swin::data
