#include "tasks/classification.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"

namespace swin::tasks {

namespace {

class ClassificationMeter : public Meter {
 public:
  void add(const Outputs& outputs, const data::Batch& batch) override {
    const Tensor& logits = output(outputs, "logits");
    const int64_t classes = logits.dim(1);
    const real* row = logits.data();
    for (const int64_t label : batch.labels) {
      const real own = row[label];
      // Of equal logits the first counts as larger, as in argmax. If the label's logit is NaN, the
      // prediction is wrong.
      int64_t larger = std::isnan(own) ? classes : 0;
      real largest = row[0];
      for (int64_t c = 0; c < classes; ++c) {
        larger += row[c] > own || (row[c] == own && c < label);
        largest = std::max(largest, row[c]);
      }
      double sum = 0;
      for (int64_t c = 0; c < classes; ++c)
        sum += std::exp(static_cast<double>(row[c]) - static_cast<double>(largest));
      loss_ += std::log(sum) + static_cast<double>(largest) - static_cast<double>(own);
      top1_ += larger < 1;
      top5_ += larger < 5;
      ++images_;
      row += classes;
    }
  }

  Metrics metrics() const override {
    const double images = static_cast<double>(std::max<int64_t>(images_, 1));
    return {{"top1", static_cast<double>(top1_) / images},
            {"top5", static_cast<double>(top5_) / images},
            {"loss", loss_ / images}};
  }

 private:
  int64_t images_ = 0, top1_ = 0, top5_ = 0;
  double loss_ = 0;
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
  return std::make_unique<ClassificationMeter>();
}

void Classification::to_probabilities(std::span<double> logits) const {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& p : logits) sum += p = std::exp(p - largest);
  for (double& p : logits) p /= sum;
}

}  // namespace swin::tasks
