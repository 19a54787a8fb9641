// The progress of a run, shown on stderr.
#pragma once
#include <cstdint>
#include <string>

#include "base/stopwatch.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// On a terminal a bar with rate, loss, learning rate and time left, else a plain line every few
/// seconds. NO_COLOR and TERM=dumb are honored. Not thread-safe.
class Progress : public RunListener {
 public:
  struct Options {
    bool quiet = false;  ///< warnings only
    int file_descriptor = 2;
    double plain_seconds = 5;  ///< between plain lines
  };
  explicit Progress(const Options& options);
  /// Ends the bar's line.
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step(const StepReport& report) override;
  void evaluating(int64_t done, int64_t of) override { images("evaluating", done, of); }
  void evaluated(const EpochReport& report) override;
  /// Progress of a pass over images, as "evaluating 128/1000  456 images/s  2s left"; shown on a
  /// terminal only. Another word or fewer images than before start a new pass.
  void images(const std::string& doing, int64_t done, int64_t total);
  /// A line of its own, above the bar; if quiet, only warnings are shown.
  void message(Message kind, const std::string& text) override;

 private:
  void draw(const std::string& line);
  void clear_line();
  void write(const std::string& text) const;
  bool due(double seconds);

  Options options_;
  bool terminal_ = false, color_ = false;
  bool line_open_ = false;  ///< a bar is drawn and its line has not ended
  bool drawn_ = false;
  base::Stopwatch since_drawn_;
  struct Pass {
    std::string doing;
    int64_t first = 0, done = 0;  ///< images at the first and the latest call
    base::Stopwatch watch;
  };
  Pass pass_;
};

/// "1h 02m", "3m 05s", "12s".
std::string duration_text(double seconds);
/// A number with about three digits: "1234", "56.7", "0.00123".
std::string short_number(double value);

}  // namespace swin::trainers
