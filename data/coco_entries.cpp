#include "data/coco_entries.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/text.h"
#include "files/bytes.h"

namespace swin::data {
namespace {

constexpr const char* kLists[] = {"images", "annotations", "categories", "results"};
constexpr int kLast = static_cast<int>(CocoList::other);
// Resident pages of the file that are kept while it is read.
constexpr size_t kKeptBytes = 64u << 20;

enum class Field {
  id,
  image_id,
  category_id,
  width,
  height,
  area,
  score,
  iscrowd,
  ignore,
  file_name,
  name,
  bbox,
  segmentation,
  other
};

struct FieldRow {
  const char* name;
  Field field;
  std::array<bool, 4> in;  // of images, annotations, categories, results
};
constexpr FieldRow kFields[] = {
    {"id", Field::id, {true, true, true, false}},
    {"image_id", Field::image_id, {false, true, false, true}},
    {"category_id", Field::category_id, {false, true, false, true}},
    {"width", Field::width, {true, false, false, false}},
    {"height", Field::height, {true, false, false, false}},
    {"area", Field::area, {false, true, false, false}},
    {"score", Field::score, {false, false, false, true}},
    {"iscrowd", Field::iscrowd, {false, true, false, false}},
    {"ignore", Field::ignore, {false, true, false, false}},
    {"file_name", Field::file_name, {true, false, false, false}},
    {"name", Field::name, {false, false, true, false}},
    {"bbox", Field::bbox, {false, true, false, true}},
    {"segmentation", Field::segmentation, {false, true, false, true}},
};

/// One value that is no list and no object.
struct Scalar {
  const char* type;
  std::optional<int64_t> integer = {};  // also of a real without fraction
  std::optional<double> real = {};
  std::optional<bool> boolean = {};
  std::string* text = nullptr;
  std::string shown() const {
    if (text) return "the text \"" + base::printable(*text) + '"';
    if (boolean) return *boolean ? "true" : "false";
    if (integer) return std::to_string(*integer);
    return real ? base::to_text(*real) : type;
  }
};

class Reader final : public base::JsonVisitor {
 public:
  Reader(const files::MappedFile& file, bool results,
         const std::function<void(CocoList, CocoEntry&)>& take)
      : file_(file), take_(take), entry_depth_(results ? 2 : 3) {
    if (results) list_ = CocoList::results;
  }

  void run() {
    const std::string_view text = files::text_of(file_.bytes());
    try {
      base::visit_json(text, *this, {.max_bytes = std::numeric_limits<size_t>::max()});
    } catch (const base::JsonSyntaxError& error) {
      const std::string where = file_.path().string() + ":" + std::to_string(error.position.line) +
                                ":" + std::to_string(error.position.column);
      throw base::DataError(in_entry() ? where + ": " + place("") : where, error.what);
    } catch (const base::DataError& error) {
      throw base::DataError(place(file_.path().string()), error.what());
    }
    if (list_ == CocoList::results) return;
    for (const int list : {0, 2})
      if (!seen_lists_[static_cast<size_t>(list)])
        throw base::DataError(file_.path().string(),
                              std::string("found no list \"") + kLists[list] + "\", expected one",
                              "COCO files have images, annotations and categories");
  }

  void null() override {
    if (in_segmentation()) return segmentation_.null();
    scalar({.type = "null"});
  }
  void boolean(bool value) override {
    if (in_segmentation()) return segmentation_.boolean(value);
    scalar({.type = "a boolean", .boolean = value});
  }
  void integer(int64_t value) override {
    if (in_segmentation()) return segmentation_.integer(value);
    scalar({.type = "a number", .integer = value, .real = static_cast<double>(value)});
  }
  void real(double value) override {
    if (in_segmentation()) return segmentation_.real(value);
    Scalar number{.type = "a number", .real = value};
    if (std::abs(value) < 9e15 && value == std::floor(value))
      number.integer = static_cast<int64_t>(value);
    scalar(number);
  }
  void string(std::string& value) override {
    if (in_segmentation()) return segmentation_.string(value);
    scalar({.type = "a text", .text = &value});
  }

