// What Progress draws on a terminal, as lines of text.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/metrics.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// "1h 02m", "3m 05s", "12s".
std::string duration_text(double seconds);
/// A number with about three digits: "1234", "56.7", "0.00123".
std::string short_number(double value);

/// Columns that a UTF-8 text takes on a terminal, at most: characters of East Asia take two.
int64_t columns_of(std::string_view text);
/// As much of its beginning as fits into `columns`.
std::string_view cut_to(std::string_view text, int64_t columns);
/// The same, but a word with a digit is left out rather than cut: the rest of a number is another
/// number.
std::string_view cut_between_numbers(std::string_view text, int64_t columns);

/// "███░░": a share from 0 to 1.
std::string progress_bar(double share, int64_t cells);
/// A character of ▁▂▃▄▅▆▇█ for each value, from the least to the greatest of them.
std::string sparkline(const std::vector<double>& values);

/// The means of a loss over each hundredth of a run's steps.
class RecentMeans {
 public:
  void add(int64_t step, int64_t total_steps, double value);
  /// The newest ones, at most `most`.
  std::vector<double> last(size_t most) const;

 private:
  std::deque<double> means_;
  int64_t part_ = -1, count_ = 0;  // of the newest mean: which hundredth, of how many steps
};

/// Three lines of a run that are no wider than the terminal: the epoch, the run, the loss. What
/// does not fit is left out, the least important first.
std::vector<std::string> run_lines(const StepReport& report, const RecentMeans& losses,
                                   int64_t columns);

/// The monitored metric and at most `others` more. Where there are more than that, the first one of
/// each kind comes before the second ones; the kind is the name up to its first "_", as box and
/// segm.
tasks::Metrics main_metrics(const tasks::Metrics& metrics, const std::string& monitor,
                            size_t others = 5);

/// What an evaluation is compared with.
struct EarlierEvaluations {
  tasks::Metrics latest;       ///< of the one before; empty if there was none
  std::optional<double> best;  ///< of the monitored metric
};

/// A heading and a line for each of main_metrics, with the value before, the direction of the
/// change and the best value; with at most ten classes, a line of their values if it fits. Where
/// `columns` are too few, first the best values are left out, then the ones before, then the
/// directions; then names are shortened in the middle.
std::vector<std::string> evaluation_table(const EpochReport& report, const std::string& monitor,
                                          const EarlierEvaluations& earlier, int64_t columns);

}  // namespace swin::trainers
