#include "base/json.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/errors.h"

namespace swin::base {

// ---- The value
// -----------------------------------------------------------------------------------

const char* Json::type_name() const {
  switch (type_) {
    case Type::null:
      return "null";
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::real:
      return "number";
    case Type::string:
      return "string";
    case Type::array:
      return "array";
    case Type::object:
      return "object";
  }
  return "value";
}

namespace {
[[noreturn]] void wrong_type(const Json& json, const char* expected) {
  throw InternalError("json", std::string("found ") + json.type_name() + ", expected " + expected);
}
}  // namespace

bool Json::as_bool() const {
  if (type_ != Type::boolean) wrong_type(*this, "boolean");
  return boolean_;
}
int64_t Json::as_int() const {
  if (type_ != Type::integer) wrong_type(*this, "integer");
  return integer_;
}
double Json::as_real() const {
  if (type_ == Type::integer) return static_cast<double>(integer_);
  if (type_ != Type::real) wrong_type(*this, "number");
  return real_;
}
const std::string& Json::as_string() const {
  if (type_ != Type::string) wrong_type(*this, "string");
  return string_;
}
const std::vector<Json>& Json::items() const {
  if (type_ != Type::array) wrong_type(*this, "array");
  return items_;
}
std::vector<Json>& Json::items() {
  if (type_ != Type::array) wrong_type(*this, "array");
  return items_;
}
const std::vector<Json::Member>& Json::members() const {
  if (type_ != Type::object) wrong_type(*this, "object");
  return members_;
}
std::vector<Json::Member>& Json::members() {
  if (type_ != Type::object) wrong_type(*this, "object");
  return members_;
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members_)
    if (member.first == key) return &member.second;
  return nullptr;
}
Json* Json::find(std::string_view key) {
  return const_cast<Json*>(static_cast<const Json*>(this)->find(key));
}
const Json& Json::at(std::string_view key) const {
  const Json* value = find(key);
  if (!value) throw InternalError("json", "found no member \"" + std::string(key) + "\"");
  return *value;
}
Json& Json::operator[](std::string_view key) {
  if (type_ == Type::null) type_ = Type::object;
  if (type_ != Type::object) wrong_type(*this, "object");
  if (Json* value = find(key)) return *value;
  members_.emplace_back(std::string(key), Json());
  return members_.back().second;
}
void Json::push_back(Json value) {
  if (type_ == Type::null) type_ = Type::array;
  if (type_ != Type::array) wrong_type(*this, "array");
  items_.push_back(std::move(value));
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number()) {
    if (type_ == other.type_)
      return is_integer() ? integer_ == other.integer_ : real_ == other.real_;
    return as_real() == other.as_real();
  }
  if (type_ != other.type_) return false;
  switch (type_) {
    case Type::boolean:
      return boolean_ == other.boolean_;
    case Type::string:
      return string_ == other.string_;
    case Type::array:
      return items_ == other.items_;
    case Type::object: {  // the order of members does not count
      if (members_.size() != other.members_.size()) return false;
      for (const Member& member : members_) {
        const Json* twin = other.find(member.first);
        if (!twin || !(member.second == *twin)) return false;
      }
      return true;
    }
    default:
      return true;
  }
}

// ---- Reading
// -------------------------------------------------------------------------------------

namespace {

/// Follows the parser through the text. nlohmann's events carry no positions, but every event is
/// one token of a text that has been accepted up to there, so the token is found by skipping what
/// lies between tokens.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") offset_ = line_start_ = 3;
  }

  /// To the first byte of the next token (or the end).
  void skip_between() {
    while (offset_ < text_.size()) {
      const char c = text_[offset_];
      if (c == '/') {
        const bool block = offset_ + 1 < text_.size() && text_[offset_ + 1] == '*';
        step(2);
        while (offset_ < text_.size()) {
          if (block && text_.substr(offset_, 2) == "*/") {
            step(2);
            break;
          }
          const bool line_ends = text_[offset_] == '\n' || text_[offset_] == '\r';
          if (!block && line_ends) break;
          step(1);
        }
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':') {
        step(1);
      } else {
        return;
      }
    }
  }
  Json::Position position() const { return {line_, static_cast<int>(offset_ - line_start_) + 1}; }
  bool at_end() const { return offset_ >= text_.size(); }
  unsigned char here() const { return static_cast<unsigned char>(text_[offset_]); }

  void skip_token() {
    if (at_end()) return;
    const char first = text_[offset_];
    if (first == '"') {
      step(1);
      while (offset_ < text_.size() && text_[offset_] != '"') step(text_[offset_] == '\\' ? 2 : 1);
      step(1);
    } else if (std::string_view("[]{}").find(first) != std::string_view::npos) {
      step(1);
    } else {  // number, true, false, null
      while (offset_ < text_.size() && (std::isalnum(here()) || text_[offset_] == '+' ||
                                        text_[offset_] == '-' || text_[offset_] == '.'))
        step(1);
    }
  }

 private:
  void step(size_t bytes) {
    for (; bytes > 0 && offset_ < text_.size(); --bytes, ++offset_) {
      if (text_[offset_] == '\n') {
        ++line_;
        line_start_ = offset_ + 1;
      }
    }
  }
  std::string_view text_;
  size_t offset_ = 0, line_start_ = 0;
  int line_ = 1;
};

