// What a run tells those who watch it: log.jsonl, run.json and the progress bar are listeners. The
// loop knows none of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tape/tape.h"
#include "tasks/metrics.h"

namespace swin::trainers {

struct TrainResult;

/// A finished step. Epochs count from 1. The sums are those of this call, of the steps alone:
/// without evaluation and saving.
struct StepReport {
  int64_t step = 0, total_steps = 0, epoch = 0, total_epochs = 0;
  tasks::Metrics losses;  ///< the total first
  double learning_rate = 0, gradient_norm = 0;
  int64_t batch_size = 0;
  int64_t images = 0;
  double seconds = 0, data_wait_seconds = 0;
};

/// A finished epoch.
struct EpochReport {
  int64_t epoch = 0, total_epochs = 0;
  std::optional<tasks::Metrics> metrics;  ///< empty if it was not evaluated
  double evaluate_seconds = 0;
  int64_t bad_images = 0;
  bool new_best = false;
};

class RunListener {
 public:
  virtual ~RunListener() = default;
  /// @param step 0, or the step that the run is resumed from.
  virtual void started(int64_t step) { static_cast<void>(step); }
  /// Asked before each step: who watches its backward pass; null: nobody.
  virtual autograd::Observer* observer(int64_t step) {
    static_cast<void>(step);
    return nullptr;
  }
  virtual void step(const StepReport& report) { static_cast<void>(report); }
  virtual void evaluating(int64_t done, int64_t of) {
    static_cast<void>(done);
    static_cast<void>(of);
  }
  virtual void evaluated(const EpochReport& report) { static_cast<void>(report); }
  enum class Message { note, warning };
  virtual void message(Message kind, const std::string& text) {
    static_cast<void>(kind);
    static_cast<void>(text);
  }
  void note(const std::string& text) { message(Message::note, text); }
  void warning(const std::string& text) { message(Message::warning, text); }
  /// A checkpoint of this step is on disk.
  virtual void saved(int64_t step) { static_cast<void>(step); }
  virtual void ended(const TrainResult& result) { static_cast<void>(result); }
};

/// Passes everything on, in the order of the list.
class Listeners : public RunListener {
 public:
  void add(RunListener& listener) { listeners_.push_back(&listener); }
  void started(int64_t step) override;
  autograd::Observer* observer(int64_t step) override;
  void step(const StepReport& report) override;
  void evaluating(int64_t done, int64_t of) override;
  void evaluated(const EpochReport& report) override;
  void message(Message kind, const std::string& text) override;
  void saved(int64_t step) override;
  void ended(const TrainResult& result) override;

 private:
  class Observers : public autograd::Observer {
   public:
    void node_done(const autograd::Node& node, double seconds) override;
    void gradient_ready(const autograd::Gradient& gradient) override;
    std::vector<autograd::Observer*> list;
  };
  std::vector<RunListener*> listeners_;
  Observers observers_;
};

}  // namespace swin::trainers
