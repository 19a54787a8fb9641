#include "data/formats/manifest_rows.h"

#include <algorithm>
#include <span>

#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

constexpr size_t kMaxRowBytes = 1 << 20;
constexpr size_t kMaxColumns = 10'000;

[[noreturn]] void refuse(const std::string& where, int64_t line, const std::string& found,
                         const std::string& remedy = "") {
  throw base::DataError(where + ":" + std::to_string(line), found, remedy);
}

// Reads records of comma-separated values. A field in double quotes may contain commas, line ends
// and doubled quotes.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  // @return false at the end. Skips empty lines.
  bool next(std::vector<std::string>& fields) {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) step();
    if (at_ == text_.size()) return false;
    begin_line_ = line_;
    const size_t begin = at_;
    fields.clear();
    while (true) {
      fields.push_back(field());
      if (at_ - begin > kMaxRowBytes || fields.size() > kMaxColumns)
        refuse(where_, begin_line_,
               "found a row of over a megabyte or 10,000 columns, expected a shorter one");
      if (at_ == text_.size()) return true;
      if (text_[at_] != ',') break;
      step();
    }
    while (at_ < text_.size() && text_[at_] == '\r') step();
    if (at_ < text_.size() && text_[at_] == '\n') step();
    return true;
  }
  int64_t line() const { return begin_line_; }

 private:
  // A line ends at LF, CRLF or a CR alone.
  void step() {
    const char c = text_[at_++];
    line_ += c == '\n' || (c == '\r' && (at_ == text_.size() || text_[at_] != '\n'));
  }

  std::string field() {
    std::string value;
    if (at_ == text_.size() || text_[at_] != '"') {
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') {
        if (text_[at_] == '"')
          refuse(where_, line_, "found a quote inside a field, expected the whole field in quotes",
                 "write it as \"…\", with quotes in it doubled");
        value += text_[at_++];
      }
      return value;
    }
    const int64_t opened = line_;
    ++at_;
    while (true) {
      if (at_ == text_.size()) refuse(where_, opened, "found a quote that is never closed");
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') break;
      }
      value += text_[at_];
      step();
      if (value.size() > kMaxRowBytes)
        refuse(where_, opened, "found a quoted field of over a megabyte, expected a closing quote");
    }
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r')
      refuse(where_, line_, "found text after a closing quote, expected a comma or the line's end");
    return value;
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
  int64_t line_ = 1, begin_line_ = 1;
};

void read_csv(std::string_view text, const std::string& where,
              const std::function<void(const ManifestRow&)>& take) {
  CsvReader csv(text, where);
  std::vector<std::string> header, fields;
  if (!csv.next(header))
    throw base::DataError(where,
                          "found no row, expected a header path,label and one row per image");
  for (std::string& name : header) {  // "path, label" means path,label
    const size_t begin = std::min(name.find_first_not_of(" \t"), name.size());
    name = name.substr(begin, name.find_last_not_of(" \t") + 1 - begin);
  }
  constexpr size_t kNone = SIZE_MAX;
  const auto column = [&](const char* name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) return kNone;
    if (std::find(found + 1, header.end(), name) != header.end())
      refuse(where, csv.line(), std::string("found the column ") + name + " twice, expected once");
    return static_cast<size_t>(found - header.begin());
  };
  const size_t path = column("path"), one = column("label"), many = column("labels");
  if (path == kNone || (one == kNone) == (many == kNone)) {
    std::string names;
    for (const std::string& name : header) names += (names.empty() ? "" : ",") + name;
    refuse(where, csv.line(),
           "found the columns " + base::printable(names) +
               ", expected a header with path and label (or labels)",
           "write path,label as the first line");
  }
  const size_t labels = one == kNone ? many : one;
  ManifestRow row;
  while (csv.next(fields)) {
    row.line = csv.line();
    if (fields.size() != header.size())
      refuse(where, row.line,
             "found " + std::to_string(fields.size()) + " fields, expected the " +
                 std::to_string(header.size()) + " of the header",
             "put a field that holds a comma into double quotes");
    row.path = std::move(fields[path]);
    row.labels.clear();
    const std::string_view cell = fields[labels];
    row.list = labels == many || cell.find(';') != std::string_view::npos;
    const bool empty = cell.find_first_not_of(" \t") == std::string_view::npos;
    for (size_t at = 0; at <= cell.size() && !(row.list && empty);) {
      const size_t end = std::min(cell.find(';', at), cell.size());
      row.labels.emplace_back(cell.substr(at, end - at));
      at = end + 1;
    }
    take(row);
  }
}

std::string label_text(const base::Json& json, const std::string& where, int64_t line) {
  if (json.is_string()) return json.as_string();
  if (json.is_integer()) return std::to_string(json.as_int());
  refuse(
      where, line,
      std::string("found a label that is ") + json.type_name() + ", expected a name or an integer");
}

void read_json_lines(std::string_view text, const std::string& where,
                     const std::function<void(const ManifestRow&)>& take) {
  base::JsonLimits limits;
  limits.max_bytes = kMaxRowBytes;
  ManifestRow row;
  for (; !text.empty();) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++row.line;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    base::Json json;
    try {
      json = base::parse_json(line, where, limits);
    } catch (const base::JsonSyntaxError& error) {
      refuse(where, row.line, error.what, "write one JSON object per line");
    }
    const base::Json *path = json.find("path"), *one = json.find("label"),
                     *many = json.find("labels");
    if (path == nullptr || !path->is_string() || (one == nullptr) == (many == nullptr) ||
        (many != nullptr && !many->is_array()))
      refuse(where, row.line,
             "found a line without path and label, expected {\"path\": \"…\", \"label\": \"…\"} or "
             "\"labels\": […]");
    row.path = path->as_string();
    row.labels.clear();
    row.list = many != nullptr;
    for (const base::Json& label : many ? std::span(many->items()) : std::span(one, 1))
      row.labels.push_back(label_text(label, where, row.line));
    take(row);
  }
}

}  // namespace

void read_manifest(std::string_view text, const std::string& where,
                   const std::function<void(const ManifestRow&)>& take) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '[')
    throw base::DataError(where,
                          "found a JSON array, expected JSON Lines, one object {\"path\": \"…\", "
                          "\"label\": \"…\"} per line",
                          "convert it with jq -c '.[]'");
  if (first != std::string_view::npos && text[first] == '{') {
    read_json_lines(text, where, take);
  } else {
    read_csv(text, where, take);
  }
}

}  // namespace swin::data
