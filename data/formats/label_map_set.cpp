#include "data/formats/label_map_set.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <span>
#include <utility>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/text.h"
#include "files/digest.h"

namespace swin::data {
namespace {

std::string at_text(size_t pixel, int64_t width) {
  const auto place = static_cast<int64_t>(pixel);
  return "in column " + std::to_string(place % width) + " of row " + std::to_string(place / width);
}

std::string color_text(const uint8_t* color) {
  return "[" + std::to_string(color[0]) + "," + std::to_string(color[1]) + "," +
         std::to_string(color[2]) + "]";
}

uint32_t packed(const uint8_t* color) {
  return uint32_t{color[0]} << 16 | uint32_t{color[1]} << 8 | color[2];
}

// The first colors of an image that no table explains.
[[noreturn]] void refuse_colors(const LabelPixels& pixels, const std::string& name) {
  std::vector<std::string> found;
  for (size_t i = 0; i < pixels.colors.size() && found.size() < 4; i += 3) {
    const std::string text = color_text(pixels.colors.data() + i);
    if (std::find(found.begin(), found.end(), text) == found.end()) found.push_back(text);
  }
  throw base::DataError(name,
                        "found a PNG of colors (" + base::joined(found, ", ") +
                            (found.size() == 4 ? ", …" : "") +
                            "), expected gray or a palette, whose values are classes",
                        "set data.colors to the colors of the classes, from 0 on, or save it as "
                        "gray");
}

std::vector<uint16_t> values_of_colors(const LabelPixels& pixels, const std::vector<Color>& colors,
                                       const std::string& name) {
  if (colors.empty()) refuse_colors(pixels, name);
  std::map<uint32_t, uint16_t> value_of;
  for (size_t i = 0; i < colors.size(); ++i)
    value_of.emplace(packed(colors[i].data()), static_cast<uint16_t>(i));
  std::vector<uint16_t> values(pixels.colors.size() / 3);
  uint32_t last = UINT32_MAX;
  uint16_t value = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint8_t* color = pixels.colors.data() + 3 * i;
    if (packed(color) != last) {
      last = packed(color);
      const auto known = value_of.find(last);
      if (known == value_of.end())
        throw base::DataError(name,
                              "found the color " + color_text(color) + " " +
                                  at_text(i, pixels.width) + ", expected one of the " +
                                  std::to_string(colors.size()) + " of data.colors",
                              "add it to data.colors or correct the file");
      value = known->second;
    }
    values[i] = value;
  }
  return values;
}

}  // namespace

LabelMapSet::LabelMapSet(const DatasetOptions& options)
    : ListedDataset(options),
      root_(options.path.ends_with('/') ? options.path : options.path + "/"),
      follow_links_(options.follow_links),
      colors_(options.colors),
      ignore_index_(options.ignore_index),
      num_classes_(options.num_classes) {}

void LabelMapSet::add(const FolderFile& image, const FolderFile& map) {
  names_.push_back(image.path);
  add_size(image.size_bytes);
  maps_.push_back(map.path);
  map_sizes_.push_back(static_cast<uint32_t>(std::min<int64_t>(map.size_bytes, kHuge)));
}

void LabelMapSet::add_folders(const Layout& layout) {
  const auto& [images, maps, image_end, map_end] = layout;
  std::map<std::string, FolderFile> map_of;  // by what is equal in both paths
  for (const FolderFile& file : files_below(root_ + maps, root_ + maps, follow_links_, passed_)) {
    const FolderFile below{maps + file.path, file.size_bytes};
    std::string stem = without_ending(file.path);
    if (!stem.ends_with(map_end)) continue;
    if (lower_case(file.path.substr(stem.size())) != ".png") {
      passed_.add("no PNG beside the label maps", root_ + below.path);
      continue;
    }
    stem.resize(stem.size() - map_end.size());
    if (const auto [at, added] = map_of.emplace(stem, below); !added)
      throw base::DataError(root_ + below.path,
                            "found a second label map of one name, beside " +
                                base::printable(at->second.path) + ", expected one",
                            "remove one");
  }
  std::map<std::string, std::string> image_of;
  std::string first_lone, first_expected;
  for (const FolderFile& file :
       files_below(root_ + images, root_ + images, follow_links_, passed_)) {
    const FolderFile below{images + file.path, file.size_bytes};
    std::string stem = without_ending(file.path);
    if (!is_image_ending(lower_case(file.path.substr(stem.size()))) || !stem.ends_with(image_end)) {
      passed_.add_no_image(root_ + below.path);
      continue;
    }
    stem.resize(stem.size() - image_end.size());
    const auto map = map_of.find(stem);
    if (map == map_of.end()) {
      if (first_lone.empty()) {
        first_lone = root_ + below.path;
        first_expected = root_ + maps + stem + map_end + ".png";
      }
      passed_.add("image without a label map", root_ + below.path);
      continue;
    }
    if (const auto [at, added] = image_of.emplace(stem, below.path); !added)
      throw base::DataError(root_ + below.path,
                            "found a second image of one name, beside " +
                                base::printable(at->second) + ", expected one",
                            "remove one: its label map would be that of both");
    add(below, map->second);
  }
  for (const auto& [stem, file] : map_of)
    if (!image_of.contains(stem)) passed_.add("label map without an image", root_ + file.path);
  if (names_.size() == 0 && !first_lone.empty())
    throw base::DataError(first_lone, "found no label map of any image, expected " + first_expected,
                          "name the label maps as their images");
}

