#include "data/convert.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "base/parallel.h"
#include "data/decode/decode.h"
#include "data/run_lengths.h"
#include "files/atomic_file.h"
#include "files/bytes.h"

namespace swin::data {
namespace {

using base::Json;

constexpr int64_t kChunk = 64;  // images between two reports

// The last part of a name without the ending: "a/b.jpg" → "b".
std::string stem_of(const std::string& name) { return std::filesystem::path(name).stem().string(); }

std::vector<std::string> names_of(const Dataset& set) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  bool usable = set.holds_files();
  for (int64_t i = 0; i < set.size() && usable; ++i) {
    names.push_back(stem_of(set.name(i)));
    usable = !names.back().empty() && seen.insert(names.back()).second;
  }
  if (usable) return names;
  names.clear();
  const size_t digits = std::max<size_t>(6, std::to_string(set.size()).size());
  for (int64_t i = 0; i < set.size(); ++i) {
    const std::string number = std::to_string(i);
    names.push_back(std::string(digits - number.size(), '0') + number);
  }
  return names;
}

void write(const std::string& path, std::span<const uint8_t> bytes) {
  files::write_file_atomically(path, files::text_of(bytes));
}

// Whole numbers without a fraction, as most programs write them.
Json number(double value) {
  const auto whole = static_cast<int64_t>(value);
  return static_cast<double>(whole) == value ? Json(whole) : Json(value);
}

Json runs_json(const RunLengths& runs) {
  Json json = Json::object();
  json["size"] = Json::array_of(std::vector<int64_t>{runs.height, runs.width});
  json["counts"] = write_counts(runs);
  return json;
}

// Null without a mask.
Json segmentation_json(const Object& object, const Objects& all) {
  if (const auto* runs = std::get_if<RunLengths>(&object.mask)) return runs_json(*runs);
  const auto* polygons = std::get_if<std::vector<Polygon>>(&object.mask);
  if (!polygons || polygons->empty()) return Json();
  if (object.crowd) return runs_json(rasterize(*polygons, all.height, all.width));
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

Json object_json(const Object& object, const Objects& all, int64_t id, int64_t image_id) {
  Json json = Json::object();
  json["id"] = id;
  json["image_id"] = image_id;
  json["category_id"] = object.class_index + 1;
  const BoundingBox& box = object.box;
  Json& numbers = json["bbox"] = Json::array();
  for (const double value : {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1})
    numbers.push_back(number(value));
  json["area"] = number(object.area);
  json["iscrowd"] = int64_t{object.crowd};
  if (Json segmentation = segmentation_json(object, all); !segmentation.is_null())
    json["segmentation"] = std::move(segmentation);
  return json;
}

bool all_have_masks(const Objects& all) {
  return std::none_of(all.objects.begin(), all.objects.end(), [](const Object& object) {
    return std::holds_alternative<std::monostate>(object.mask);
  });
}

// Entries of a list, each on a line.
void append(std::string& list, const Json& entry) {
  list += (list.empty() ? "\n" : ",\n") + base::to_text(entry);
}

class Conversion {
 public:
  Conversion(const Dataset* maps, const Dataset* objects, const std::string& folder)
      : maps_(maps),
        objects_(objects),
        set_(maps ? *maps : *objects),
        folder_(folder),
        names_(names_of(set_)) {
    files::make_directories(folder + "/images");
    if (maps) files::make_directories(folder + "/masks");
    for (int64_t c = 0; maps && c < maps->num_classes(); ++c)
      palette_.push_back(maps->class_color(c));
  }

  void run(const std::function<void(int64_t)>& progress) {
    std::vector<Objects> found(static_cast<size_t>(kChunk));
    for (int64_t begin = 0; begin < set_.size(); begin += kChunk) {
      const int64_t count = std::min(kChunk, set_.size() - begin);
      std::vector<uint8_t> has_map(static_cast<size_t>(kChunk));
      base::parallel_for(count, [&](int64_t k) {
        const auto place = static_cast<size_t>(k);
        has_map[place] = write_image(begin + k, found[place]);
      });
      for (int64_t k = 0; k < count; ++k) {
        counts.label_maps += has_map[static_cast<size_t>(k)];
        if (objects_) list(begin + k, found[static_cast<size_t>(k)]);
      }
      counts.images += count;
      if (progress) progress(counts.images);
    }
    write_lists();
  }

  Converted counts;

 private:
  // @return whether it has a label map.
  bool write_image(int64_t i, Objects& found) const {
    const std::string& name = names_[static_cast<size_t>(i)];
    write_png(folder_ + "/images/" + name + ".png", set_.load(i));
    if (objects_) found = std::get<Objects>(objects_->annotation(i));
    if (!maps_ || (objects_ && !all_have_masks(found))) return false;
    const auto map = std::get<LabelMap>(maps_->annotation(i));
    write(folder_ + "/masks/" + name + ".png",
          encode_label_png(map.height, map.width, map.classes, LabelMap::kIgnored, palette_));
    return true;
  }

  void list(int64_t i, const Objects& all) {
    Json image = Json::object();
    image["id"] = i + 1;
    image["file_name"] = names_[static_cast<size_t>(i)] + ".png";
    image["height"] = all.height;
    image["width"] = all.width;
    append(images_, image);
    for (const Object& object : all.objects)
      append(annotations_, object_json(object, all, ++counts.objects, i + 1));
  }

  void write_lists() const {
    if (maps_) {
      std::string names;
      for (const std::string& name : maps_->class_names()) names += name + "\n";
      files::write_file_atomically(folder_ + "/classes.txt", names);
    }
    if (!objects_) return;
    std::string categories;
    for (int64_t c = 0; c < objects_->num_classes(); ++c) {
      Json category = Json::object();
      category["id"] = c + 1;
      category["name"] = objects_->class_names()[static_cast<size_t>(c)];
      append(categories, category);
    }
    files::write_file_atomically(folder_ + "/annotations.json",
                                 "{\"images\": [" + images_ + "\n],\n\"annotations\": [" +
                                     annotations_ + "\n],\n\"categories\": [" + categories +
                                     "\n]}\n");
  }

  const Dataset *maps_, *objects_;
  const Dataset& set_;
  const std::string folder_;
  const std::vector<std::string> names_;
  std::vector<Color> palette_;
  std::string images_, annotations_;  // the entries of these lists
};

}  // namespace

Converted convert_dataset(const Dataset* maps, const Dataset* objects, const std::string& folder,
                          const std::function<void(int64_t)>& progress) {
  Conversion conversion(maps, objects, folder);
  conversion.run(progress);
  return conversion.counts;
}

}  // namespace swin::data
