#include "data/coco_writer.h"

#include <cmath>
#include <variant>
#include <vector>

#include "data/run_lengths.h"

namespace swin::data {
namespace {

using base::Json;

// Whole numbers without a fraction, as most programs write them.
Json number(double value) {
  constexpr double kMostWhole = 1e15;
  return std::abs(value) < kMostWhole && std::trunc(value) == value
             ? Json(static_cast<int64_t>(value))
             : Json(value);
}

Json box_json(const BoundingBox& box) {
  Json numbers = Json::array();
  for (const double value : {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1})
    numbers.push_back(number(value));
  return numbers;
}

Json id_json(const CocoId& id) { return id.text ? Json(*id.text) : Json(id.number); }

// Null without a mask.
Json segmentation_json(const Object& object, const base::Size2& size) {
  if (const auto* runs = std::get_if<RunLengths>(&object.mask)) return runs_json(*runs);
  const auto* polygons = std::get_if<std::vector<Polygon>>(&object.mask);
  if (!polygons || polygons->empty()) return Json();
  if (object.crowd) return runs_json(rasterize(*polygons, size[0], size[1]));
  Json list = Json::array();
  for (const Polygon& polygon : *polygons) {
    Json numbers = Json::array();
    for (const Point& point : polygon) {
      numbers.push_back(number(point.x));
      numbers.push_back(number(point.y));
    }
    list.push_back(std::move(numbers));
  }
  return list;
}

// Entries of a list, each on a line.
void append(std::string& list, const Json& entry) {
  list += (list.empty() ? "\n" : ",\n") + base::to_text(entry);
}

}  // namespace

Json runs_json(const RunLengths& runs) {
  Json json = Json::object();
  json["size"] = Json::array_of(std::vector<int64_t>{runs.height, runs.width});
  json["counts"] = write_counts(runs);
  return json;
}

void CocoWriter::add_image(const CocoId& id, const std::string& file_name,
                           const base::Size2& size) {
  Json image = Json::object();
  image["id"] = id_json(id);
  image["file_name"] = file_name;
  image["height"] = size[0];
  image["width"] = size[1];
  append(images_, image);
}

void CocoWriter::add_object(const Object& object, const CocoId& image, int64_t category,
                            const base::Size2& size) {
  Json json = Json::object();
  json["id"] = ++num_objects_;
  json["image_id"] = id_json(image);
  json["category_id"] = category;
  json["bbox"] = box_json(object.box);
  json["area"] = number(object.area);
  json["iscrowd"] = int64_t{object.crowd};
  if (Json segmentation = segmentation_json(object, size); !segmentation.is_null())
    json["segmentation"] = std::move(segmentation);
  append(annotations_, json);
}

void CocoWriter::add_category(int64_t id, const std::string& name) {
  Json category = Json::object();
  category["id"] = id;
  category["name"] = name;
  append(categories_, category);
}

std::string CocoWriter::text() const {
  return "{\"images\": [" + images_ + "\n],\n\"annotations\": [" + annotations_ +
         "\n],\n\"categories\": [" + categories_ + "\n]}\n";
}

void CocoResultsWriter::add(const CocoId& image, int64_t category, const BoundingBox& box,
                            double score, const RunLengths* mask) {
  Json json = Json::object();
  json["image_id"] = id_json(image);
  json["category_id"] = category;
  json["bbox"] = box_json(box);
  json["score"] = score;
  if (mask) json["segmentation"] = runs_json(*mask);
  append(results_, json);
}

std::string CocoResultsWriter::text() const { return "[" + results_ + "\n]\n"; }

}  // namespace swin::data
