#include "base/json.h"

#include <charconv>
#include <cmath>

#include "base/errors.h"
#include "base/utf8.h"

namespace swin::base {

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
    case Type::object: {  // in any order
      if (members_.size() != other.members_.size()) return false;
      for (const Member& member : members_) {
        const Json* value = other.find(member.first);
        if (!value || !(member.second == *value)) return false;
      }
      return true;
    }
    default:
      return true;
  }
}

// ---- Writing ----

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
