#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/errors.h"
#include "base/random.h"
#include "data/coco_file.h"
#include "data/palette.h"
#include "files/digest.h"

namespace swin::data {
namespace {

// Some images of another data set.
class Subset : public Dataset {
 public:
  // `which` names the choice, for the fingerprint.
  Subset(std::unique_ptr<Dataset> whole, std::vector<int64_t> indices, const std::string& which)
      : whole_(std::move(whole)), indices_(std::move(indices)) {
    class_names_ = whole_->class_names();
    for (int64_t c = 0; c < num_classes(); ++c) class_colors_.push_back(whole_->class_color(c));
    passed_over_ = whole_->passed_over();
    warnings_ = whole_->warnings();
    const std::string text = whole_->fingerprint() + " " + which;
    fingerprint_ = files::to_hex(files::sha256(std::as_bytes(std::span(text))));
  }
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  Annotation annotation(int64_t i) const override { return whole_->annotation(index(i)); }
  AnnotationKind annotation_kind() const override { return whole_->annotation_kind(); }
  const LabelValues* label_values() const override { return whole_->label_values(); }
  std::vector<uint16_t> read_label_values(int64_t i) const override {
    return whole_->read_label_values(index(i));
  }
  int64_t num_objects(int64_t i) const override { return whole_->num_objects(index(i)); }
  CocoId image_id(int64_t i) const override { return whole_->image_id(index(i)); }
  int64_t category_id(int64_t index) const override { return whole_->category_id(index); }
  std::vector<PassedOver> left_out(int64_t i) const override { return whole_->left_out(index(i)); }
  int64_t stratum(int64_t i) const override { return whole_->stratum(index(i)); }
  base::Size2 size(int64_t i) const override { return whole_->size(index(i)); }
  bool holds_files() const override { return whole_->holds_files(); }
  std::span<const uint8_t> encoded(int64_t i, std::vector<uint8_t>& memory) const override {
    return whole_->encoded(index(i), memory);
  }
  void decode(int64_t i, std::span<const uint8_t> bytes, Image& image) const override {
    whole_->decode(index(i), bytes, image);
  }
  void load(int64_t i, Image& image) const override { whole_->load(index(i), image); }
  std::string name(int64_t i) const override { return whole_->name(index(i)); }
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> all = whole_->files();
    if (static_cast<int64_t>(all.size()) != whole_->size() || !holds_files()) return all;
    std::vector<ListedFile> kept;  // each file is an image
    kept.reserve(indices_.size());
    for (const int64_t i : indices_) kept.push_back(std::move(all[static_cast<size_t>(i)]));
    return kept;
  }

 private:
  int64_t index(int64_t i) const { return indices_[static_cast<size_t>(i)]; }

  std::unique_ptr<Dataset> whole_;
  std::vector<int64_t> indices_;
};

std::string range(const DatasetOptions& options) {
  char text[80];
  std::snprintf(text, sizeof text, "%.9g … %.9g", options.fraction_begin, options.fraction_end);
  return text;
}

}  // namespace

ListedFile listed_file(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return {std::filesystem::path(path).filename().string(),
          error ? -1 : static_cast<int64_t>(bytes)};
}

const char* split_name(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "validation";
    case Split::test:
      return "test";
    case Split::none:
    case Split::all:
      break;
  }
  return "";
}

Color Dataset::class_color(int64_t index) const {
  if (static_cast<size_t>(index) < class_colors_.size())
    return class_colors_[static_cast<size_t>(index)];
  // Black is left to what counts as background: class 0 of label maps.
  return palette_color(annotation_kind() == AnnotationKind::label_map ? index : index + 1);
}

int64_t Dataset::stratum(int64_t i) const { return stratum_of(annotation(i)); }

CocoId Dataset::image_id(int64_t i) const { return {i + 1}; }

base::Size2 Dataset::size(int64_t i) const {
  const Image image = load(i);
  return {image.height, image.width};
}

std::unique_ptr<Dataset> take_fraction(std::unique_ptr<Dataset> whole,
                                       const DatasetOptions& options) {
  std::vector<int64_t> strata(static_cast<size_t>(whole->size()));
  for (int64_t i = 0; i < whole->size(); ++i) strata[static_cast<size_t>(i)] = whole->stratum(i);
  std::vector<int64_t> indices = stratified_fraction(
      strata, whole->num_classes(), options.fraction_begin, options.fraction_end, options.seed);
  if (indices.empty())
    throw base::DataError(options.path.empty() ? options.format : options.path,
                          "no image in the fraction " + range(options) + " of " +
                              std::to_string(whole->size()) + ", expected at least one",
                          "ask for a larger fraction");
  return std::make_unique<Subset>(std::move(whole), std::move(indices),
                                  range(options) + " seed " + std::to_string(options.seed));
}

std::unique_ptr<Dataset> leave_out_classes(std::unique_ptr<Dataset> whole,
                                           const std::vector<bool>& left_out) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < whole->size(); ++i) {
    const std::vector<int64_t> classes = classes_of(whole->annotation(i));
    if (std::none_of(classes.begin(), classes.end(),
                     [&](int64_t c) { return left_out[static_cast<size_t>(c)]; }))
      indices.push_back(i);
  }
  std::string which = "without classes";
  for (size_t c = 0; c < left_out.size(); ++c)
    if (left_out[c]) which += " " + std::to_string(c);
  return std::make_unique<Subset>(std::move(whole), std::move(indices), which);
}

std::vector<int64_t> stratified_fraction(const std::vector<int64_t>& labels, int64_t num_classes,
                                         double begin, double end, uint64_t seed) {
  std::vector<std::vector<int64_t>> members(static_cast<size_t>(num_classes));
  for (size_t i = 0; i < labels.size(); ++i)
    members[static_cast<size_t>(labels[i])].push_back(static_cast<int64_t>(i));
  std::vector<int64_t> kept;
  for (size_t c = 0; c < members.size(); ++c) {
    const size_t count = members[c].size();
    // The 1e-9 makes fractions of 1 − 0.7 and of 0.3 cut at the same position.
    const auto cut = [&](double fraction) {
      return static_cast<size_t>(std::floor(fraction * static_cast<double>(count) + 0.5 + 1e-9));
    };
    const base::Permutation shuffled(count, base::Random(seed, "data/fraction", c));
    for (size_t position = cut(begin); position < std::min(cut(end), count); ++position)
      kept.push_back(members[c][shuffled(position)]);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace swin::data