Json::Position position_of(std::string_view text, size_t offset) {
  Json::Position position{1, 1};
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    ++position.column;
    if (text[i] == '\n') position = {position.line + 1, 1};
  }
  return position;
}

using Sax = nlohmann::json_sax<nlohmann::json>;

/// Builds a Json from nlohmann's events and refuses what nlohmann lets pass: duplicate keys, any
/// depth, integers that turn into reals because they do not fit.
class Builder final : public Sax {
 public:
  Builder(std::string_view text, const std::string& source, const JsonLimits& limits)
      : text_(text), source_(source), limits_(limits), cursor_(text) {}

  bool null() override { return value(Json()); }
  bool boolean(bool v) override { return value(Json(v)); }
  bool number_integer(number_integer_t v) override { return value(Json(static_cast<int64_t>(v))); }
  bool number_unsigned(number_unsigned_t v) override {
    if (v > static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max()))
      refuse_integer(std::to_string(v));
    return value(Json(static_cast<int64_t>(v)));
  }
  bool number_float(number_float_t v, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) refuse_integer(text);
    return value(Json(v));
  }
  bool string(string_t& v) override { return value(Json(std::string(std::move(v)))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    cursor_.skip_between();
    Open& object = open_.back();
    if (!object.names.insert(name).second) {
      std::string first;
      if (const Json* before = object.json.find(name))
        first = " (first in line " + std::to_string(before->position.line) + ")";
      throw JsonSyntaxError{cursor_.position(), "found \"" + path_of(name) + "\" a second time" +
                                                    first + ", expected each name once"};
    }
    cursor_.skip_token();
    object.key = std::move(name);
    return true;
  }

  bool parse_error(std::size_t byte, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    Json::Position position = position_of(text_, byte > 0 ? byte - 1 : 0);
    std::string message = error.what();
    if (error.id == 406)  // number overflow; the token is the number, and has been read
      throw JsonSyntaxError{next_position(),
                            "found number " + token + ", expected one that fits a 64-bit real"};
    // "[json…] parse error at line 1, column 5: syntax error while parsing value - invalid literal;
    // last read: 'tru'; expected ']'": what counts is between.
    const size_t dash = message.find(" - ");
    if (dash != std::string::npos) message = message.substr(dash + 3);
    const size_t last = message.find("; last read: '");
    if (last != std::string::npos) {
      const size_t end = message.rfind('\'', message.rfind("; expected"));
      message = message.substr(0, last) +
                (end != std::string::npos && end > last + 14 ? message.substr(end + 1) : "");
    }
    const size_t expected = message.find("; expected");
    if (expected != std::string::npos) message.replace(expected, 1, ",");
    if (expected == std::string::npos) message += ", expected valid JSON";
    throw JsonSyntaxError{position, "found " + message};
  }

  Json finish() {
    cursor_.skip_between();
    if (!cursor_.at_end())  // nlohmann takes a zero byte for the end
      throw JsonSyntaxError{cursor_.position(),
                            "found more bytes, expected the end of the document"};
    return std::move(root_);
  }

 private:
  struct Open {
    Json json;
    std::string key;
    std::unordered_set<std::string> names;
  };

  Json::Position next_position() {
    cursor_.skip_between();
    return cursor_.position();
  }
  [[noreturn]] void refuse_integer(const std::string& text) {
    throw JsonSyntaxError{next_position(),
                          "found integer " + text + ", expected one that fits 64 bits"};
  }
  std::string path_of(const std::string& name) const {
    std::string path;
    for (size_t i = 0; i + 1 < open_.size(); ++i)
      if (open_[i].json.is_object()) path += open_[i].key + ".";
    return path + name;
  }
  void mark(Json& json) {
    json.position = next_position();
    json.source = source_;
    cursor_.skip_token();
  }
  void place(Json json) {
    if (open_.empty()) {
      root_ = std::move(json);
    } else if (open_.back().json.is_object()) {
      open_.back().json.members().emplace_back(std::move(open_.back().key), std::move(json));
    } else {
      open_.back().json.push_back(std::move(json));
    }
  }
  bool value(Json json) {
    mark(json);
    place(std::move(json));
    return true;
  }
  bool open(Json json) {
    mark(json);
    if (static_cast<int>(open_.size()) >= limits_.max_depth)
      throw JsonSyntaxError{json.position, "found nesting deeper than " +
                                               std::to_string(limits_.max_depth) + " levels"};
    open_.push_back({std::move(json), {}, {}});
    return true;
  }
  bool close() {
    cursor_.skip_between();
    cursor_.skip_token();
    Json done = std::move(open_.back().json);
    open_.pop_back();
    place(std::move(done));
    return true;
  }

  std::string_view text_;
  const std::string& source_;
  const JsonLimits& limits_;
  Cursor cursor_;
  std::vector<Open> open_;
  Json root_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    throw JsonSyntaxError{{1, 1},
                          "found " + std::to_string(text.size()) + " bytes, expected at most " +
                              std::to_string(limits.max_bytes)};
  Builder builder(text, source, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), static_cast<Sax*>(&builder),
                            nlohmann::json::input_format_t::json, true, limits.comments);
  return builder.finish();
}