  void key(std::string& name) override {
    if (in_segmentation()) return segmentation_.key(name);
    if (depth_ == 1 && entry_depth_ == 3) return begin_list(name);
    if (!in_entry() || depth_ != entry_depth_) return;
    field_ = Field::other;
    for (const FieldRow& row : kFields)
      if (row.name == name && row.in[static_cast<size_t>(list_)]) field_ = row.field;
    if (field_ == Field::other) return;
    const unsigned bit = 1u << static_cast<unsigned>(field_);
    if (seen_fields_ & bit) refuse("found \"" + name + "\" a second time, expected it once");
    seen_fields_ |= bit;
  }

  void open(bool object) override {
    const int depth = ++depth_;
    if (depth == 1) {
      if (object == (entry_depth_ == 3)) return;
      list_ = CocoList::other;
      refuse(object ? "found an object, expected a list of results"
                    : "found a list, expected an object with images, annotations and categories");
    } else if (depth < entry_depth_ && list_ != CocoList::other) {
      if (object) refuse("found an object, expected a list");
    } else if (depth == entry_depth_ && list_ != CocoList::other) {
      if (!object) refuse("found a list, expected an object");
      begin_entry();
    } else if (in_entry() && field_ == Field::segmentation) {
      if (depth == entry_depth_ + 1) {
        segmentation_.reset();
        entry_.mask_begin = begin;
      }
      segmentation_.open(object);
    } else if (in_entry() && field_ != Field::other) {
      if (field_ != Field::bbox || object || depth != entry_depth_ + 1)
        refuse(std::string("found ") + (object ? "an object" : "a list") + ", expected " +
               expected());
      numbers_.clear();
    }
  }

  void close() override {
    const int depth = depth_--;
    if (list_ == CocoList::other) return;
    if (depth == entry_depth_) {
      take_(list_, entry_);
      in_entry_ = false;
      ++index_;
      if (end - released_ > kKeptBytes) {
        file_.release_pages();
        released_ = end;
      }
    } else if (in_entry() && field_ == Field::segmentation) {
      segmentation_.close();
      if (segmentation_.done()) end_segmentation();
    } else if (in_entry() && field_ == Field::bbox) {
      end_box();
    }
  }

 private:
  bool in_entry() const { return in_entry_; }
  bool in_segmentation() const {
    return in_entry_ && field_ == Field::segmentation && depth_ > entry_depth_;
  }
  [[noreturn]] void refuse(const std::string& found, const std::string& remedy = "") const {
    // run() adds the file and the entry
    throw base::DataError(field_name(), found, remedy);
  }
  std::string field_name() const {
    for (const FieldRow& row : kFields)
      if (in_entry_ && row.field == field_) return row.name;
    return list_ != CocoList::other && depth_ >= entry_depth_ - 1 ? "entry" : "document";
  }
  std::string place(const std::string& path) const {
    if (list_ == CocoList::other || depth_ < entry_depth_ - 1)
      return path.empty() ? "document" : path;
    return coco_place(path, list_, index_, in_entry_ ? entry_.id : std::nullopt);
  }

  void begin_list(const std::string& name) {
    list_ = CocoList::other;
    index_ = 0;
    for (int list = 0; list < 3; ++list) {
      if (name != kLists[list]) continue;
      bool& seen = seen_lists_[static_cast<size_t>(list)];
      if (seen) refuse("found the list \"" + name + "\" a second time, expected it once");
      seen = true;
      list_ = static_cast<CocoList>(list);
    }
  }
  void begin_entry() {
    in_entry_ = true;
    entry_ = {};
    seen_fields_ = 0;
    field_ = Field::other;
  }

  void scalar(const Scalar& value) {
    if (depth_ == 0 || (depth_ < entry_depth_ && list_ != CocoList::other))
      refuse("found " + value.shown() + ", expected " +
             (depth_ == entry_depth_ - 1 ? "an object" : "a list"));
    if (!in_entry() || field_ == Field::other) return;
    if (depth_ == entry_depth_ + 1) {  // in bbox
      if (!value.real) refuse("found " + value.shown() + ", expected 4 numbers");
      if (numbers_.size() == 4) refuse("found more than 4 numbers, expected x, y, width, height");
      if (!(std::abs(*value.real) <= 1e9))
        refuse("found " + value.shown() + ", expected pixels, at most 10⁹");
      numbers_.push_back(*value.real);
    } else if (std::string_view(value.type) != "null" && !set(value)) {
      refuse("found " + value.shown() + ", expected " + expected());
    }
  }

