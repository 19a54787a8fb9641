// Reads JSON with nlohmann's parser. This file is the only includer of its header.
#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/json.h"
#include "base/text.h"

namespace swin::base {
namespace {

/// Finds the position of each parser event. nlohmann's events carry none, but each event is exactly
/// one token: this cursor skips white space, comments, commas and colons to the next token in step with the events.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") offset_ = line_start_ = 3;
  }

  /// Moves to the first byte of the next token, or to the end.
  void skip_between() {
    while (offset_ < text_.size()) {
      const char c = text_[offset_];
      if (c == '/') {
        const bool block = offset_ + 1 < text_.size() && text_[offset_ + 1] == '*';
        const size_t end =
            block ? text_.find("*/", offset_ + 2) : text_.find_first_of("\r\n", offset_ + 2);
        step(std::min(end, text_.size()) - offset_ + (block ? 2 : 0));
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

/// Builds a Json from nlohmann's events and refuses what nlohmann accepts: duplicate keys,
/// unlimited depth, and integers that would turn into reals because they do not fit 64 bits.
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
    if (error.id == 406)  // number overflow; the token is the number, and has been read
      throw JsonSyntaxError{next_position(),
                            "found number " + token + ", expected one that fits a 64-bit real"};
    refuse_text(byte > 0 ? byte - 1 : 0, error.what());
  }

  Json finish() { return std::move(root_); }

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
  /// The parser says where a text stops being JSON. Only two of its words are looked at: its texts
  /// change between its versions.
  [[noreturn]] void refuse_text(size_t offset, std::string_view reason) {
    const auto says = [&](std::string_view words) { return reason.find(words) != reason.npos; };
    const auto is_word = [&](size_t i) {
      return i < text_.size() &&
             (std::isalnum(static_cast<unsigned char>(text_[i])) || text_[i] == '_');
    };
    if (says("invalid literal"))  // it was left at the first character that does not fit
      while (offset > 0 && is_word(offset - 1)) --offset;
    size_t end = offset;
    while (is_word(end)) ++end;
    const int byte = offset < text_.size() ? static_cast<unsigned char>(text_[offset]) : -1;
    if (says("invalid string")) refuse_string(offset, byte);
    std::string found = "the end of the document";
    if (byte == '"')
      found = "a string";
    else if (byte >= 0x80)
      found = "a character that is not ASCII";
    else if (offset < text_.size())
      found = '"' + printable(text_.substr(offset, std::max<size_t>(end - offset, 1))) + '"';
    const bool nothing = text_.find_first_not_of(" \t\r\n") == text_.npos;
    throw JsonSyntaxError{position_of(text_, offset),
                          "found " + found + ", expected " + (nothing ? "a value" : "valid JSON")};
  }
  /// @param byte at which the string stops being one; −1: the end of the document.
  [[noreturn]] void refuse_string(size_t offset, int byte) {
    const std::string_view before = text_.substr(0, offset);
    const bool escape = before.ends_with('\\') || before.substr(before.rfind('\\') + 1)[0] == 'u';
    const char* words =
        byte < 0       ? "found a string without its end, expected a closing \""
        : byte < 0x20  ? "found a control character in a string, expected an escape such as \\n"
        : byte >= 0x80 ? "found a string with bytes that are not UTF-8, expected UTF-8"
        : escape       ? "found a backslash in a string, expected it before one of \" \\ / b f n r t "
                   "or u and four hexadecimal digits; write the backslash itself as \\\\"
                 : "found a string that is not valid, expected UTF-8 with escapes as in JSON";
    throw JsonSyntaxError{position_of(text_, offset), words};
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
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos)
    throw JsonSyntaxError{position_of(text, zero),  // nlohmann takes it for the end
                          "found byte 0x00, expected text"};
  Builder builder(text, source, limits);
  nlohmann::json::sax_parse(text.begin(), text.end(), static_cast<Sax*>(&builder),
                            nlohmann::json::input_format_t::json, true, limits.comments);
  return builder.finish();
}

}  // namespace swin::base
