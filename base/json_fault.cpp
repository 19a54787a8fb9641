// The grammar of JSON, checked again after nlohmann's parser has refused a text: the wording of
// that parser's errors changes between versions, this one's does not.
#include "base/json_fault.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/utf8.h"

namespace swin::base {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBytePrefix = "byte 0x";
constexpr size_t kMaxWordBytes = 24;  // of a word quoted in an error

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.' ||
         c == '_';
}

/// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_number(std::string_view text) {
  size_t i = 0;
  const auto take = [&](std::string_view any_of) {
    const bool here = i < text.size() && any_of.find(text[i]) != std::string_view::npos;
    i += here;
    return here;
  };
  const auto digits = [&] {
    const size_t first = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > first;
  };
  take("-");
  if (!take("0") && !digits()) return false;
  if (take(".") && !digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!digits()) return false;
  }
  return i == text.size();
}

class Grammar {
 public:
  Grammar(std::string_view text, bool comments) : text_(text), comments_(comments) {
    if (text_.starts_with(kByteOrderMark)) offset_ = kByteOrderMark.size();
  }

  /// @throws JsonFault at the first fault
  void check() {
    std::string open;  // the closing brackets still to come, the innermost last
    skip_between();
    for (std::string expected = "a value";; expected = "a value") {
      if (at('{') || at('[')) {
        const char closing = at('{') ? '}' : ']';
        open += closing;
        ++offset_;
        skip_between();
        if (!at(closing)) {
          if (closing == '}') name("a name in quotes or '}'");
          continue;
        }
      } else {
        value(expected);
      }
      for (skip_between(); !open.empty() && at(open.back()); skip_between()) {
        open.pop_back();
        ++offset_;
      }
      if (open.empty()) break;
      take(',', std::string("',' or '") + open.back() + "'");
      if (open.back() == '}') name("a name in quotes");
    }
    if (offset_ < text_.size()) unexpected("the end of the document");
  }

 private:
  bool at(char c) const { return offset_ < text_.size() && text_[offset_] == c; }

  [[noreturn]] static void refuse(size_t offset, const std::string& what) {
    throw JsonFault{offset, what};
  }
  [[noreturn]] void unexpected(const std::string& expected) const {
    refuse(offset_, "found " + found() + ", expected " + expected);
  }

  /// What an error calls the text at the offset.
  std::string found() const {
    if (offset_ >= text_.size()) return "the end of the document";
    if (at('"')) return "a string";
    const std::string word(this->word().substr(0, kMaxWordBytes));
    if (!word.empty()) return '"' + word + (word.size() < this->word().size() ? "…\"" : "\"");
    return byte_text(offset_);
  }
  std::string byte_text(size_t offset) const {
    const auto byte = static_cast<unsigned char>(text_[offset]);
    if (byte > ' ' && byte < 0x7F) return {'\'', text_[offset], '\''};
    constexpr char kDigits[] = "0123456789abcdef";
    return std::string(kBytePrefix) + kDigits[byte >> 4] + kDigits[byte & 15];
  }
  std::string_view word() const {
    const std::string_view rest = text_.substr(offset_);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_word);
    return rest.substr(0, static_cast<size_t>(end - rest.begin()));
  }

  void skip_between() {
    for (; offset_ < text_.size(); ++offset_) {
      if (comments_ && text_.substr(offset_, 2) == "//") {
        offset_ = std::min(text_.find_first_of("\r\n", offset_), text_.size());
        if (offset_ == text_.size()) return;
      } else if (comments_ && text_.substr(offset_, 2) == "/*") {
        const size_t end = text_.find("*/", offset_ + 2);
        if (end == std::string_view::npos)
          refuse(offset_, "found a comment without an end, expected */");
        offset_ = end + 1;
      } else if (std::string_view(" \t\r\n").find(text_[offset_]) == std::string_view::npos) {
        return;
      }
    }
  }

  void take(char c, const std::string& expected) {
    if (!at(c)) unexpected(expected);
    ++offset_;
    skip_between();
  }

  void name(const std::string& expected) {
    if (!at('"')) unexpected(expected);
    string();
    skip_between();
    take(':', "':'");
  }

  /// A value that is neither an array nor an object.
  void value(const std::string& expected) {
    if (at('"')) return string();
    const std::string_view word = this->word();
    if (word != "true" && word != "false" && word != "null" && !is_number(word))
      unexpected(expected);
    offset_ += word.size();
  }

  void string() {
    const size_t start = offset_++;
    while (!at('"')) {
      if (offset_ >= text_.size()) refuse(start, "found a string without an end, expected '\"'");
      const char c = text_[offset_];
      if (c == '\n' || c == '\r')
        refuse(offset_, "found the end of the line in a string, expected '\"' or \\n");
      if (static_cast<unsigned char>(c) < ' ')
        refuse(offset_, "found " + byte_text(offset_) + " in a string, expected \\u00" +
                            byte_text(offset_).substr(kBytePrefix.size()));
      if (c == '\\') {
        escape();
        continue;
      }
      const size_t bytes = utf8_length(text_.substr(offset_));
      if (bytes == 0) refuse(offset_, "found " + byte_text(offset_) + ", expected UTF-8");
      offset_ += bytes;
    }
    ++offset_;
  }

  void escape() {
    if (text_.substr(offset_, 2) == "\\u") {
      const size_t start = offset_;
      const unsigned unit = hexadecimal();
      const bool leads = unit >= 0xD800 && unit < 0xDC00, trails = unit >= 0xDC00 && unit < 0xE000;
      if (trails || (leads && (hexadecimal() & 0xFC00) != 0xDC00))
        refuse(start, "found half of a surrogate pair, expected both as \\uD83D\\uDE00");
      return;
    }
    constexpr std::string_view kEscaped = "\"\\/bfnrt";
    if (offset_ + 1 < text_.size() && kEscaped.find(text_[offset_ + 1]) == std::string_view::npos)
      refuse(offset_, "found " + byte_text(offset_ + 1) +
                          " after a backslash, expected one of \" \\ / b f n r t u");
    offset_ = std::min(offset_ + 2, text_.size());
  }

  /// The value of one \uXXXX; 0 if there is none.
  unsigned hexadecimal() {
    const std::string_view digits = text_.substr(std::min(offset_ + 2, text_.size()), 4);
    if (text_.substr(offset_, 2) != "\\u") return 0;
    if (digits.size() < 4 || !std::all_of(digits.begin(), digits.end(), is_hex_digit))
      refuse(offset_, "found \\u without four digits, expected as in \\u00e9");
    offset_ += 6;
    unsigned unit = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    return unit;
  }

  std::string_view text_;
  bool comments_;
  size_t offset_ = 0;
};

}  // namespace

std::optional<JsonFault> find_json_fault(std::string_view text, bool comments) {
  try {
    Grammar(text, comments).check();
  } catch (const JsonFault& fault) {
    return fault;
  }
  return std::nullopt;
}

}  // namespace swin::base
