#include "tasks/classification.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"

namespace swin::tasks {

namespace {

class ClassificationMeter : public Meter {
 public:
  explicit ClassificationMeter(int64_t num_classes) : counts_(num_classes) {}

  void add(const Outputs& outputs, const data::Batch& batch) override {
    const Tensor& logits = output(outputs, "logits");
    const int64_t classes = logits.dim(1);
    const real* row = logits.data();
    latest_.clear();
    for (const int64_t label : batch.labels) {
      const real own = row[label];
      // Of equal logits the first counts as larger, as in argmax. If the label's logit is NaN, the
      // prediction is wrong.
      int64_t larger = std::isnan(own) ? classes : 0, prediction = -1;
      real largest = row[0];
      for (int64_t c = 0; c < classes; ++c) {
        larger += row[c] > own || (row[c] == own && c < label);
        largest = std::max(largest, row[c]);
        if (!std::isnan(row[c]) && (prediction < 0 || row[c] > row[prediction])) prediction = c;
      }
      double sum = 0;
      for (int64_t c = 0; c < classes; ++c)
        sum += std::exp(static_cast<double>(row[c]) - static_cast<double>(largest));
      const double loss = std::log(sum) + static_cast<double>(largest) - static_cast<double>(own);
      loss_ += loss;
      top1_ += larger < 1;
      top5_ += larger < 5;
      ++images_;
      counts_.add(label, prediction);
      calibration_.add(1 / sum, larger < 1);
      latest_.push_back({larger < 1, loss, {label}, {}, prediction, 1 / sum});
      if (prediction >= 0) latest_.back().predictions = {prediction};
      row += classes;
    }
  }

  Metrics metrics() const override {
    const double images = static_cast<double>(std::max<int64_t>(images_, 1));
    const MacroMeans means = macro_means(counts_.tallies());
    return {{"top1", static_cast<double>(top1_) / images},
            {"top5", static_cast<double>(top5_) / images},
            {"loss", loss_ / images},
            {"balanced_accuracy", means.recall},
            {"macro_precision", means.precision},
            {"macro_f1", means.f1},
            {"ece", calibration_.ece()}};
  }

  std::vector<Metrics> per_class() const override {
    std::vector<Metrics> rows;
    for (const ClassTally& tally : counts_.tallies()) rows.push_back(tally.metrics());
    return rows;
  }
  std::vector<ConfusionEntry> confusion() const override { return counts_.confusion(); }
  std::vector<CalibrationBin> calibration() const override { return calibration_.bins(); }
  std::span<const Judged> latest() const override { return latest_; }

 private:
  int64_t images_ = 0, top1_ = 0, top5_ = 0;
  double loss_ = 0;
  ClassCounts counts_;
  Calibration calibration_;
  std::vector<Judged> latest_;
};

}  // namespace

Tensor Classification::targets(std::span<const int64_t> labels) const {
  const double off = label_smoothing_ / static_cast<double>(num_classes());
  Tensor targets = Tensor::filled({std::ssize(labels), num_classes()}, static_cast<real>(off));
  real* row = targets.mutable_data();
  for (const int64_t label : labels) {
    row[label] = static_cast<real>(1 - label_smoothing_ + off);
    row += num_classes();
  }
  return targets;
}

Tensor Classification::loss_of(const Tensor& logits, const Tensor& targets, real factor) const {
  return autograd::cross_entropy(logits, targets, factor);
}

std::unique_ptr<Meter> Classification::meter() const {
  return std::make_unique<ClassificationMeter>(num_classes());
}

void Classification::to_probabilities(std::span<double> logits) const {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& p : logits) sum += p = std::exp(p - largest);
  for (double& p : logits) p /= sum;
}

void Classification::average(std::span<double> logits, std::span<double> others) const {
  // The logarithms of the probabilities are such logits.
  const auto to_logarithms = [](std::span<double> row) {
    const double largest = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double x : row) sum += std::exp(x - largest);
    for (double& x : row) x -= largest + std::log(sum);
  };
  to_logarithms(logits);
  to_logarithms(others);
  for (size_t k = 0; k < logits.size(); ++k) logits[k] = log_of_mean(logits[k], others[k]);
}

}  // namespace swin::tasks
