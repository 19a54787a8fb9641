#include "trainers/report/run_listener.h"

namespace swin::trainers {

void Listeners::started(int64_t step) {
  for (RunListener* listener : listeners_) listener->started(step);
}

autograd::Observer* Listeners::observer(int64_t step) {
  observers_.list.clear();
  for (RunListener* listener : listeners_)
    if (autograd::Observer* observer = listener->observer(step))
      observers_.list.push_back(observer);
  return observers_.list.empty() ? nullptr : &observers_;
}

void Listeners::step(const StepReport& report) {
  for (RunListener* listener : listeners_) listener->step(report);
}

void Listeners::evaluating(int64_t done, int64_t of) {
  for (RunListener* listener : listeners_) listener->evaluating(done, of);
}

void Listeners::evaluated(const EpochReport& report) {
  for (RunListener* listener : listeners_) listener->evaluated(report);
}

void Listeners::message(Message kind, const std::string& text) {
  for (RunListener* listener : listeners_) listener->message(kind, text);
}

void Listeners::saved(int64_t step) {
  for (RunListener* listener : listeners_) listener->saved(step);
}

void Listeners::ended(const TrainResult& result) {
  for (RunListener* listener : listeners_) listener->ended(result);
}

void Listeners::Observers::node_done(const autograd::Node& node, double seconds) {
  for (autograd::Observer* observer : list) observer->node_done(node, seconds);
}

void Listeners::Observers::gradient_ready(const autograd::Gradient& gradient) {
  for (autograd::Observer* observer : list) observer->gradient_ready(gradient);
}

}  // namespace swin::trainers