void LabelMapSet::finish(std::vector<std::string> names, bool reduce_zero_label) {
  if (names_.size() == 0)
    throw base::DataError(root_,
                          "found no image with a label map, expected " + image_endings() +
                              ", each with a .png of its name",
                          "correct the path");
  if (names.empty()) {
    int64_t classes = num_classes_;
    if (classes == 0 && !colors_.empty()) {
      const LabelValues any(ignore_index_, reduce_zero_label, 0);
      for (size_t value = 0; value < colors_.size(); ++value)
        if (const uint16_t one = any.class_of(static_cast<uint16_t>(value));
            one < LabelValues::kBeyond)
          classes = std::max<int64_t>(classes, one + 1);
    }
    if (classes == 0) classes = largest_class(LabelValues(ignore_index_, reduce_zero_label, 0)) + 1;
    for (int64_t c = 0; c < classes; ++c) names.push_back(std::to_string(c));
  }
  class_names_ = std::move(names);
  if (num_classes() > LabelValues::kMostClasses)
    throw base::DataError(root_, "found " + std::to_string(num_classes()) +
                                     " classes, expected at most " +
                                     std::to_string(LabelValues::kMostClasses));
  values_.emplace(ignore_index_, reduce_zero_label, num_classes());
  if (!colors_.empty() && class_colors_.empty()) {
    class_colors_.resize(class_names_.size());
    for (size_t value = 0; value < colors_.size(); ++value)
      if (const uint16_t one = values_->class_of(static_cast<uint16_t>(value));
          one < class_colors_.size())
        class_colors_[one] = colors_[value];
  }
  files::Sha256 digest;
  std::string line;
  for (size_t i = 0; i < names_.size(); ++i) {
    line.assign(names_[i]);
    line += "\n" + std::to_string(sizes_[i]) + "\n";
    line.append(maps_[i]);
    line += "\n" + std::to_string(map_sizes_[i]) + "\n";
    digest.update(std::as_bytes(std::span(line)));
  }
  fingerprint_ = files::to_hex(digest.finish());
  shrink();
  maps_.shrink();
  passed_over_ = passed_.take();
  if (num_classes() == 1)
    warnings_ = {"found one class alone, " + base::printable(class_names_[0]) +
                 ", expected at least two to tell apart; a mask of 0 and 255 has 255 ignored: set "
                 "data.ignore_index, or store 1 in its place"};
}

LabelMapSet::Values LabelMapSet::read(int64_t i) const {
  Values read{0, 0, {}, root_ + std::string(maps_[static_cast<size_t>(i)])};
  std::vector<uint8_t> memory;
  LabelPixels pixels = decode_label_png(read_file(read.name, memory), read.name);
  read.height = pixels.height;
  read.width = pixels.width;
  read.values = pixels.colors.empty() ? std::move(pixels.values)
                                      : values_of_colors(pixels, colors_, read.name);
  return read;
}

std::vector<ListedFile> LabelMapSet::files() const {
  std::vector<ListedFile> all = ListedDataset::files();
  for (size_t i = 0; i < maps_.size(); ++i)
    all.push_back({std::string(maps_[i]), int64_t{map_sizes_[i]}});
  return all;
}

std::vector<uint16_t> LabelMapSet::read_label_values(int64_t i) const { return read(i).values; }

Annotation LabelMapSet::annotation(int64_t i) const {
  Values read = this->read(i);
  LabelMap map{read.height, read.width, std::move(read.values)};
  for (size_t pixel = 0; pixel < map.classes.size(); ++pixel) {
    const uint16_t value = map.classes[pixel], one = values_->class_of(value);
    if (one == LabelValues::kBeyond)
      throw base::DataError(read.name,
                            "found the value " + std::to_string(value) + " " +
                                at_text(pixel, map.width) + ", expected " + values_->expected(),
                            "correct it or data.ignore_index, or before training model.num_classes "
                            "(`swin data check` counts the values)");
    map.classes[pixel] = one;
  }
  return map;
}

// Files that cannot be read are left to whoever loads them, unless all are such.
int64_t LabelMapSet::largest_class(const LabelValues& values) const {
  std::atomic<int64_t> largest = -1;
  constexpr int64_t kChunk = 8;
  base::parallel_ranges(size(), kChunk, [&](int64_t begin, int64_t end) {
    int64_t found = -1;
    for (int64_t i = begin; i < end; ++i) try {
        for (const uint16_t value : read(i).values)
          if (const uint16_t one = values.class_of(value); one < LabelValues::kBeyond)
            found = std::max<int64_t>(found, one);
      } catch (const base::DataError&) {
      }
    for (int64_t before = largest; before < found;)
      if (largest.compare_exchange_weak(before, found)) break;
  });
  if (largest >= 0) return largest;
  (void)read(0);  // says what is wrong, if it cannot be read
  throw base::DataError(
      root_ + std::string(maps_[0]),
      "found no value that is a class in any label map, expected " + values.expected(),
      "correct data.ignore_index or data.reduce_zero_label");
}

}  // namespace swin::data
