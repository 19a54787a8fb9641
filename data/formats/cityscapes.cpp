// The folders leftImg8bit and gtFine of Cityscapes, with the label maps of the 19 classes that its
// scripts make (*_gtFine_labelTrainIds.png).
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/errors.h"
#include "data/formats/formats.h"
#include "data/formats/label_map_set.h"

namespace swin::data {
namespace {

struct Class {
  const char* name;
  Color color;
};
// In the order of the training identifiers, with the colors of the benchmark.
constexpr Class kClasses[] = {
    {"road", {128, 64, 128}},
    {"sidewalk", {244, 35, 232}},
    {"building", {70, 70, 70}},
    {"wall", {102, 102, 156}},
    {"fence", {190, 153, 153}},
    {"pole", {153, 153, 153}},
    {"traffic light", {250, 170, 30}},
    {"traffic sign", {220, 220, 0}},
    {"vegetation", {107, 142, 35}},
    {"terrain", {152, 251, 152}},
    {"sky", {70, 130, 180}},
    {"person", {220, 20, 60}},
    {"rider", {255, 0, 0}},
    {"car", {0, 0, 142}},
    {"truck", {0, 0, 70}},
    {"bus", {0, 60, 100}},
    {"train", {0, 80, 100}},
    {"motorcycle", {0, 0, 230}},
    {"bicycle", {119, 11, 32}},
};

class Cityscapes : public LabelMapSet {
 public:
  explicit Cityscapes(const DatasetOptions& options) : LabelMapSet(options) {
    if (!holds_cityscapes(options.path))
      throw base::DataError(options.path,
                            "found no leftImg8bit and gtFine in it, expected both folders",
                            "unpack both archives there, or correct " + options.path_field);
    const std::string split = chosen_split(root_ + "leftImg8bit", options);
    const std::string below = split.empty() ? "" : split + "/";
    add_folders(
        {"leftImg8bit/" + below, "gtFine/" + below, "_leftImg8bit", "_gtFine_labelTrainIds"});
    std::vector<std::string> names;
    for (const auto& [name, color] : kClasses) {
      names.push_back(name);
      class_colors_.push_back(color);
    }
    finish(std::move(names), false);
  }
};

}  // namespace

std::unique_ptr<Dataset> open_cityscapes(const DatasetOptions& options) {
  return std::make_unique<Cityscapes>(options);
}

bool holds_cityscapes(const std::string& folder) {
  std::error_code error;
  return std::filesystem::is_directory(folder + "/leftImg8bit", error) &&
         std::filesystem::is_directory(folder + "/gtFine", error);
}

}  // namespace swin::data
