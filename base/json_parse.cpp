// Reads JSON with nlohmann's parser. This file is the only includer of its header.
#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/json.h"
#include "base/text.h"

namespace swin::base {
namespace {

/// How far nlohmann's parser has read. Its events carry no position.
struct Progress {
  const char *begin, *end;
  const char* at;    // the next character to read
  const char* stop;  // where a token is too long
};

[[noreturn]] void refuse_character(const Progress& progress, const JsonLimits& limits);

/// Characters for the parser, which copies iterators.
class Characters {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Characters(const char* at, Progress* progress, const JsonLimits* limits)
      : at_(at), progress_(progress), limits_(limits) {}
  const char& operator*() const { return *at_; }
  Characters& operator++() {
    if (*at_ == '\0' || at_ == progress_->stop) refuse_character(*progress_, *limits_);
    progress_->at = ++at_;
    return *this;
  }
  bool operator==(const Characters& other) const { return at_ == other.at_; }
  bool operator!=(const Characters& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Progress* progress_;
  const JsonLimits* limits_;
};

/// nlohmann takes byte 0 for the end of a text.
void refuse_character(const Progress& progress, const JsonLimits& limits) {
  const std::string_view text(progress.begin, progress.end);
  const auto offset = static_cast<size_t>(progress.at - progress.begin);
  const Json::Position position = position_of(text, offset);
  if (text[offset] == '\0') throw JsonSyntaxError{position, "found byte 0x00, expected text"};
  throw JsonSyntaxError{position, "found a string, number or space of more than " +
                                      std::to_string(limits.max_token_bytes) +
                                      " bytes, expected shorter ones"};
}

/// Hands nlohmann's events to a visitor, with the place of each token, and refuses what nlohmann
/// accepts: unlimited depth, and integers that would turn into reals because they do not fit 64
/// bits.
class Events {
  using Base = nlohmann::json;

 public:
  Events(std::string_view text, JsonVisitor& visitor, const JsonLimits& limits)
      : text_(text), visitor_(visitor), limits_(limits) {
    visitor_.begin = visitor_.end = text_.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0;
    progress_ = {text.data(), text.data() + text.size(), text.data(), nullptr};
    extend();
  }
  void run() {
    Base::sax_parse(Characters(text_.data(), &progress_, &limits_),
                    Characters(text_.data() + text_.size(), &progress_, &limits_), this,
                    Base::input_format_t::json, true, limits_.comments);
  }

  // What nlohmann calls.
  bool null() {
    next();
    visitor_.null();
    return true;
  }
  bool boolean(bool value) {
    next();
    visitor_.boolean(value);
    return true;
  }
  bool number_integer(Base::number_integer_t value) { return integer(value); }
  bool number_unsigned(Base::number_unsigned_t value) {
    if (value > static_cast<Base::number_unsigned_t>(std::numeric_limits<int64_t>::max()))
      refuse_integer(std::to_string(value));
    return integer(static_cast<int64_t>(value));
  }
  bool number_float(Base::number_float_t value, const std::string& text) {
    if (text.find_first_of(".eE") == text.npos) refuse_integer(text);
    next_number();
    visitor_.real(value);
    return true;
  }
  bool string(std::string& value) {
    next();
    visitor_.string(value);
    return true;
  }
  bool binary(Base::binary_t&) { return false; }
  bool key(std::string& name) {
    next();
    visitor_.key(name);
    return true;
  }
  bool start_object(std::size_t) { return open(true); }
  bool start_array(std::size_t) { return open(false); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t byte, const std::string& token, const Base::exception& error) {
    if (error.id == 406)  // number overflow; the token is the number, and has been read
      throw JsonSyntaxError{
          position_of(text_, next_begin()),
          "found number " + printable(token) + ", expected one that fits a 64-bit real"};
    refuse_text(byte > 0 ? byte - 1 : 0, error.what());
  }