  /// Whether the value has the type of the field.
  bool set(const Scalar& value) {
    const auto take_id = [&](std::optional<CocoId>& id) {
      if (value.text)
        id = CocoId{0, std::move(*value.text)};
      else if (value.integer)
        id = CocoId{*value.integer, {}};
      return id.has_value();
    };
    const auto take = [](auto& field, const auto& from) {
      field = from;
      return field.has_value();
    };
    const auto take_text = [&](std::optional<std::string>& field) {
      if (value.text) field = std::move(*value.text);
      return value.text != nullptr;
    };
    switch (field_) {
      case Field::id:
        if (list_ == CocoList::categories && value.text) return false;
        return take_id(entry_.id);
      case Field::image_id:
        return take_id(entry_.image_id);
      case Field::category_id:
        return take(entry_.category_id, value.integer);
      case Field::width:
        return take(entry_.width, value.integer);
      case Field::height:
        return take(entry_.height, value.integer);
      case Field::area:
        return take(entry_.area, value.real);
      case Field::score:
        return take(entry_.score, value.real);
      case Field::iscrowd:
        return take(entry_.crowd, flag(value));
      case Field::ignore:
        entry_.ignore = flag(value).value_or(false);
        return flag(value).has_value();
      case Field::file_name:
        return take_text(entry_.file_name);
      case Field::name:
        return take_text(entry_.name);
      case Field::bbox:
      case Field::segmentation:
      case Field::other:
        return false;
    }
    return false;
  }
  static std::optional<bool> flag(const Scalar& value) {
    if (value.boolean) return value.boolean;
    if (value.integer == 0) return false;
    if (value.integer == 1) return true;
    return {};
  }
  const char* expected() const {
    switch (field_) {
      case Field::id:
        return list_ == CocoList::categories ? "a whole number" : "a whole number or a text";
      case Field::image_id:
        return "a whole number or a text";
      case Field::category_id:
      case Field::width:
      case Field::height:
        return "a whole number";
      case Field::area:
      case Field::score:
        return "a number";
      case Field::iscrowd:
      case Field::ignore:
        return "0 or 1";
      case Field::file_name:
      case Field::name:
        return "a text";
      case Field::bbox:
        return "[x, y, width, height]";
      case Field::segmentation:
        return "a list of polygons, or {size, counts}";
      case Field::other:
        break;
    }
    return "another value";
  }

  void end_box() {
    if (numbers_.empty()) return;
    if (numbers_.size() != 4)
      refuse("found " + std::to_string(numbers_.size()) + " numbers, expected x, y, width, height");
    entry_.box = CocoBox{numbers_[0], numbers_[1], numbers_[2], numbers_[3]};
  }
  void end_segmentation() {
    entry_.mask = segmentation_.mask();
    entry_.short_polygons = segmentation_.short_polygons();
    entry_.mask_end = end;
  }

  const files::MappedFile& file_;
  const std::function<void(CocoList, CocoEntry&)>& take_;
  const int entry_depth_;
  int depth_ = 0;
  CocoList list_ = CocoList::other;
  bool seen_lists_[kLast] = {};
  bool in_entry_ = false;
  int64_t index_ = 0;
  Field field_ = Field::other;
  unsigned seen_fields_ = 0;
  CocoEntry entry_;
  std::vector<double> numbers_;
  CocoSegmentation segmentation_;
  size_t released_ = 0;
};

}  // namespace

std::string coco_place(const std::string& path, CocoList list, int64_t index,
                       const std::optional<CocoId>& id) {
  std::string place = path.empty() ? "" : path + ": ";
  place += std::string(kLists[static_cast<size_t>(list)]) + "[" + std::to_string(index) + "]";
  if (id) place += " (id " + (id->text ? base::printable(*id->text) : id->shown()) + ")";
  return place;
}

void read_coco_entries(const files::MappedFile& file, bool results,
                       const std::function<void(CocoList, CocoEntry&)>& take) {
  Reader(file, results, take).run();
}

}  // namespace swin::data
