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

struct EvaluationReport;
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
  int64_t steps_per_epoch = 0;  ///< the last epoch may have fewer
};

/// A finished epoch.
struct EpochReport {
  int64_t epoch = 0, total_epochs = 0;
  std::optional<tasks::Metrics> metrics;  ///< empty if it was not evaluated
  double evaluate_seconds = 0;
  int64_t bad_images = 0;             ///< replaced in training
  int64_t validation_bad_images = 0;  ///< left out of the metrics
  bool new_best = false;
  int64_t step = 0;                              ///< the epoch's last one
  const EvaluationReport* evaluation = nullptr;  ///< null if it was not evaluated
};

class RunListener {
 public:
  virtual ~RunListener() = default;
  /// @param step 0, or the step that the run is resumed from.
  virtual void started(int64_t /*step*/) {}
  /// Asked before each step: who watches its backward pass; null: nobody.
  virtual autograd::Observer* observer(int64_t /*step*/) { return nullptr; }
  virtual void step(const StepReport& /*report*/) {}
  virtual void evaluating(int64_t /*done*/, int64_t /*of*/) {}
  virtual void evaluated(const EpochReport& /*report*/) {}
  enum class Message { note, warning };
  virtual void message(Message /*kind*/, const std::string& /*text*/) {}
  void note(const std::string& text) { message(Message::note, text); }
  void warning(const std::string& text) { message(Message::warning, text); }
  /// A checkpoint of this step is on disk.
  virtual void saved(int64_t /*step*/) {}
  virtual void ended(const TrainResult& /*result*/) {}
};

/// Passes everything on, in the order of the list.
class Listeners : public RunListener {
 public:
  void add(RunListener& listener) { listeners_.push_back(&listener); }
  void started(int64_t step) override { tell(&RunListener::started, step); }
  autograd::Observer* observer(int64_t step) override;
  void step(const StepReport& report) override { tell(&RunListener::step, report); }
  void evaluating(int64_t done, int64_t of) override { tell(&RunListener::evaluating, done, of); }
  void evaluated(const EpochReport& report) override { tell(&RunListener::evaluated, report); }
  void message(Message kind, const std::string& text) override {
    tell(&RunListener::message, kind, text);
  }
  void saved(int64_t step) override { tell(&RunListener::saved, step); }
  void ended(const TrainResult& result) override { tell(&RunListener::ended, result); }

 private:
  template <class Event, class... Args>
  void tell(Event event, const Args&... args) {
    for (RunListener* listener : listeners_) (listener->*event)(args...);
  }
  struct Observers : autograd::Observer {
    void node_done(const autograd::Node& node, double seconds) override {
      for (autograd::Observer* observer : list) observer->node_done(node, seconds);
    }
    void gradient_ready(const autograd::Gradient& gradient) override {
      for (autograd::Observer* observer : list) observer->gradient_ready(gradient);
    }
    std::vector<autograd::Observer*> list;
  };
  std::vector<RunListener*> listeners_;
  Observers observers_;
};

}  // namespace swin::trainers
