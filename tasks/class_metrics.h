// What the answers of a classifier say class by class: how many are right, which class is taken for
// which, and whether their probabilities can be believed.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "tasks/metrics.h"

namespace swin::tasks {

/// How often images of one class were answered with another, or with itself.
struct ConfusionEntry {
  int64_t label = 0, prediction = 0, count = 0;
  bool operator==(const ConfusionEntry&) const = default;
};

/// The answers whose largest probability lies in (lower, upper]; the first bin has 0, too.
struct CalibrationBin {
  double lower = 0, upper = 0;
  int64_t count = 0;
  double confidence = 0;  ///< mean largest probability; 0 of an empty bin
  double accuracy = 0;    ///< share of right answers; 0 of an empty bin
};

/// The images of one class. The ratios are 0 … 1, and −1 of a class that no image has.
struct ClassTally {
  int64_t support = 0;       ///< images that have the class
  int64_t predicted = 0;     ///< images whose answer has it
  int64_t right = 0;         ///< both
  double precision() const;  ///< right / predicted; 0 if it was never answered
  double recall() const;     ///< right / support
  double f1() const;         ///< 2 · right / (support + predicted)
  /// precision, recall, f1, support.
  Metrics metrics() const;
};

/// Means over the classes with support; −1 where there are none. Equal to scikit-learn's
/// precision_recall_fscore_support(average="macro", zero_division=0) with those classes as labels;
/// the mean recall is its balanced_accuracy_score.
struct MacroMeans {
  double precision = -1, recall = -1, f1 = -1;
};
MacroMeans macro_means(std::span<const ClassTally> tallies);

/// Labels and answers of images with one class each.
class ClassCounts {
 public:
  explicit ClassCounts(int64_t classes) : tallies_(static_cast<size_t>(classes)) {}
  /// @param prediction −1: there is none (of logits that are NaN), which is wrong.
  /// @throws InternalError for anything else that is no class.
  void add(int64_t label, int64_t prediction);
  std::span<const ClassTally> tallies() const { return tallies_; }
  /// In the order of label and prediction, counts above 0 alone.
  std::vector<ConfusionEntry> confusion() const;

 private:
  std::vector<ClassTally> tallies_;
  std::map<std::pair<int64_t, int64_t>, int64_t> confusion_;
};

/// The entries of different classes with the largest counts; equal ones in the order of label and
/// prediction.
std::vector<ConfusionEntry> most_confused(std::span<const ConfusionEntry> entries, size_t most);

/// Compares the largest probabilities of answers with how many of them are right.
class Calibration {
 public:
  static constexpr int kBins = 15;
  /// @param confidence 0 … 1; NaN counts nowhere.
  void add(double confidence, bool right);
  /// Expected calibration error: Σ count / all · |accuracy − confidence| over bins of equal width;
  /// 0 without answers. Source: Guo et al. 2017, arXiv:1706.04599, equation 3.
  double ece() const;
  /// All kBins of them, also empty ones. A bound is k / kBins in double.
  std::vector<CalibrationBin> bins() const;

 private:
  struct Bin {
    int64_t count = 0, right = 0;
    double confidence = 0;  // their sum
  };
  std::array<Bin, kBins> bins_;
};

/// How well scores put images with a class before those without it.
struct Ranking {
  /// (Σ precision at each positive) / positives; images of equal scores share one rank, so that
  /// their order does not matter. −1 without positives. Equal to scikit-learn's
  /// average_precision_score.
  double average_precision = -1;
  /// The share of pairs of a positive and a negative image in which the positive one has the larger
  /// score; equal scores count one half. −1 without such pairs. Equal to its roc_auc_score.
  double auroc = -1;
};
/// @param scores (score, whether the image has the class); a NaN ranks last.
Ranking ranking_of(std::vector<std::pair<float, bool>> scores);

}  // namespace swin::tasks
