// The progress of a run, shown on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/stopwatch.h"
#include "trainers/report/progress_lines.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// On a terminal a few lines at its end, drawn again in place: the latest evaluation as a table,
/// bars of the epoch and of the run with rate, time left and the part of it that waits for data,
/// and the loss as a sparkline. Anywhere else a plain line every few seconds, and one for each
/// evaluation. NO_COLOR and TERM=dumb are honored. Not thread-safe.
class Progress : public RunListener {
 public:
  struct Options {
    bool quiet = false;  ///< warnings only
    int file_descriptor = 2;
    double plain_seconds = 5;  ///< between plain lines
    std::string monitor = {};  ///< the metric that is shown first
  };
  explicit Progress(const Options& options);
  /// What is drawn stays, and its line ends.
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What a resumed run has measured before.
  void resumed(const EarlierEvaluations& earlier) { earlier_ = earlier; }
  void step(const StepReport& report) override;
  void evaluating(int64_t done, int64_t of) override { images("evaluating", done, of); }
  void evaluated(const EpochReport& report) override;
  /// Progress of a pass over images, as "evaluating 128/1000  456 images/s  2s left"; shown on a
  /// terminal only. Another word or fewer images than before start a new pass.
  void images(const std::string& doing, int64_t done, int64_t total);
  /// A line of its own, above what is drawn; if quiet, only warnings are shown.
  void message(Message kind, const std::string& text) override;

 private:
  void draw();
  std::string to_first_line();
  void write(const std::string& text) const;
  bool due(double seconds);

  Options options_;
  bool terminal_ = false, color_ = false;
  bool drawn_ = false;
  base::Stopwatch since_drawn_;
  std::vector<std::string> table_, run_;  ///< what is drawn: both, and the line of a pass
  std::string pass_line_;
  std::vector<int64_t> shown_;  ///< columns of each line on the terminal; the cursor is in the last
  RecentMeans losses_;
  EarlierEvaluations earlier_;
  struct Pass {
    std::string doing;
    int64_t first = 0, done = 0;  ///< images at the first and the latest call
    base::Stopwatch watch;
  };
  Pass pass_;
};

}  // namespace swin::trainers
