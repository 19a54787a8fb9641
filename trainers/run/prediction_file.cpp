#include "trainers/run/prediction_file.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace swin::trainers {

PredictionFile::PredictionFile(const std::string& path, const data::Dataset& set,
                               const std::vector<std::string>& names, bool several)
    : set_(set), names_(names), file_(path) {
  std::vector<std::string> header = {"file", several ? "labels" : "label",
                                     several ? "predictions" : "prediction"};
  if (names.size() <= kMostColumns) {
    for (const std::string& name : names) header.push_back("p(" + name + ")");
  } else {
    for (size_t i = 1; i <= kMostListed; ++i) {
      header.push_back("class_" + std::to_string(i));
      header.push_back("probability_" + std::to_string(i));
    }
  }
  file_.append(base::csv_line(header));
}

std::string PredictionFile::names_of(const std::vector<int64_t>& classes) const {
  std::vector<std::string> names;
  for (const int64_t k : classes) names.push_back(names_[static_cast<size_t>(k)]);
  return base::joined(names, ";");
}

void PredictionFile::add(const MeasuredBatch& done, const std::vector<tasks::Answer>& answers) {
  std::string text;
  for (size_t i = 0; i < done.indices.size(); ++i) {
    const tasks::Judged& judged = done.judged[i];
    std::vector<std::string> row = {set_.name(done.indices[i]), names_of(judged.labels),
                                    names_of(judged.predictions)};
    const auto probability_text = [](double probability) {
      return base::to_text(base::Json(probability));
    };
    const std::vector<tasks::Answer::Class>& classes = answers[i].classes;
    if (names_.size() <= kMostColumns) {
      row.resize(3 + names_.size());
      for (const auto& [index, probability] : classes)
        row[3 + static_cast<size_t>(index)] = probability_text(probability);
    } else {
      for (size_t k = 0; k < std::min(kMostListed, classes.size()); ++k) {
        row.push_back(names_[static_cast<size_t>(classes[k].index)]);
        row.push_back(probability_text(classes[k].probability));
      }
    }
    text += base::csv_line(row);
  }
  file_.append(text);
}

}  // namespace swin::trainers
