#include "data/formats/class_labels.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

constexpr int64_t kMostClasses = 1 << 24;
constexpr size_t kMaxLabelBytes = 4096;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

// Without the byte order mark that some editors put before UTF-8.
std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

// An integer; too large ones become the largest.
std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range) return text.front() == '-' ? INT64_MIN : INT64_MAX;
  return value;
}

[[noreturn]] void out_of_range(const std::string& where, const std::string& text, int64_t classes,
                               const std::string& remedy) {
  throw base::DataError(
      where,
      "found the label " + base::printable(text) + ", expected " +
          (classes == kMostClasses && text.front() == '-' ? "a class number from 0 on"
                                                          : "0 … " + std::to_string(classes - 1)) +
          ": out of range",
      remedy);
}

}  // namespace

std::vector<std::string> read_class_list(const std::string& file) {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  const files::MappedFile mapped(file, files::FileKind::data);
  std::string_view text = without_mark(files::text_of(mapped.bytes()));
  int64_t line = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string name = base::composed(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string where = file + ":" + std::to_string(++line);
    if (name.empty() && trimmed(text).empty()) break;
    if (name.empty())
      throw base::DataError(where, "found no name, expected one class name per line");
    if (!files::is_name(name))
      throw base::DataError(where, std::string("found no name, expected ") + files::kNameExpected,
                            "save the file as UTF-8 text, a name a line");
    if (!seen.insert(name).second)
      throw base::DataError(
          where, "found the class " + base::printable(name) + " again, expected every name once");
    names.push_back(name);
    if (static_cast<int64_t>(names.size()) > kMostClasses)
      throw base::DataError(where, "found more than 16 million classes, expected fewer");
  }
  if (names.empty())
    throw base::DataError(file, "found no name, expected one class name per line",
                          "fill or remove the file");
  return names;
}

ClassLabels::ClassLabels(const std::string& folder, int64_t num_classes,
                         const std::vector<std::string>& known)
    : num_classes_(num_classes) {
  for (const std::string& name : known) known_.insert(base::composed(name));
  const std::string file = (std::filesystem::path(folder) / "classes.txt").string();
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return;
  list_file_ = file;
  listed_ = read_class_list(file);
  for (size_t i = 0; i < listed_.size(); ++i)
    listed_number_.emplace(listed_[i], static_cast<int32_t>(i));
}

int32_t ClassLabels::add(std::string_view text, const std::string& where) {
  const std::string label = base::composed(trimmed(without_mark(text)));
  if (label.empty())
    throw base::DataError(where, "found no label, expected a class name or number",
                          "give the image a label or remove it");
  if (label.size() > kMaxLabelBytes || label.find('\0') != std::string::npos)
    throw base::DataError(where, "found a label of " + std::to_string(label.size()) +
                                     " bytes, expected a class name or number");
  const auto [entry, inserted] = found_.emplace(label, static_cast<int32_t>(labels_.size()));
  if (inserted) labels_.push_back({label, where});
  return entry->second;
}

// A label is a name of the list, else a class number. A name may look like a number: if one of the
// labels can only be a class number, all that look like numbers are.
std::vector<int32_t> ClassLabels::classes_of_list() const {
  const auto size = static_cast<int64_t>(listed_.size());
  const bool has_numbers = std::any_of(labels_.begin(), labels_.end(), [&](const Label& label) {
    return number_of(label.text) && !listed_number_.contains(label.text);
  });
  std::vector<int32_t> classes;
  for (const Label& label : labels_) {
    const std::optional<int64_t> value = has_numbers ? number_of(label.text) : std::nullopt;
    const auto listed = listed_number_.find(label.text);
    if (value && (*value < 0 || *value >= size))
      out_of_range(label.where, label.text, size, "correct it or add classes to " + list_file_);
    if (!value && listed == listed_number_.end())
      throw base::DataError(label.where,
                            "found the label " + base::printable(label.text) +
                                ", expected one of the " + std::to_string(size) + " classes of " +
                                list_file_,
                            "correct it or add it there");
    classes.push_back(value ? static_cast<int32_t>(*value) : listed->second);
  }
  return classes;
}

std::vector<std::string> ClassLabels::number(std::vector<int32_t>& classes) const {
  const int64_t limit = num_classes_ > 0 ? num_classes_ : kMostClasses;
  std::vector<bool> seen(static_cast<size_t>(std::min(limit, kMostClasses)));
  int64_t count = num_classes_;
  const Label* largest = nullptr;
  for (const Label& label : labels_) {
    const int64_t value = *number_of(label.text);
    if (value < 0 || value >= limit)
      out_of_range(
          label.where, label.text, limit,
          num_classes_ > 0 ? "correct it, or before training model.num_classes" : "correct it");
    seen[static_cast<size_t>(value)] = true;
    classes.push_back(static_cast<int32_t>(value));
    if (value >= count) {
      count = value + 1;
      largest = &label;
    }
  }
  if (largest != nullptr) {  // the labels alone determine the range: it must not have gaps
    const auto missing = std::find(seen.begin(), seen.begin() + count, false) - seen.begin();
    if (missing < count)
      throw base::DataError(largest->where,
                            "found the label " + std::to_string(count - 1) +
                                ", but no image of class " + std::to_string(missing) +
                                ", expected every class from 0 on: out of range, or a class is "
                                "empty",
                            "correct it, set model.num_classes, or list the names in classes.txt");
  }
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

bool ClassLabels::are_numbers() const {
  bool all_numbers = !labels_.empty(), all_known = true;
  for (const Label& label : labels_) {
    all_numbers &= number_of(label.text).has_value();
    all_known &= known_.contains(label.text);
  }
  return all_numbers && !all_known;
}

std::vector<std::string> ClassLabels::finish(std::vector<int32_t>& labels) const {
  std::vector<int32_t> classes;  // of each provisional index
  std::vector<std::string> names;
  if (!listed_.empty()) {
    classes = classes_of_list();
    names = listed_;
  } else if (are_numbers()) {
    names = number(classes);
  } else {
    for (const Label& label : labels_) names.push_back(label.text);
    std::sort(names.begin(), names.end());
    for (const Label& label : labels_)
      classes.push_back(static_cast<int32_t>(
          std::lower_bound(names.begin(), names.end(), label.text) - names.begin()));
  }
  for (int32_t& label : labels) label = classes[static_cast<size_t>(label)];
  return names;
}

}  // namespace swin::data
