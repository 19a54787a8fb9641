#include "tasks/multi_label.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"

namespace swin::tasks {

namespace {

double probability_of(double logit) { return 1 / (1 + std::exp(-logit)); }

class MultiLabelMeter : public Meter {
 public:
  explicit MultiLabelMeter(int64_t num_classes)
      : tallies_(static_cast<size_t>(num_classes)), scores_(static_cast<size_t>(num_classes)) {}

  void add(const Outputs& outputs, const data::Batch& batch) override {
    const real* logit = output(outputs, "logits").data();
    const size_t classes = scores_.size();
    Judged right;
    right.right = true;
    latest_.assign(batch.labels.size() / classes, right);
    double worst = 0;  // loss of a class of the image
    for (size_t i = 0; i < batch.labels.size(); ++i) {
      const double x = static_cast<double>(logit[i]);
      const bool has = batch.labels[i] != 0, said = x > 0;
      const size_t k = i % classes;
      scores_[k].emplace_back(static_cast<float>(x), has);
      ClassTally& tally = tallies_[k];
      tally.support += has;
      tally.predicted += said;
      tally.right += has && said;
      const double loss = (x < 0 ? 0 : x) - (has ? x : 0) + std::log1p(std::exp(-std::abs(x)));
      loss_ += loss;
      Judged& judged = latest_[i / classes];
      judged.right = judged.right && has == said;
      judged.loss += loss / static_cast<double>(classes);
      if (has) judged.labels.push_back(static_cast<int64_t>(k));
      if (said) judged.predictions.push_back(static_cast<int64_t>(k));
      if (k > 0 && !(loss > worst)) continue;
      worst = loss;
      judged.class_index = static_cast<int64_t>(k);
      judged.probability = probability_of(x);
    }
  }

  Metrics metrics() const override {
    double precision = 0, auroc = 0, answers = 0;
    int64_t classes = 0, ranked = 0, true_positives = 0, wrong = 0;
    for (size_t k = 0; k < scores_.size(); ++k) {
      const ClassTally& tally = tallies_[k];
      answers += static_cast<double>(scores_[k].size());
      true_positives += tally.right;
      wrong += tally.support + tally.predicted - 2 * tally.right;
      if (tally.support == 0) continue;
      const Ranking ranking = ranking_of(scores_[k]);
      precision += ranking.average_precision;
      ++classes;
      if (ranking.auroc < 0) continue;
      auroc += ranking.auroc;
      ++ranked;
    }
    const auto twice = static_cast<double>(2 * true_positives);
    const double all = twice + static_cast<double>(wrong);
    const MacroMeans means = macro_means(tallies_);
    return {
        {"mean_average_precision", precision / static_cast<double>(std::max<int64_t>(1, classes))},
        {"micro_f1", all > 0 ? twice / all : 1},
        {"loss", loss_ / std::max(answers, 1.0)},
        {"mean_auroc", ranked > 0 ? auroc / static_cast<double>(ranked) : -1},
        {"macro_precision", means.precision},
        {"macro_recall", means.recall},
        {"macro_f1", means.f1}};
  }

  std::vector<Metrics> per_class() const override {
    std::vector<Metrics> rows;
    for (size_t k = 0; k < scores_.size(); ++k) {
      const ClassTally& tally = tallies_[k];
      const Ranking ranking = ranking_of(scores_[k]);
      Metrics row = tally.metrics();
      row.emplace_back("average_precision", ranking.average_precision);
      row.emplace_back("auroc", ranking.auroc);
      const auto count = [&](const char* name, int64_t images) {
        row.emplace_back(name, static_cast<double>(images));
      };
      count(kTruePositives, tally.right);
      count(kFalsePositives, tally.predicted - tally.right);
      count(kFalseNegatives, tally.support - tally.right);
      count(kTrueNegatives, std::ssize(scores_[k]) - tally.support - tally.predicted + tally.right);
      rows.push_back(std::move(row));
    }
    return rows;
  }
  std::span<const Judged> latest() const override { return latest_; }

 private:
  std::vector<ClassTally> tallies_;
  // For each class, the logit and the label of every image.
  std::vector<std::vector<std::pair<float, bool>>> scores_;
  double loss_ = 0;
  std::vector<Judged> latest_;
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
  for (double& x : logits) x = probability_of(x);
}

void MultiLabelClassification::average(std::span<double> logits, std::span<double> others) const {
  // With log p = −log(1 + e⁻ˣ), the logit of the mean is log(mean p) − log(mean (1 − p)).
  const auto log_p = [](double x) { return (x < 0 ? x : 0) - std::log1p(std::exp(-std::abs(x))); };
  for (size_t k = 0; k < logits.size(); ++k)
    logits[k] = log_of_mean(log_p(logits[k]), log_p(others[k])) -
                log_of_mean(log_p(-logits[k]), log_p(-others[k]));
}

}  // namespace swin::tasks
