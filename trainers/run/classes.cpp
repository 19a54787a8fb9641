#include "trainers/run/classes.h"

#include <algorithm>
#include <unordered_map>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"

namespace swin::trainers {
namespace {

constexpr size_t kShown = 3;  // names in a message

/// Whether the names are 0, 1, 2 …
bool numbered(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != std::to_string(i)) return false;
  return true;
}

std::string shown(const std::vector<std::string>& names) {
  std::vector<std::string> first;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i)
    first.push_back(base::printable(names[i]));
  const int64_t more = std::ssize(names) - std::ssize(first);
  return base::listing(first, kShown) + (more ? " and " + base::grouped(more) + " more" : "");
}

/// Images of each class; an image of several classes counts for each. Each class
/// of pixels or objects counts as one: nothing says how many without decoding all.
std::vector<int64_t> images_of_classes(const data::Dataset& images) {
  std::vector<int64_t> counts(images.class_names().size());
  if (data::has_pixels_or_objects(images.annotation_kind()))
    return std::vector<int64_t>(counts.size(), 1);
  for (int64_t i = 0; i < images.size(); ++i)
    for (const int64_t label : data::classes_of(images.annotation(i)))
      ++counts[static_cast<size_t>(label)];
  return counts;
}

class Match {
 public:
  Match(std::unique_ptr<data::Dataset> images, const Head& head, const MatchOptions& options)
      : images_(std::move(images)),
        head_(head),
        options_(options),
        names_(images_->class_names()),
        counts_(images_of_classes(*images_)) {}

  MeasuredSet run() {
    const bool named = !real_class_names(names_, options_.format).empty();
    by_name();
    const bool all_known = std::ranges::none_of(labels_, [](int64_t label) { return label < 0; });
    if (!(named && head_.named) && !all_known) {
      if (named && options_.by_order)
        by_order();
      else if (named)
        refuse_names();
      else
        by_number();
    }
    leave_out_unknown();
    note_missing();
    bool same = std::ssize(labels_) == head_.num_classes;
    for (size_t c = 0; c < labels_.size(); ++c) same &= labels_[c] == static_cast<int64_t>(c);
    if (!same) set_.labels = std::move(labels_);
    set_.images = std::move(images_);
    return std::move(set_);
  }

 private:
  void note(const std::string& text) { set_.notes.push_back(options_.where + ": " + text); }

  void by_name() {
    std::unordered_map<std::string, int64_t> rows;
    std::vector<std::string> twice;
    for (size_t i = 0; i < head_.names.size(); ++i)
      if (!rows.emplace(base::composed(head_.names[i]), static_cast<int64_t>(i)).second)
        twice.push_back(base::composed(head_.names[i]));
    for (const std::string& name : names_) {
      const std::string composed = base::composed(name);
      if (std::ranges::find(twice, composed) != twice.end())
        throw base::DataError(options_.where,
                              "found the class " + base::printable(name) +
                                  ", expected a name that one class of " + head_.where +
                                  " has, not several",
                              "give the images of these classes as numbers, in a manifest");
      const auto found = rows.find(composed);
      labels_.push_back(found == rows.end() ? -1 : found->second);
    }
  }

  /// The data have names, the head has none.
  void by_order() {
    if (std::ssize(names_) != head_.num_classes)
      throw base::DataError(options_.where,
                            "found " + base::counted(std::ssize(names_), "class", "classes") +
                                ", expected " + base::grouped(head_.num_classes) + " as in " +
                                head_.where + ", which has no names for them",
                            options_.order_remedy);
    for (size_t c = 0; c < names_.size(); ++c) labels_[c] = static_cast<int64_t>(c);
    const bool sorted = std::ranges::is_sorted(names_);
    note("the classes of " + head_.where + " have no names; assumed are those of the data in " +
         (sorted ? "the order of their text" : "their own order") + " (" + shown(names_) + "); " +
         options_.order_remedy);
  }

  /// The labels are class numbers.
  void by_number() {
    for (size_t c = 0; c < names_.size(); ++c)
      labels_[c] = static_cast<int64_t>(c) < head_.num_classes ? static_cast<int64_t>(c) : -1;
    if (!head_.named) return;
    std::vector<std::string> pairs;
    for (size_t c = 0; c < std::min(names_.size(), head_.names.size()); ++c)
      pairs.push_back(names_[c] + " is " + head_.names[c]);
    note("its labels are class numbers; taken as those of " + head_.where + ": " + shown(pairs));
  }

