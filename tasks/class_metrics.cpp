#include "tasks/class_metrics.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/errors.h"

namespace swin::tasks {
namespace {

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double bound(int bin) { return static_cast<double>(bin) / Calibration::kBins; }

}  // namespace

double ClassTally::precision() const { return support == 0 ? -1 : ratio(right, predicted); }
double ClassTally::recall() const { return support == 0 ? -1 : ratio(right, support); }
double ClassTally::f1() const { return support == 0 ? -1 : ratio(2 * right, support + predicted); }

Metrics ClassTally::metrics() const {
  return {{"precision", precision()},
          {"recall", recall()},
          {"f1", f1()},
          {kSupport, static_cast<double>(support)}};
}

MacroMeans macro_means(std::span<const ClassTally> tallies) {
  MacroMeans sum{0, 0, 0};
  int64_t classes = 0;
  for (const ClassTally& tally : tallies) {
    if (tally.support == 0) continue;
    sum.precision += tally.precision();
    sum.recall += tally.recall();
    sum.f1 += tally.f1();
    ++classes;
  }
  if (classes == 0) return {};
  const auto count = static_cast<double>(classes);
  return {sum.precision / count, sum.recall / count, sum.f1 / count};
}

void ClassCounts::add(int64_t label, int64_t prediction) {
  const int64_t classes = std::ssize(tallies_);
  if (label < 0 || label >= classes || prediction < -1 || prediction >= classes)
    throw base::InternalError("class counts",
                              "found the label " + std::to_string(label) + " and the prediction " +
                                  std::to_string(prediction) + ", expected two of " +
                                  std::to_string(classes) + " classes");
  ++tallies_[static_cast<size_t>(label)].support;
  if (prediction < 0) return;
  ++tallies_[static_cast<size_t>(prediction)].predicted;
  tallies_[static_cast<size_t>(label)].right += label == prediction;
  ++confusion_[{label, prediction}];
}

std::vector<ConfusionEntry> ClassCounts::confusion() const {
  std::vector<ConfusionEntry> entries;
  entries.reserve(confusion_.size());
  for (const auto& [pair, count] : confusion_) entries.push_back({pair.first, pair.second, count});
  return entries;
}

std::vector<ConfusionEntry> most_confused(std::span<const ConfusionEntry> entries, size_t most) {
  std::vector<ConfusionEntry> confused;
  for (const ConfusionEntry& entry : entries)
    if (entry.label != entry.prediction) confused.push_back(entry);
  std::stable_sort(confused.begin(), confused.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  if (confused.size() > most) confused.resize(most);
  return confused;
}

void Calibration::add(double confidence, bool right) {
  if (std::isnan(confidence)) return;
  int bin = 0;
  while (bin + 1 < kBins && confidence > bound(bin + 1)) ++bin;
  Bin& at = bins_[static_cast<size_t>(bin)];
  ++at.count;
  at.right += right;
  at.confidence += confidence;
}

double Calibration::ece() const {
  int64_t all = 0;
  for (const Bin& bin : bins_) all += bin.count;
  double error = 0;
  for (const CalibrationBin& bin : bins())
    error += ratio(bin.count, all) * std::abs(bin.accuracy - bin.confidence);
  return error;
}

std::vector<CalibrationBin> Calibration::bins() const {
  std::vector<CalibrationBin> bins;
  for (int k = 0; k < kBins; ++k) {
    const Bin& bin = bins_[static_cast<size_t>(k)];
    const double count = static_cast<double>(std::max<int64_t>(bin.count, 1));
    bins.push_back(
        {bound(k), bound(k + 1), bin.count, bin.confidence / count, ratio(bin.right, bin.count)});
  }
  return bins;
}

Ranking ranking_of(std::vector<std::pair<float, bool>> scores) {
  for (auto& [score, has] : scores)
    if (std::isnan(score)) score = -INFINITY;
  std::sort(scores.begin(), scores.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  const int64_t positives =
      std::count_if(scores.begin(), scores.end(), [](const auto& score) { return score.second; });
  const int64_t negatives = std::ssize(scores) - positives;
  double sum = 0;
  int64_t found = 0, twice_pairs = 0;  // pairs in the right order twice, equal ones once
  for (size_t begin = 0, end = 0; begin < scores.size(); begin = end) {
    int64_t here = 0;
    for (; end < scores.size() && scores[end].first == scores[begin].first; ++end)
      here += scores[end].second;
    found += here;
    sum += static_cast<double>(here) * static_cast<double>(found) / static_cast<double>(end);
    const int64_t equal = static_cast<int64_t>(end - begin) - here;
    const int64_t below = negatives - (static_cast<int64_t>(end) - found);
    twice_pairs += here * (2 * below + equal);
  }
  Ranking ranking;
  if (positives > 0) ranking.average_precision = sum / static_cast<double>(positives);
  if (positives > 0 && negatives > 0) ranking.auroc = ratio(twice_pairs, 2 * positives * negatives);
  return ranking;
}

}  // namespace swin::tasks
