#include "tasks/multi_label.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"

namespace swin::tasks {

namespace {

/// Average precision of one class, which at least one image has. A NaN logit ranks last.
double average_precision(std::vector<std::pair<float, bool>> scores, int64_t positives) {
  for (auto& [logit, has] : scores)
    if (std::isnan(logit)) logit = -INFINITY;
  std::sort(scores.begin(), scores.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  double sum = 0;
  int64_t found = 0;
  for (size_t begin = 0, end = 0; begin < scores.size(); begin = end) {
    int64_t here = 0;
    for (; end < scores.size() && scores[end].first == scores[begin].first; ++end)
      here += scores[end].second;
    found += here;
    sum += static_cast<double>(here) * static_cast<double>(found) / static_cast<double>(end);
  }
  return sum / static_cast<double>(positives);
}

class MultiLabelMeter : public Meter {
 public:
  explicit MultiLabelMeter(int64_t num_classes) : scores_(static_cast<size_t>(num_classes)) {}

  void add(const Outputs& outputs, const data::Batch& batch) override {
    const real* logit = output(outputs, "logits").data();
    for (size_t i = 0; i < batch.labels.size(); ++i) {
      const double x = static_cast<double>(logit[i]);
      const bool has = batch.labels[i] != 0, said = x > 0;
      scores_[i % scores_.size()].emplace_back(static_cast<float>(x), has);
      true_positives_ += has && said;
      wrong_ += has != said;
      loss_ += (x < 0 ? 0 : x) - (has ? x : 0) + std::log1p(std::exp(-std::abs(x)));
    }
  }

  Metrics metrics() const override {
    double precision = 0, answers = 0;
    int64_t classes = 0;
    for (const auto& scores : scores_) {
      answers += static_cast<double>(scores.size());
      const int64_t positives = std::count_if(scores.begin(), scores.end(),
                                              [](const auto& score) { return score.second; });
      if (positives == 0) continue;
      precision += average_precision(scores, positives);
      ++classes;
    }
    const auto twice = static_cast<double>(2 * true_positives_);
    const double all = twice + static_cast<double>(wrong_);
    return {
        {"mean_average_precision", precision / static_cast<double>(std::max<int64_t>(1, classes))},
        {"micro_f1", all > 0 ? twice / all : 1},
        {"loss", loss_ / std::max(answers, 1.0)}};
  }

 private:
  // For each class, the logit and the label of every image.
  std::vector<std::vector<std::pair<float, bool>>> scores_;
  int64_t true_positives_ = 0, wrong_ = 0;
  double loss_ = 0;
};

}  // namespace

Tensor MultiLabelClassification::targets(std::span<const int64_t> labels) const {
  Tensor targets({std::ssize(labels) / num_classes(), num_classes()});
  const double off = label_smoothing_ / 2;
  std::transform(labels.begin(), labels.end(), targets.mutable_data(),
                 [off](int64_t label) { return static_cast<real>(label != 0 ? 1 - off : off); });
  return targets;
}

Tensor MultiLabelClassification::loss_of(const Tensor& logits, const Tensor& targets,
                                         real factor) const {
  return autograd::binary_cross_entropy(logits, targets, factor / static_cast<real>(num_classes()));
}

std::unique_ptr<Meter> MultiLabelClassification::meter() const {
  return std::make_unique<MultiLabelMeter>(num_classes());
}

void MultiLabelClassification::to_probabilities(std::span<double> logits) const {
  for (double& x : logits) x = 1 / (1 + std::exp(-x));
}

}  // namespace swin::tasks