  [[noreturn]] void refuse_names() const {
    throw base::DataError(
        options_.where,
        "found the classes " + shown(names_) + ", expected the class numbers of " + head_.where,
        options_.order_remedy);
  }

  void leave_out_unknown() {
    std::vector<bool> left_out(names_.size());
    std::vector<std::string> unknown;
    bool none_known = true;
    for (size_t c = 0; c < names_.size(); ++c) {
      none_known &= labels_[c] < 0 || counts_[c] == 0;
      left_out[c] = labels_[c] < 0 && counts_[c] > 0;
      if (left_out[c]) unknown.push_back(names_[c]);
    }
    if (unknown.empty()) return;
    const int64_t before = images_->size();
    const std::string found =
        "found " + std::string(unknown.size() == 1 ? "the class " : "the ") +
        (unknown.size() == 1 ? "" : base::grouped(std::ssize(unknown)) + " classes ") +
        shown(unknown) + ", expected those of " + head_.where +
        (head_.names.empty() ? "" : " (" + shown(head_.names) + ")");
    if (none_known) throw base::DataError(options_.where, found, "use a data set of its classes");
    if (!options_.ignore_unknown_classes)
      throw base::DataError(options_.where, found, options_.ignore_remedy);
    if (data::has_pixels_or_objects(images_->annotation_kind())) {  // labels_ says −1 to measure()
      note("ignored " + base::counted(std::ssize(unknown), "class", "classes") + " that " +
           head_.where + " does not have: " + shown(unknown) +
           "; their images stay, without these " +
           (images_->annotation_kind() == data::AnnotationKind::objects ? "objects" : "pixels"));
      return;
    }
    images_ = data::leave_out_classes(std::move(images_), left_out);
    if (images_->size() == 0)
      throw base::DataError(options_.where, found + " and no image is left without them",
                            "use a data set of its classes");
    counts_ = images_of_classes(*images_);
    note("left out " + base::counted(before - images_->size(), "image") + " of " +
         base::counted(std::ssize(unknown), "class", "classes") + " that " + head_.where +
         " does not have: " + shown(unknown));
  }

  void note_missing() {
    std::vector<bool> there(static_cast<size_t>(head_.num_classes));
    for (size_t c = 0; c < labels_.size(); ++c)
      if (labels_[c] >= 0 && counts_[c] > 0) there[static_cast<size_t>(labels_[c])] = true;
    std::vector<std::string> missing;
    for (size_t c = 0; c < there.size(); ++c)
      if (!there[c]) missing.push_back(c < head_.names.size() ? head_.names[c] : std::to_string(c));
    if (missing.empty()) return;
    note("no image of " + base::grouped(std::ssize(missing)) + " of " +
         base::grouped(head_.num_classes) + " classes (" + shown(missing) +
         "); the metrics are those of the images there");
  }

  std::unique_ptr<data::Dataset> images_;
  const Head& head_;
  const MatchOptions& options_;
  const std::vector<std::string> names_;
  std::vector<int64_t> counts_;
  std::vector<int64_t> labels_;  // −1: the head does not have it
  MeasuredSet set_;
};

}  // namespace

std::vector<std::string> real_class_names(const std::vector<std::string>& names,
                                          const std::string& format) {
  return format != "image_folder" && numbered(names) ? std::vector<std::string>() : names;
}

bool same_names(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::equal(a, b, [](const std::string& x, const std::string& y) {
    return x == y || base::composed(x) == base::composed(y);
  });
}

std::string names_missing_in(const std::string& where, const std::vector<std::string>& known,
                             const std::vector<std::string>& names) {
  const auto is_known = [&](const std::string& name) {
    return std::ranges::any_of(known, [&](const std::string& other) {
      return name == other || base::composed(name) == base::composed(other);
    });
  };
  std::vector<std::string> missing;
  for (const std::string& name : names)
    if (!is_known(name)) missing.push_back(name);
  return missing.empty() ? "" : "; not in " + where + ": " + shown(missing);
}

MeasuredSet match_classes(std::unique_ptr<data::Dataset> images, const Head& head,
                          const MatchOptions& options) {
  return Match(std::move(images), head, options).run();
}

}  // namespace swin::trainers
