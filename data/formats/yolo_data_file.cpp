#include "data/formats/yolo_data_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

constexpr int64_t kMostValues = 100'000, kMostDeep = 32, kMostClasses = 1 << 24;

struct Value {
  enum class Kind { null, text, list, map };
  Kind kind = Kind::null;
  std::string text = {};
  std::vector<Value> items = {};  // of a map, keys and values by turns
  int64_t line = 0;
  int64_t count = 1;  // of values in it, with itself
};

// Builds the values of a document from the parser's events. Those of yaml-cpp's own Node have no
// bound, and aliases make rings of them.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const std::string& file) : file_(file) {}

  Value take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({Value::Kind::null, {}, {}, line(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto named = anchors_.find(anchor);
    if (named == anchors_.end())
      refuse(line(mark), "an alias of a value that it lies in", "one of an earlier value");
    Value copy = named->second;
    copy.line = line(mark);
    count(copy.line, copy.count);
    put(std::move(copy));
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    add({Value::Kind::text, value, {}, line(mark)}, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, Value::Kind::list, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, Value::Kind::map, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  static int64_t line(const YAML::Mark& mark) { return mark.line + 1; }

  [[noreturn]] void refuse(int64_t line, const std::string& found,
                           const std::string& expected) const {
    throw base::DataError(file_ + ":" + std::to_string(line),
                          "found " + found + ", expected " + expected, "correct the file");
  }
  void count(int64_t line, int64_t values) {
    values_ += values;
    if (values_ > kMostValues)
      refuse(line, "more than " + std::to_string(kMostValues) + " values, aliases counted",
             "fewer");
  }

  void add(Value value, YAML::anchor_t anchor) {
    count(value.line, 1);
    remember(anchor, value);
    put(std::move(value));
  }
  void open(const YAML::Mark& mark, Value::Kind kind, YAML::anchor_t anchor) {
    count(line(mark), 1);
    if (std::ssize(open_) >= kMostDeep)
      refuse(line(mark),
             "lists and maps in each other, more than " + std::to_string(kMostDeep) + " deep",
             "fewer");
    open_.push_back({{kind, {}, {}, line(mark)}, anchor});
  }
  void close() {
    auto [value, anchor] = std::move(open_.back());
    open_.pop_back();
    for (const Value& item : value.items) value.count += item.count;
    remember(anchor, value);
    put(std::move(value));
  }
  // What anchors name is kept, and counted, a second time.
  void remember(YAML::anchor_t anchor, const Value& value) {
    if (anchor == YAML::NullAnchor) return;
    count(value.line, value.count);
    anchors_[anchor] = value;
  }
  void put(Value value) {
    if (open_.empty())
      root_ = std::move(value);
    else
      open_.back().first.items.push_back(std::move(value));
  }

  const std::string& file_;
  int64_t values_ = 0;
  Value root_;
  std::vector<std::pair<Value, YAML::anchor_t>> open_;
  std::unordered_map<YAML::anchor_t, Value> anchors_;
};

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  YoloDataFile read(const Value& root) const {
    if (root.kind != Value::Kind::map) refuse(root, "no keys", "a map with train, val and names");
    check_keys(root);
    YoloDataFile data;
    if (const Value* path = find(root, "path"); path && path->kind != Value::Kind::null)
      data.path = text(*path, "a folder");
    constexpr const char* kKeys[3][3] = {
        {"train", "", ""}, {"val", "validation", "valid"}, {"test", "", ""}};
    for (size_t part = 0; part < 3; ++part)
      for (const char* key : kKeys[part])
        if (const Value* value = *key == 0 || !data.parts[part].empty() ? nullptr : find(root, key))
          data.parts[part] = paths(*value);
    if (const Value* points = find(root, "kpt_shape"))
      refuse(*points, "kpt_shape: rows with key points", "rows of boxes or polygons");
    if (const Value* classes = find(root, "nc"); classes && classes->kind != Value::Kind::null)
      data.num_classes = number(*classes, 1, "a number of classes from 1 on");
    read_names(root, data);
    return data;
  }

 private:
  [[noreturn]] void refuse(const Value& at, const std::string& found,
                           const std::string& expected) const {
    throw base::DataError(file_ + ":" + std::to_string(at.line),
                          "found " + found + ", expected " + expected, "correct the file");
  }

  static std::string shown(const Value& value) {
    switch (value.kind) {
      case Value::Kind::null:
        return "nothing";
      case Value::Kind::text:
        return "\"" + base::printable(value.text) + "\"";
      case Value::Kind::list:
        return "a list";
      case Value::Kind::map:
        break;
    }
    return "a map";
  }

  // The value of a key; of one that is absent, that of a map which << names.
  static const Value* find(const Value& map, std::string_view key) {
    const Value* merged = nullptr;
    for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
      if (map.items[i].text == key) return &map.items[i + 1];
      if (map.items[i].text == "<<") merged = &map.items[i + 1];
    }
    if (!merged) return nullptr;
    if (merged->kind == Value::Kind::map) return find(*merged, key);
    for (const Value& one : merged->items)
      if (one.kind == Value::Kind::map)
        if (const Value* value = find(one, key)) return value;
    return nullptr;
  }

  void check_keys(const Value& map) const {
    std::vector<const Value*> keys;
    for (size_t i = 0; i < map.items.size(); i += 2) keys.push_back(&map.items[i]);
    std::stable_sort(keys.begin(), keys.end(),
                     [](const Value* a, const Value* b) { return a->text < b->text; });
    for (size_t i = 1; i < keys.size(); ++i)
      if (keys[i]->text == keys[i - 1]->text)
        refuse(*keys[i], "the key " + shown(*keys[i]) + " again", "every key once");
  }

  std::string text(const Value& value, const std::string& expected) const {
    if (value.kind != Value::Kind::text || value.text.empty() ||
        value.text.find('\0') != std::string::npos)
      refuse(value, shown(value), expected);
    return value.text;
  }

  int64_t number(const Value& value, int64_t least, const std::string& expected) const {
    int64_t result = 0;
    const char* end = value.text.data() + value.text.size();
    const auto [at, error] = std::from_chars(value.text.data(), end, result);
    if (value.kind != Value::Kind::text || error != std::errc() || at != end || result < least ||
        result > kMostClasses)
      refuse(value, shown(value), expected);
    return result;
  }

  std::vector<std::string> paths(const Value& value) const {
    constexpr char kExpected[] = "a folder, a list of images (.txt), or a list of these";
    if (value.kind == Value::Kind::null) return {};
    if (value.kind == Value::Kind::text && value.text.empty()) return {};
    if (value.kind != Value::Kind::list) return {text(value, kExpected)};
    std::vector<std::string> all;
    for (const Value& item : value.items) all.push_back(text(item, kExpected));
    return all;
  }

  void read_names(const Value& root, YoloDataFile& data) const {
    const Value* names = find(root, "names");
    if (!names || names->kind == Value::Kind::null) return;
    if (names->kind == Value::Kind::text)
      refuse(*names, shown(*names), "names, as a list or a map");
    const size_t step = names->kind == Value::Kind::map ? 2 : 1;
    const size_t count = names->items.size() / step;
    if (count == 0) refuse(*names, "no names", "at least one");
    data.names.resize(count);
    for (size_t i = 0; i < count; ++i) {
      size_t place = i;
      if (step == 2) {
        const std::string expected = "the numbers 0 … " + std::to_string(count - 1) + ", each once";
        const Value& key = names->items[2 * i];
        place = static_cast<size_t>(number(key, 0, expected));
        if (place >= count || !data.names[place].empty()) refuse(key, shown(key), expected);
      }
      const Value& name = names->items[step * i + step - 1];
      if (name.kind != Value::Kind::text || !files::is_name(name.text))
        refuse(name, shown(name), std::string("a name, ") + files::kNameExpected);
      data.names[place] = base::composed(name.text);
    }
    std::vector<std::string> sorted = data.names;
    std::sort(sorted.begin(), sorted.end());
    const auto again = std::adjacent_find(sorted.begin(), sorted.end());
    if (again != sorted.end())
      refuse(*names, "the name " + base::printable(*again) + " again", "every name once");
    const auto classes = static_cast<int64_t>(count);
    if (data.num_classes != 0 && data.num_classes != classes)
      refuse(*names, std::to_string(classes) + " names and nc: " + std::to_string(data.num_classes),
             "as many names as classes");
    data.num_classes = classes;
  }

  const std::string& file_;
};

}  // namespace

YoloDataFile read_yolo_data_file(std::string_view text, const std::string& file) {
  if (std::ssize(text) > kMaxYamlBytes)
    throw base::DataError(file,
                          "found " + std::to_string(text.size()) + " bytes, expected at most " +
                              std::to_string(kMaxYamlBytes) + " of a data.yaml",
                          "check that it is the file that is meant");
  std::istringstream stream{std::string(text)};
  Builder builder(file);
  try {
    YAML::Parser(stream).HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    throw base::DataError(
        file + (error.mark.is_null() ? "" : ":" + std::to_string(error.mark.line + 1)),
        "found no YAML (" + base::printable(error.msg) +
            "), expected the names and paths of a YOLO set",
        "correct the file");
  }
  return Reader(file).read(builder.take());
}

}  // namespace swin::data
