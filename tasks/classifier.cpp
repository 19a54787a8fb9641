#include "tasks/classifier.h"

#include <algorithm>
#include <cmath>

#include "data/transforms/mixing.h"

namespace swin::tasks {

Tensor Classifier::targets_of(const Slice& slice) const {
  const data::Batch& batch = slice.batch;
  const auto first = static_cast<size_t>(slice.begin), count = static_cast<size_t>(slice.size);
  if (base::DryRun::active()) return Tensor({slice.size, num_classes()});
  if (!batch.target_rows.empty()) {
    Tensor targets({slice.size, num_classes()});
    std::copy_n(batch.target_rows.begin() + slice.begin * num_classes(), targets.numel(),
                targets.mutable_data());
    return targets;
  }
  // One label per image, or one per image and class.
  const auto columns = batch.labels.size() / static_cast<size_t>(batch.size);
  const std::span<const int64_t> labels(batch.labels);
  Tensor targets = this->targets(labels.subspan(first * columns, count * columns));
  if (batch.own_share.empty()) return targets;
  std::vector<int64_t> partners;
  for (int64_t i = slice.begin; i < slice.begin + slice.size; ++i) {
    const auto row =
        labels.subspan(static_cast<size_t>(data::partner_of(i, batch.size)) * columns, columns);
    partners.insert(partners.end(), row.begin(), row.end());
  }
  data::mix_targets(std::span(batch.own_share).subspan(first, count),
                    this->targets(partners).data(), num_classes(), targets.mutable_data());
  return targets;
}

Losses Classifier::loss(const Slice& slice, const layers::Pass& pass, const Count& count) const {
  const Tensor images = images_of(slice, slice.size, model_config().in_chans);
  const Tensor targets = targets_of(slice);
  return {{"loss", loss_of(model_.forward(images, pass), targets,
                           real{1} / static_cast<real>(count.at(0)))}};
}

Outputs Classifier::outputs(const Tensor& images, Detail detail, const ImageInfo&) const {
  std::vector<Tensor> features;
  Outputs outputs;
  outputs.push_back({"logits", model_.forward(images, layers::Pass{},
                                              detail == Detail::everything ? &features : nullptr)});
  for (size_t i = 0; i < features.size(); ++i)
    outputs.push_back({"features." + std::to_string(i), features[i]});
  return outputs;
}

double log_of_mean(double a, double b) {
  const double larger = std::max(a, b);
  return larger + std::log((std::exp(a - larger) + std::exp(b - larger)) / 2);
}

Outputs Classifier::mean_of(const Outputs& a, const Outputs& b) const {
  const Tensor &first = output(a, "logits"), &second = output(b, "logits");
  Tensor mean(first.shape());
  const auto classes = static_cast<size_t>(num_classes());
  for (int64_t begin = 0; begin < first.numel(); begin += num_classes()) {
    std::vector<double> logits(first.data() + begin, first.data() + begin + classes);
    std::vector<double> others(second.data() + begin, second.data() + begin + classes);
    average(logits, others);
    std::copy(logits.begin(), logits.end(), mean.mutable_data() + begin);
  }
  return {{"logits", mean}};
}

std::vector<Answer> Classifier::answers(const Outputs& outputs) const {
  const Tensor& logits = output(outputs, "logits");
  std::vector<Answer> answers(static_cast<size_t>(logits.dim(0)));
  const real* row = logits.data();
  for (Answer& answer : answers) {
    std::vector<double> probabilities(row, row + num_classes());
    to_probabilities(probabilities);
    for (const double probability : probabilities)
      answer.classes.push_back({std::ssize(answer.classes), probability});
    std::stable_sort(answer.classes.begin(), answer.classes.end(),
                     [](const auto& a, const auto& b) { return a.probability > b.probability; });
    row += num_classes();
  }
  return answers;
}

}  // namespace swin::tasks
