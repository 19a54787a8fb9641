#include "data/convert.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/parallel.h"
#include "data/coco_writer.h"
#include "data/decode/decode.h"
#include "files/atomic_file.h"
#include "files/bytes.h"

namespace swin::data {
namespace {

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

bool all_have_masks(const Objects& all) {
  return std::none_of(all.objects.begin(), all.objects.end(), [](const Object& object) {
    return std::holds_alternative<std::monostate>(object.mask);
  });
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
    const CocoId id{i + 1};
    const base::Size2 size = {all.height, all.width};
    list_.add_image(id, names_[static_cast<size_t>(i)] + ".png", size);
    for (const Object& object : all.objects)
      list_.add_object(object, id, object.class_index + 1, size);
  }

  void write_lists() {
    if (maps_) {
      std::string names;
      for (const std::string& name : maps_->class_names()) names += name + "\n";
      files::write_file_atomically(folder_ + "/classes.txt", names);
    }
    if (!objects_) return;
    for (int64_t c = 0; c < objects_->num_classes(); ++c)
      list_.add_category(c + 1, objects_->class_names()[static_cast<size_t>(c)]);
    counts.objects = list_.num_objects();
    files::write_file_atomically(folder_ + "/annotations.json", list_.text());
  }

  const Dataset *maps_, *objects_;
  const Dataset& set_;
  const std::string folder_;
  const std::vector<std::string> names_;
  std::vector<Color> palette_;
  CocoWriter list_;
};

}  // namespace

Converted convert_dataset(const Dataset* maps, const Dataset* objects, const std::string& folder,
                          const std::function<void(int64_t)>& progress) {
  Conversion conversion(maps, objects, folder);
  conversion.run(progress);
  return conversion.counts;
}

}  // namespace swin::data
