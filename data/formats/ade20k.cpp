// The folder ADEChallengeData2016 of the Scene Parsing Benchmark: images/ and annotations/, each
// with training/ and validation/; the values are 0 for what is no class, then the 150 classes.
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/formats.h"
#include "data/formats/label_map_set.h"
#include "files/bytes.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kClasses = 150;

// A table of tabs: the number of the class, from 1 on, comes first and its name last.
std::vector<std::string> read_names(const std::string& file) {
  std::vector<std::string> names;
  const files::MappedFile mapped(file, files::FileKind::data);
  std::string_view text = files::text_of(mapped.bytes());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    size_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc())
      continue;  // the titles
    const size_t tab = line.rfind('\t');
    if (number != names.size() + 1 || tab == std::string_view::npos || tab + 1 == line.size())
      throw base::DataError(file,
                            "found the line " + base::printable(line) + ", expected class " +
                                std::to_string(names.size() + 1) + " and its name",
                            "fetch the file again, or remove it: the classes then are numbers");
    names.emplace_back(line.substr(tab + 1));
  }
  if (names.size() != kClasses)
    throw base::DataError(
        file,
        "found " + std::to_string(names.size()) + " names, expected " + std::to_string(kClasses),
        "fetch the file again, or remove it: the classes then are numbers");
  return names;
}

class Ade20k : public LabelMapSet {
 public:
  explicit Ade20k(const DatasetOptions& options) : LabelMapSet(options) {
    if (!holds_ade20k(options.path))
      throw base::DataError(options.path,
                            "found no images/training and annotations/training in it, expected "
                            "the folder ADEChallengeData2016",
                            "correct " + options.path_field + ", or use the format label_maps");
    const std::string split = chosen_split(root_ + "images", options);
    const std::string below = split.empty() ? "" : split + "/";
    add_folders({"images/" + below, "annotations/" + below});
    const std::string list = root_ + "objectInfo150.txt";
    std::vector<std::string> names;
    std::error_code error;
    if (fs::exists(list, error)) names = read_names(list);
    for (size_t c = names.size(); c < kClasses; ++c) names.push_back(std::to_string(c));
    finish(std::move(names), true);
  }
};

}  // namespace

std::unique_ptr<Dataset> open_ade20k(const DatasetOptions& options) {
  return std::make_unique<Ade20k>(options);
}

bool holds_ade20k(const std::string& folder) {
  std::error_code error;
  return fs::is_directory(folder + "/images/training", error) &&
         fs::is_directory(folder + "/annotations/training", error);
}

}  // namespace swin::data
