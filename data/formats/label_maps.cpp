// A folder with images/ and the label maps of the same names in masks/ (or annotations/, or
// labels/), each with the sub-folders of its splits if it has splits.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/class_labels.h"
#include "data/formats/formats.h"
#include "data/formats/label_map_set.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr char kImages[] = "images";
const std::vector<std::string> kMaps = {"masks", "annotations", "labels"};

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::vector<std::string> map_folders(const std::string& root) {
  std::vector<std::string> there;
  for (const std::string& name : kMaps)
    if (is_folder(root + "/" + name)) there.push_back(name);
  return there;
}

class LabelMaps : public LabelMapSet {
 public:
  explicit LabelMaps(const DatasetOptions& options) : LabelMapSet(options) {
    const std::vector<std::string> maps = map_folders(root_);
    if (!is_folder(root_ + kImages) || maps.size() != 1)
      throw base::DataError(
          options.path,
          maps.size() > 1 ? "found the folders " + base::joined(maps) + ", expected one of them"
                          : "found no folders of images and label maps, expected images/ and one "
                            "of " +
                                base::alternatives(kMaps),
          maps.size() > 1 ? "rename or move the others" : "correct " + options.path_field);
    const std::string split = chosen_split(root_ + kImages, options);
    add_folders({below(kImages, split), below(maps[0], map_split(maps[0], split, options.split))});
    const std::string list = root_ + "classes.txt";
    std::error_code error;
    finish(fs::exists(list, error) ? read_class_list(list) : std::vector<std::string>(),
           options.reduce_zero_label);
  }

 private:
  static std::string below(const std::string& folder, const std::string& split) {
    return folder + "/" + (split.empty() ? "" : split + "/");
  }
  // Label maps may have another name for the split of the images.
  std::string map_split(const std::string& folder, const std::string& split, Split wanted) const {
    if (split.empty() || is_folder(root_ + below(folder, split))) return split;
    const std::string other = split_folder(root_ + folder, wanted);
    if (other.empty())
      throw base::DataError(root_ + folder,
                            "found no folder " + split + ", expected it as in " + kImages + "/",
                            "add the label maps of this split");
    return other;
  }
};

}  // namespace

std::unique_ptr<Dataset> open_label_maps(const DatasetOptions& options) {
  return std::make_unique<LabelMaps>(options);
}

bool holds_label_maps(const std::string& folder) {
  return is_folder(folder + "/" + kImages) && map_folders(folder).size() == 1;
}

}  // namespace swin::data
