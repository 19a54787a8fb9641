#include "base/json.h"

#include <charconv>
#include <cmath>

#include "base/errors.h"
#include "base/text.h"
#include "base/utf8.h"

namespace swin::base {

namespace {
constexpr const char* kTypeNames[] = {"null",   "boolean", "integer", "number",
                                      "string", "array",   "object"};
}  // namespace

const char* Json::type_name() const { return kTypeNames[value_.index()]; }

template <class T>
const T& Json::get() const {
  if (const T* value = std::get_if<T>(&value_)) return *value;
  const size_t expected = decltype(value_)(T()).index();
  throw InternalError("json",
                      std::string("found ") + type_name() + ", expected " + kTypeNames[expected]);
}

bool Json::as_bool() const { return get<bool>(); }
int64_t Json::as_int() const { return get<int64_t>(); }
double Json::as_real() const {
  return is_integer() ? static_cast<double>(as_int()) : get<double>();
}
const std::string& Json::as_string() const { return get<std::string>(); }
const std::vector<Json>& Json::items() const { return get<std::vector<Json>>(); }
std::vector<Json>& Json::items() {
  return const_cast<std::vector<Json>&>(std::as_const(*this).items());
}
const std::vector<Json::Member>& Json::members() const { return get<std::vector<Member>>(); }
std::vector<Json::Member>& Json::members() {
  return const_cast<std::vector<Member>&>(std::as_const(*this).members());
}

size_t Json::size() const {
  return is_object() ? members().size() : is_array() ? items().size() : 0;
}
const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : members())
    if (member.first == key) return &member.second;
  return nullptr;
}
Json* Json::find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).find(key)); }
const Json& Json::at(std::string_view key) const {
  const Json* value = find(key);
  if (!value) throw InternalError("json", "found no member \"" + std::string(key) + "\"");
  return *value;
}
Json& Json::operator[](std::string_view key) {
  if (is_null()) value_.emplace<std::vector<Member>>();
  if (Json* value = find(key)) return *value;
  return members().emplace_back(std::string(key), Json()).second;
}
void Json::push_back(Json value) {
  if (is_null()) value_.emplace<std::vector<Json>>();
  items().push_back(std::move(value));
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number() && type() != other.type())
    return as_real() == other.as_real();
  if (!is_object() || !other.is_object()) return value_ == other.value_;
  if (size() != other.size()) return false;
  for (const Member& member : members()) {  // in any order
    const Json* value = other.find(member.first);
    if (!value || !(member.second == *value)) return false;
  }
  return true;
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
      out += "\\u00" + hex(static_cast<uint8_t>(c));
    } else if (const size_t valid = utf8_length(text)) {
      length = valid;
      out += text.substr(0, length);
    } else {
      out += "\xEF\xBF\xBD";  // a path may hold any bytes
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
  const char* separator = "";
  if (json.is_null()) {
    out += "null";
  } else if (json.is_boolean()) {
    out += json.as_bool() ? "true" : "false";
  } else if (json.is_integer()) {
    out += std::to_string(json.as_int());
  } else if (json.is_number()) {
    write_real(json.as_real(), out);
  } else if (json.is_string()) {
    write_string(json.as_string(), out);
  } else if (json.is_array()) {
    const bool one_line = indent < 0 || short_list(json);
    out += '[';
    for (const Json& item : json.items()) {
      out += separator;
      separator = one_line && indent >= 0 ? ", " : ",";
      if (!one_line) new_line(level + 1);
      write(item, indent, level + 1, out);
    }
    if (!one_line) new_line(level);
    out += ']';
  } else {
    out += '{';
    for (const auto& [key, value] : json.members()) {
      out += separator;
      separator = ",";
      new_line(level + 1);
      write_string(key, out);
      out += indent < 0 ? ":" : ": ";
      write(value, indent, level + 1, out);
    }
    if (json.size() > 0) new_line(level);
    out += '}';
  }
}

}  // namespace

std::string to_text(const Json& json, int indent) {
  std::string out;
  write(json, indent, 0, out);
  return out;
}

}  // namespace swin::base
