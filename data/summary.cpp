#include "data/summary.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/counts.h"
#include "base/text.h"

namespace swin::data {
namespace {

constexpr size_t kLongestLine = 399, kLongestName = 90, kNames = 3;

// Whether a byte is inside of a UTF-8 sequence.
bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

// The end of a path tells more than its beginning.
std::string end_of(const std::string& path) {
  std::string text = base::without_controls(path, '?');
  if (text.size() <= kLongestName) return text;
  size_t begin = text.size() - kLongestName;
  const size_t slash = text.find('/', begin);
  if (slash != std::string::npos && slash + 1 < text.size()) begin = slash;
  while (begin < text.size() && continues(text[begin])) ++begin;
  return "…" + text.substr(begin);
}

std::string line_of(const std::string& text) {
  std::string line = base::without_controls(text, ' ');
  if (line.size() <= kLongestLine) return line;
  constexpr std::string_view kCut = "…";
  size_t end = kLongestLine - kCut.size();
  while (end > 0 && continues(line[end])) --end;
  return line.substr(0, end).append(kCut);
}

// What the images come with: " of 3 classes", " with 21 objects of 3 classes", …
std::string annotations_text(const Dataset& dataset) {
  const std::string classes = " of " + base::counted(dataset.num_classes(), "class", "classes");
  if (dataset.annotation_kind() == AnnotationKind::label_map) return " with label maps" + classes;
  const int64_t objects = count_objects(dataset);
  return objects < 0 ? classes : " with " + base::counted(objects, "object") + classes;
}

// The first names that fit into a line.
std::string with_names(std::string line, const std::vector<std::string>& names) {
  constexpr size_t kMoreBytes = 30;  // " and 1281167 more"
  std::vector<std::string> shown;
  size_t bytes = line.size();
  for (size_t i = 0; i < std::min(names.size(), kNames); ++i) {
    shown.push_back(end_of(names[i]));
    bytes += shown.back().size() + 2;
    if (bytes + kMoreBytes > kLongestLine) {
      shown.pop_back();
      break;
    }
  }
  for (size_t i = 0; i < shown.size(); ++i) line += (i == 0 ? ": " : ", ") + shown[i];
  if (!shown.empty() && shown.size() < names.size())
    line += " and " + base::grouped(std::ssize(names) - std::ssize(shown)) + " more";
  return line;
}

}  // namespace

int64_t count_objects(const Dataset& dataset) {
  int64_t count = dataset.size() > 0 ? 0 : -1;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const int64_t here = dataset.num_objects(i);
    if (here < 0) return -1;
    count += here;
  }
  return count;
}

Summary summary_of(const Dataset& dataset, const std::string& name) {
  const std::string prefix = end_of(name) + ": ";
  Summary summary;
  summary.notes.push_back(
      line_of(prefix + base::counted(dataset.size(), "image") + annotations_text(dataset)));
  for (const PassedOver& passed : dataset.passed_over())
    summary.notes.push_back(
        line_of(with_names(prefix + base::grouped(std::ssize(passed.names)) + " passed over, " +
                               base::printable(passed.reason),
                           passed.names)));
  for (const std::string& warning : dataset.warnings())
    summary.warnings.push_back(line_of("swin: warning: " + prefix + warning));
  return summary;
}

base::Json passed_over_json(const std::vector<PassedOver>& passed_over) {
  base::Json list = base::Json::array();
  for (const PassedOver& passed : passed_over) {
    base::Json entry = base::Json::object();
    entry["reason"] = passed.reason;
    entry["count"] = static_cast<int64_t>(passed.names.size());
    entry["names"] = base::Json::array_of(passed.names);
    list.push_back(entry);
  }
  return list;
}

base::Json summary_json(const Dataset& dataset) {
  base::Json json = base::Json::object();
  json["images"] = dataset.size();
  json["classes"] = dataset.num_classes();
  if (const int64_t objects = count_objects(dataset); objects >= 0) json["objects"] = objects;
  json["passed_over"] = passed_over_json(dataset.passed_over());
  json["warnings"] = base::Json::array_of(dataset.warnings());
  return json;
}

}  // namespace swin::data
