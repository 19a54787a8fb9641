#include "trainers/report/run_listener.h"

namespace swin::trainers {

autograd::Observer* Listeners::observer(int64_t step) {
  observers_.list.clear();
  for (RunListener* listener : listeners_)
    if (autograd::Observer* observer = listener->observer(step))
      observers_.list.push_back(observer);
  return observers_.list.empty() ? nullptr : &observers_;
}

}  // namespace swin::trainers