// ---- Writing
// -------------------------------------------------------------------------------------

namespace {

void write_real(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  const double magnitude = std::abs(value);
  const bool plain = magnitude >= 1e-4 && magnitude < 1e15;  // 0.0005, not 5e-04
  const auto end =
      plain ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr
            : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// The length of the UTF-8 sequence at the front of text; 0 if it is not one.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if (byte(i) >> 6 != 2) return 0;
  if (length == 2 && lead < 0xC2) return 0;  // overlong
  if (length == 3 && ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)))
    return 0;
  if (length == 4 &&
      ((lead == 0xF0 && byte(1) < 0x90) || lead > 0xF4 || (lead == 0xF4 && byte(1) > 0x8F)))
    return 0;
  return length;
}

void write_string(std::string_view text, std::string& out) {
  static const char* hex = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const char c = text[0];
    size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += hex[(c >> 4) & 15];
      out += hex[c & 15];
    } else {
      length = utf8_length(text);
      out += length ? text.substr(0, length) : "\xEF\xBF\xBD";  // a path may hold any bytes
      if (length == 0) length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

bool short_list(const Json& json) {
  if (!json.is_array() || json.size() > 16) return false;
  for (const Json& item : json.items())
    if (item.is_array() || item.is_object() || (item.is_string() && json.size() > 8)) return false;
  return true;
}

void write(const Json& json, int indent, int level, std::string& out) {
  const auto new_line = [&](int at) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(indent * at), ' ');
  };
  switch (json.type()) {
    case Json::Type::null:
      out += "null";
      return;
    case Json::Type::boolean:
      out += json.as_bool() ? "true" : "false";
      return;
    case Json::Type::integer:
      out += std::to_string(json.as_int());
      return;
    case Json::Type::real:
      write_real(json.as_real(), out);
      return;
    case Json::Type::string:
      write_string(json.as_string(), out);
      return;
    case Json::Type::array: {
      const bool one_line = indent < 0 || short_list(json);
      out += '[';
      bool first = true;
      for (const Json& item : json.items()) {
        if (!first) out += one_line && indent >= 0 ? ", " : ",";
        first = false;
        if (!one_line) new_line(level + 1);
        write(item, indent, level + 1, out);
      }
      if (!one_line) new_line(level);
      out += ']';
      return;
    }
    case Json::Type::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, value] : json.members()) {
        if (!first) out += ',';
        first = false;
        new_line(level + 1);
        write_string(key, out);
        out += indent < 0 ? ":" : ": ";
        write(value, indent, level + 1, out);
      }
      if (!first) new_line(level);
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string to_text(const Json& json, int indent) {
  std::string out;
  write(json, indent, 0, out);
  return out;
}

}  // namespace swin::base
