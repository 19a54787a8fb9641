#include "weights/adapt_head.h"

#include <algorithm>

#include "base/errors.h"
#include "base/text.h"
#include "weights/class_rows.h"
#include "weights/detector_names.h"
#include "weights/segmenter_names.h"

namespace swin::weights {

namespace {

std::string classes_name(const Parameters& parameters) {
  for (const std::string& name :
       {std::string(kClassRows) + "weight", detector_classes(false), detector_classes(true)})
    if (parameters.find(name)) return name;
  return "head.weight";
}

std::string bias_of(const std::string& weight) {
  return weight.substr(0, weight.rfind('.') + 1) + "bias";
}

}  // namespace

HeadRows::HeadRows(const Parameters& parameters, const WeightFile& file,
                   const AdaptOptions& options, const Find& find)
    : file_(file), options_(options) {
  const std::string name = classes_name(parameters);
  weight_ = parameters.find(name);
  if (!weight_) return;
  found_ = find(name);
  bias_ = find(bias_of(name));
  kind_ = *class_rows_of(name);
  classes_ = weight_->shape[0] - kind_.rows(0);
  if (!options.class_rows.empty()) {
    take_class_rows();
  } else if (options.head == HeadInit::reset) {
    reason_ = "init.head is \"reset\"";
  } else if (has_named_rows()) {
    take_rows_by_name();
  } else if (options.head == HeadInit::automatic) {
    if (!found_ || !bias_)
      reason_ = "not in the file";
    else if (found_->shape != weight_->shape.dims() ||
             bias_->shape != std::vector{weight_->shape[0]})
      reason_ = !found_->shape.empty() && found_->shape[0] != weight_->shape[0]
                    ? std::to_string(found_->shape[0] - kind_.rows(0)) + " classes in the file, " +
                          std::to_string(classes_) + " here"
                    : "shape " + files::to_text(found_->shape) + " in the file";
  }
}

void HeadRows::take_class_rows() {
  const std::string& where = options_.class_rows_where;
  const std::vector<int64_t>& rows = options_.class_rows;
  if (std::ssize(rows) != classes_)
    throw base::UsageError(where,
                           "found " + std::to_string(rows.size()) +
                               " lines, expected one for each of "
                               "the " +
                               std::to_string(classes_) + " classes",
                           "line k names the file's class for class k");
  if (!found_ || found_->shape.size() != weight_->shape.dims().size())
    throw base::WeightError(
        file_.where,
        "found no " + weight_->name + ", expected the head whose rows " + where + " chooses",
        "remove init.class_index_file");
  const int64_t theirs = found_->shape[0] - kind_.rows(0);
  for (size_t k = 0; k < rows.size(); ++k)
    if (rows[k] < 0 || rows[k] >= theirs)
      throw base::UsageError(where + ":" + std::to_string(k + 1),
                             "found class " + std::to_string(rows[k]) +
                                 ", expected one from 0 to " + std::to_string(theirs - 1) +
                                 ", the classes of " + file_.where,
                             "correct the line");
  rows_ = rows;
  detail_ = std::to_string(classes_) + " of " + std::to_string(theirs) + " classes, by " + where;
}

/// Whether both sides name the classes of the head.
bool HeadRows::has_named_rows() const {
  const int64_t theirs = std::ssize(file_.class_names);
  std::vector<int64_t> shape = weight_->shape.dims();
  shape[0] = kind_.rows(theirs);
  return theirs > 0 && std::ssize(options_.class_names) == classes_ && found_ && bias_ &&
         found_->shape == shape && bias_->shape == std::vector{shape[0]};
}

void HeadRows::take_rows_by_name() {
  ClassRows by_name = rows_by_name(options_.class_names, file_.class_names);
  if (by_name.same) return;
  if (options_.head == HeadInit::keep && !by_name.added.empty())
    throw base::WeightError(file_.where,
                            "found no head row of the class " + base::listing(by_name.added) +
                                ", expected all classes of data.train (init.head is \"keep\")",
                            "set init.head to \"auto\"");
  if (by_name.num_kept == 0) {
    reason_ = std::to_string(file_.class_names.size()) + " classes in the file, " +
              std::to_string(classes_) + " here, no name in common";
    return;
  }
  rows_ = std::move(by_name.rows);
  detail_ = std::move(by_name.detail);
}

std::vector<int64_t> HeadRows::of(const std::string& name, int64_t count, int64_t in_file) const {
  const ClassRowsOf kind = *class_rows_of(name);
  if (count != kind.rows(std::ssize(rows_)) ||
      in_file < kind.rows(*std::max_element(rows_.begin(), rows_.end()) + 1))
    return {};
  std::vector<int64_t> rows;
  for (const int64_t row : rows_)
    for (int64_t i = 0; i < kind.per_class; ++i)
      rows.push_back(row < 0 ? -1 : row * kind.per_class + i);
  if (kind.background) rows.push_back(in_file - 1);
  return rows;
}

}  // namespace swin::weights