 private:
  /// The first byte after the last token that is no white space, comment, comma or colon.
  size_t next_begin() const {
    size_t at = visitor_.end;
    while (at < text_.size()) {
      const char c = text_[at];
      if (c == '/') {
        const bool block = at + 1 < text_.size() && text_[at + 1] == '*';
        const size_t end = block ? text_.find("*/", at + 2) : text_.find_first_of("\r\n", at + 2);
        at = std::min(std::min(end, text_.size()) + (block ? 2 : 0), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':') {
        ++at;
      } else {
        break;
      }
    }
    return at;
  }
  void extend() {
    const auto left = static_cast<size_t>(progress_.end - progress_.at);
    progress_.stop = limits_.max_token_bytes < left ? progress_.at + limits_.max_token_bytes
                                                    : nullptr;  // never reached
  }
  void next() {
    visitor_.begin = next_begin();
    visitor_.end = static_cast<size_t>(progress_.at - progress_.begin);
    extend();
  }
  /// The parser knows the end of a number by the character behind it, if there is one.
  void next_number() {
    next();
    if (text_[visitor_.end - 1] < '0' || text_[visitor_.end - 1] > '9') --visitor_.end;
  }
  bool integer(int64_t value) {
    next_number();
    visitor_.integer(value);
    return true;
  }
  bool open(bool object) {
    next();
    if (depth_++ >= limits_.max_depth)
      throw JsonSyntaxError{
          position_of(text_, visitor_.begin),
          "found nesting deeper than " + std::to_string(limits_.max_depth) + " levels"};
    visitor_.open(object);
    return true;
  }
  bool close() {
    next();
    --depth_;
    visitor_.close();
    return true;
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
        : escape ? "found a backslash in a string, expected it before one of \" \\ / b f n r t "
                   "or u and four hexadecimal digits; write the backslash itself as \\\\"
                 : "found a string that is not valid, expected UTF-8 with escapes as in JSON";
    throw JsonSyntaxError{position_of(text_, offset), words};
  }
  [[noreturn]] void refuse_integer(const std::string& text) {
    throw JsonSyntaxError{position_of(text_, next_begin()),
                          "found integer " + printable(text) + ", expected one that fits 64 bits"};
  }

  std::string_view text_;
  JsonVisitor& visitor_;
  const JsonLimits& limits_;
  Progress progress_ = {};
  int depth_ = 0;
};

/// Builds a Json, and refuses duplicate keys.
class Builder final : public JsonVisitor {
 public:
  Builder(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  void null() override { value(Json()); }
  void boolean(bool v) override { value(Json(v)); }
  void integer(int64_t v) override { value(Json(v)); }
  void real(double v) override { value(Json(v)); }
  void string(std::string& v) override { value(Json(std::move(v))); }
  void open(bool object) override {
    open_.push_back({object ? Json::object() : Json::array(), {}, {}});
    mark(open_.back().json);
  }
  void close() override {
    Json done = std::move(open_.back().json);
    open_.pop_back();
    place(std::move(done));
  }
  void key(std::string& name) override {
    Open& object = open_.back();
    if (!object.names.insert(name).second) {
      std::string first;
      if (const Json* before = object.json.find(name))
        first = " (first in line " + std::to_string(before->position.line) + ")";
      throw JsonSyntaxError{position(), "found \"" + path_of(name) + "\" a second time" + first +
                                            ", expected each name once"};
    }
    object.key = std::move(name);
  }

  Json finish() { return std::move(root_); }

 private:
  struct Open {
    Json json;
    std::string key;
    std::unordered_set<std::string> names;
  };

  /// Of the token, counted on from the last one.
  Json::Position position() {
    if (counted_ == 0 && text_.substr(0, 3) == "\xEF\xBB\xBF") counted_ = line_start_ = 3;
    for (; counted_ < begin; ++counted_)
      if (text_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    return {line_, static_cast<int>(begin - line_start_) + 1};
  }
  void mark(Json& json) {
    json.position = position();
    json.source = source_;
  }
  std::string path_of(const std::string& name) const {
    std::string path;
    for (size_t i = 0; i + 1 < open_.size(); ++i)
      if (open_[i].json.is_object()) path += open_[i].key + ".";
    return path + name;
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
  void value(Json json) {
    mark(json);
    place(std::move(json));
  }

  std::string_view text_;
  const std::string& source_;
  size_t counted_ = 0, line_start_ = 0;
  int line_ = 1;
  std::vector<Open> open_;
  Json root_;
};

}  // namespace

Json::Position position_of(std::string_view text, size_t offset) {
  Json::Position position{1, 1};
  for (size_t i = 0; i < std::min(offset, text.size()); ++i) {
    ++position.column;
    if (text[i] == '\n') position = {position.line + 1, 1};
  }
  return position;
}

void visit_json(std::string_view text, JsonVisitor& visitor, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    throw JsonSyntaxError{{1, 1},
                          "found " + std::to_string(text.size()) + " bytes, expected at most " +
                              std::to_string(limits.max_bytes)};
  Events(text, visitor, limits).run();
}

Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits) {
  Builder builder(text, source);
  visit_json(text, builder, limits);
  return builder.finish();
}

}  // namespace swin::base
