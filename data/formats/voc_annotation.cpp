#include "data/formats/voc_annotation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <pugixml.hpp>

#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

constexpr double kMostPixels = 1e9;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {
    if (std::ssize(text) > kMaxVocBytes)
      throw base::DataError(file,
                            "found " + std::to_string(text.size()) + " bytes, expected at most " +
                                std::to_string(kMaxVocBytes) + " of an annotation of one image",
                            "check that it is the file that is meant");
    // Offsets of nodes are those of the text after its conversion.
    wide_ = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
    if (holds_zero())
      throw base::DataError(file, "found a character 0 in it, expected the text of an XML file",
                            "fetch it again, or save it as UTF-8");
    const pugi::xml_parse_result result = document_.load_buffer(text.data(), text.size());
    if (!result)
      throw base::DataError(place(result.offset),
                            std::string("found no XML (") + result.description() +
                                "), expected the annotation of an image",
                            "correct the file or fetch it again");
  }

  VocAnnotation read() {
    const pugi::xml_node root = document_.document_element();
    if (std::string_view(root.name()) != "annotation")
      throw base::DataError(
          place(root.offset_debug()),
          root ? "found <" + base::printable(root.name()) + ">, expected <annotation>"
               : "found no element, expected <annotation>",
          "check that it is an annotation of Pascal VOC");
    VocAnnotation annotation;
    const pugi::xml_node size = root.child("size");
    annotation.size = {side(size.child("height")), side(size.child("width"))};
    for (const pugi::xml_node object : root.children("object"))
      annotation.objects.push_back(read_object(object, annotation.begin_at_zero));
    return annotation;
  }

 private:
  // Of 16 bits only a whole unit is a character.
  bool holds_zero() const {
    if (!wide_) return text_.find('\0') != std::string_view::npos;
    for (size_t i = 0; i + 1 < text_.size(); i += 2)
      if (text_[i] == 0 && text_[i + 1] == 0) return true;
    return false;
  }

  // Counts on from the last call: nodes come in the order of the text.
  int64_t line(std::ptrdiff_t offset) {
    if (wide_ || offset < 0) return 0;
    const auto at = text_.begin() + std::min(offset, std::ssize(text_));
    if (at < counted_) counted_ = text_.begin(), line_ = 1;
    line_ += std::count(counted_, at, '\n');
    counted_ = at;
    return line_;
  }
  std::string place(std::ptrdiff_t offset) {
    const int64_t number = line(offset);
    return number == 0 ? file_ : file_ + ":" + std::to_string(number);
  }

  [[noreturn]] void refuse(pugi::xml_node at, const std::string& what, std::string_view found,
                           const std::string& expected) {
    throw base::DataError(
        place(at.offset_debug()),
        "found " + (found.empty() ? "no " + what : what + " \"" + base::printable(found) + "\"") +
            ", expected " + expected,
        "correct it or remove the object");
  }

  static std::optional<double> number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      return {};
    return value;
  }

  // Programs write 0 where they do not know it.
  static int64_t side(pugi::xml_node node) {
    const auto value = number(trimmed(node.child_value()));
    return value && *value >= 1 && *value <= kMostPixels ? static_cast<int64_t>(*value) : 0;
  }

  double pixel(pugi::xml_node box, const char* name) {
    const pugi::xml_node node = box.child(name);
    const std::string_view text = trimmed(node.child_value());
    const auto value = number(text);
    if (!value || std::abs(*value) > kMostPixels)
      refuse(node ? node : box, name, text, "a pixel, at most 10⁹");
    return *value;
  }

  VocObject read_object(pugi::xml_node node, int64_t& begin_at_zero) {
    VocObject object;
    object.line = line(node.offset_debug());
    const std::string_view name = trimmed(node.child("name").child_value());
    if (!files::is_name(name))
      refuse(node, "name of a class", name, std::string("a class, ") + files::kNameExpected);
    object.name = base::composed(name);
    const pugi::xml_node difficult = node.child("difficult");
    const std::string_view flag = trimmed(difficult.child_value());
    if (difficult && flag != "0" && flag != "1" && !flag.empty())
      refuse(difficult, "difficult", flag, "0 or 1");
    object.difficult = flag == "1";
    const pugi::xml_node box = node.child("bndbox");
    if (!box) return object;
    const double x1 = pixel(box, "xmin"), y1 = pixel(box, "ymin");
    begin_at_zero += x1 == 0 || y1 == 0;
    object.box = BoundingBox{x1 - 1, y1 - 1, pixel(box, "xmax"), pixel(box, "ymax")};
    return object;
  }

  const std::string_view text_;
  const std::string& file_;
  bool wide_ = false;
  std::string_view::iterator counted_ = text_.begin();
  int64_t line_ = 1;  // of counted_
  pugi::xml_document document_;
};

}  // namespace

VocAnnotation read_voc_annotation(std::string_view text, const std::string& file) {
  return Reader(text, file).read();
}

}  // namespace swin::data
