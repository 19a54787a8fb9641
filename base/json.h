// Strict JSON. Every value knows its position in its file. Only json_parse.cpp includes nlohmann's
// header.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace swin::base {

/// A JSON value. Objects keep the order of their members; integers and reals are distinct types.
class Json {
 public:
  enum class Type { null, boolean, integer, real, string, array, object };
  struct Position {
    int line = 0, column = 0;  ///< counted from 1; 0: not from a file
  };
  using Member = std::pair<std::string, Json>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(int64_t{value}) {}
  Json(int64_t value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  static Json array() { return of<std::vector<Json>>(); }
  static Json object() { return of<std::vector<Member>>(); }
  template <class T>
  static Json array_of(const std::vector<T>& values) {
    Json list = array();
    for (const T& value : values) list.push_back(Json(value));
    return list;
  }

  Type type() const { return static_cast<Type>(value_.index()); }
  /// "null", "boolean", "integer", "number", "string", "array" or "object".
  const char* type_name() const;
  bool is_null() const { return type() == Type::null; }
  bool is_boolean() const { return type() == Type::boolean; }
  bool is_integer() const { return type() == Type::integer; }
  bool is_number() const { return is_integer() || type() == Type::real; }
  bool is_string() const { return type() == Type::string; }
  bool is_array() const { return type() == Type::array; }
  bool is_object() const { return type() == Type::object; }

  // Each throws InternalError if the value is of another type: code that reads users' files checks
  // the type first.
  bool as_bool() const;
  int64_t as_int() const;
  double as_real() const;  ///< accepts an integer, too
  const std::string& as_string() const;
  const std::vector<Json>& items() const;
  std::vector<Json>& items();
  const std::vector<Member>& members() const;
  std::vector<Member>& members();

  size_t size() const;                           ///< of an array or object, else 0
  const Json* find(std::string_view key) const;  ///< null if absent or not an object
  Json* find(std::string_view key);
  const Json& at(std::string_view key) const;  ///< throws InternalError if absent
  Json& operator[](std::string_view key);      ///< adds the member (null) if absent
  void push_back(Json value);

  /// Where the value was read. `source` is the file or "--set"; empty for values made in memory.
  Position position;
  std::string source;

  bool operator==(const Json& other) const;  ///< ignores positions and sources

 private:
  template <class T>
  static Json of() {
    Json json;
    json.value_.emplace<T>();
    return json;
  }
  template <class T>
  const T& get() const;

  // In the order of Type.
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, std::vector<Json>,
               std::vector<Member>>
      value_;
};

/// Thrown by parse_json. `what` is "found …, expected …", without the file.
struct JsonSyntaxError {
  Json::Position position;
  std::string what;
};

struct JsonLimits {
  bool comments = false;  ///< accept // and /* */
  size_t max_bytes = 16u << 20;
  int max_depth = 64;
  size_t max_token_bytes = 64u << 20;  ///< of a name, string or number, with the space before it
};

/// Parses one document.
/// @param source stored in every value
/// @throws JsonSyntaxError also for duplicate keys, bytes after the document, text beyond the
///     limits, bad UTF-8 and numbers that overflow.
Json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits = {});

/// Gets the tokens of a document, one after the other. Names may repeat in an object.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(int64_t value) = 0;
  virtual void real(double value) = 0;
  virtual void string(std::string& value) = 0;  ///< may be moved from
  virtual void key(std::string& name) = 0;      ///< of a member; its value follows
  virtual void open(bool object) = 0;           ///< an object or array
  virtual void close() = 0;

  size_t begin = 0, end = 0;  ///< of the token, in bytes of the text
};

/// Reads a document of any length in the memory of its longest token.
/// @throws JsonSyntaxError as parse_json, except for duplicate keys; what the visitor throws.
void visit_json(std::string_view text, JsonVisitor& visitor, const JsonLimits& limits = {});

/// Where a byte of a text is.
Json::Position position_of(std::string_view text, size_t offset);

/// The text of a value. Reading a real back gives the same bits; a real that is not finite is
/// written as null.
/// @param indent −1: all on one line; else spaces per level, with short lists on one line
std::string to_text(const Json& json, int indent = -1);

}  // namespace swin::base
