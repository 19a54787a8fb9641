#include "data/formats/manifest_rows.h"

#include <algorithm>
#include <exception>
#include <span>

#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"

namespace swin::data {
namespace {

constexpr size_t kMaxRowBytes = 1 << 20;
constexpr size_t kMaxColumns = 10'000;

[[noreturn]] void refuse(const std::string& where, int64_t line, const std::string& found,
                         const std::string& remedy = "") {
  throw base::DataError(where + ":" + std::to_string(line), found, remedy);
}

const char* name_of(char separator) {
  return separator == ',' ? "comma" : separator == ';' ? "semicolon" : "tab";
}

// Reads records of separated values. A field in double quotes may contain separators, line ends and
// doubled quotes.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where, char separator)
      : text_(text), where_(where), separator_(separator) {}

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
      if (text_[at_] != separator_) break;
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
      while (!at_end_of_field()) {
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
    if (!at_end_of_field())
      refuse(where_, line_,
             std::string("found text after a closing quote, expected a ") + name_of(separator_) +
                 " or the line's end");
    return value;
  }

  bool at_end_of_field() const {
    return at_ == text_.size() || text_[at_] == separator_ || text_[at_] == '\n' ||
           text_[at_] == '\r';
  }

  std::string_view text_;
  const std::string& where_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1, begin_line_ = 1;
};

// The columns of a header, and where those are that matter.
struct Columns {
  std::vector<std::string> names;
  size_t path = 0, labels = 0;
  bool lists = false;  // the labels are lists
};

// @return false where the header does not have the columns.
bool take_columns(Columns& columns, const std::string& where, int64_t line) {
  for (std::string& name : columns.names) {  // " Path, label" means path,label
    const size_t begin = std::min(name.find_first_not_of(" \t"), name.size());
    name = name.substr(begin, name.find_last_not_of(" \t") + 1 - begin);
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr size_t kNone = SIZE_MAX;
  const auto& names = columns.names;
  const auto column = [&](const char* name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return kNone;
    if (std::find(found + 1, names.end(), name) != names.end())
      refuse(where, line, std::string("found the column ") + name + " twice, expected once");
    return static_cast<size_t>(found - names.begin());
  };
  const size_t path = column("path"), one = column("label"), many = column("labels");
  if (path == kNone || (one == kNone) == (many == kNone)) return false;
  columns.path = path;
  columns.lists = one == kNone;
  columns.labels = columns.lists ? many : one;
  return true;
}

// Whether the first line is "sep=;", in which spreadsheets state the separator. The header says it,
// too, so the line is only skipped.
bool states_separator(std::string_view text) {
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  return line.size() == 5 && (line.starts_with("sep=") || line.starts_with("SEP="));
}

// Reads the header, which tells the separator: with another one it lacks the columns.
CsvReader read_header(std::string_view text, const std::string& where, Columns& columns,
                      char& separator) {
  const bool stated = states_separator(text);
  int64_t line = 1;
  std::vector<std::string> found;  // of the separator that gives the most columns
  std::exception_ptr error;        // where no separator makes it a record
  for (const char candidate : {',', ';', '\t'}) {
    CsvReader csv(text, where, candidate);
    try {
      if (stated) csv.next(columns.names);
      if (!csv.next(columns.names))
        throw base::DataError(where,
                              "found no row, expected a header path,label and one row per image");
    } catch (const base::DataError&) {
      if (!error) error = std::current_exception();
      continue;
    }
    separator = candidate;
    line = csv.line();
    if (take_columns(columns, where, line)) return csv;
    if (columns.names.size() > found.size()) found = columns.names;
  }
  if (found.empty()) std::rethrow_exception(error);
  std::string names;
  for (const std::string& name : found) names += (names.empty() ? "" : ",") + name;
  if (!is_utf8(names)) refuse_encoding(where, line);
  refuse(where, line,
         "found the columns " + base::printable(names) +
             ", expected a header with path and label (or labels), separated by commas, "
             "semicolons or tabs",
         found.size() > 1
             ? "write path,label as the first line"
             : "separate all fields by commas, and write path,label as the first line");
}

void read_csv(std::string_view text, const std::string& where,
              const std::function<void(const ManifestRow&)>& take) {
  Columns columns;
  char separator = ',';
  CsvReader csv = read_header(text, where, columns, separator);
  std::vector<std::string> fields;
  ManifestRow row;
  while (csv.next(fields)) {
    row.line = csv.line();
    if (fields.size() != columns.names.size())
      refuse(where, row.line,
             "found " + std::to_string(fields.size()) + " fields, expected the " +
                 std::to_string(columns.names.size()) + " of the header, separated by a " +
                 name_of(separator),
             std::string("put a field that holds a ") + name_of(separator) + " into double quotes");
    row.path = std::move(fields[columns.path]);
    row.labels.clear();
    const std::string_view cell = fields[columns.labels];
    if (!is_utf8(cell)) refuse_encoding(where, row.line);
    row.list = columns.lists || cell.find(';') != std::string_view::npos;
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

// UTF-16 as UTF-8. @param text without the byte order mark.
std::string from_utf16(std::string_view text, bool big_endian, const std::string& where) {
  const auto unit = [&](size_t at) {
    const auto first = static_cast<uint8_t>(text[at]), second = static_cast<uint8_t>(text[at + 1]);
    return static_cast<uint32_t>(big_endian ? first << 8 | second : second << 8 | first);
  };
  std::string out;
  int64_t line = 1;
  const auto damaged = [&] {
    refuse(where, line, "found damaged UTF-16, expected pairs of bytes that are text",
           "save the list again, as UTF-8");
  };
  const bool odd = text.size() % 2 != 0;
  if (odd) text.remove_suffix(1);
  for (size_t at = 0; at < text.size(); at += 2) {
    uint32_t code = unit(at);
    if (code >= 0xDC00 && code < 0xE000) damaged();
    if (code >= 0xD800 && code < 0xDC00) {
      at += 2;
      const uint32_t low = at < text.size() ? unit(at) : 0;
      if (low < 0xDC00 || low >= 0xE000) damaged();
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    line += code == '\n';
    const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 63));
    } else {
      if (code < 0x10000) {
        put(0xE0 | code >> 12);
      } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 63));
      }
      put(0x80 | (code >> 6 & 63));
      put(0x80 | (code & 63));
    }
  }
  if (odd) damaged();
  return out;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = base::utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void refuse_encoding(const std::string& where, int64_t line) {
  refuse(where, line, "found text that is not UTF-8 (Latin-1 or Windows-1252?), expected UTF-8",
         "save the list as UTF-8");
}

void read_manifest(std::string_view text, const std::string& where,
                   const std::function<void(const ManifestRow&)>& take) {
  std::string converted;
  const bool little_endian = text.starts_with("\xFF\xFE"),
             big_endian = text.starts_with("\xFE\xFF");
  if (little_endian || big_endian) {
    converted = from_utf16(text.substr(2), big_endian, where);
    text = converted;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.substr(0, 2).find('\0') != std::string_view::npos)
    refuse(where, 1, "found UTF-16 without a byte order mark, UTF-32 or no text, expected UTF-8",
           "save the list as UTF-8");
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
