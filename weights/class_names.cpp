#include "weights/class_names.h"

#include <fstream>

#include "base/errors.h"
#include "base/json.h"
#include "files/mapped_file.h"

namespace swin::weights {

std::vector<std::string> parse_class_names(const std::string& json, const std::string& where) {
  base::Json list;
  try {
    list = base::parse_json(json, where);
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where, error.what, "take another checkpoint");
  }
  std::vector<std::string> names;
  bool texts = list.is_array();
  if (texts)
    for (const base::Json& name : list.items()) {
      texts &= name.is_string();
      if (texts) names.push_back(name.as_string());
    }
  if (!texts)
    throw base::WeightError(where, "found no list of strings, expected the class names",
                            "take another checkpoint");
  return names;
}

std::string class_names_json(const std::vector<std::string>& names) {
  return base::to_text(base::Json::array_of(names));
}

std::vector<std::string> read_class_list(const std::filesystem::path& file) {
  const std::string where = file.string();
  const std::string kept = "a list has a class name on each line, in the order of the head";
  std::ifstream stream(file);
  std::error_code error;
  if (!stream || std::filesystem::is_directory(file, error))
    throw base::UsageError(where, "found no file that can be read, expected a list of class names",
                           "correct its path");
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    if (names.empty() && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    const size_t first = line.find_first_not_of(" \t\r");
    const std::string name = first == std::string::npos
                                 ? ""
                                 : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    const std::string at = where + ":" + std::to_string(names.size() + 1);
    if (name.empty()) throw base::UsageError(at, "found an empty line, expected a name", kept);
    if (!files::is_name(name))
      throw base::UsageError(at, std::string("found no name, expected ") + files::kNameExpected,
                             kept);
    names.push_back(name);
  }
  if (names.empty()) throw base::UsageError(where, "found an empty file, expected names", kept);
  return names;
}

void require_name_for_each(const std::vector<std::string>& names, int64_t num_classes,
                           const std::string& where, const std::string& remedy) {
  if (names.empty() || static_cast<int64_t>(names.size()) == num_classes) return;
  throw base::WeightError(where,
                          "found " + std::to_string(names.size()) + " class names for " +
                              std::to_string(num_classes) + " classes, expected equal numbers",
                          remedy);
}

}  // namespace swin::weights
