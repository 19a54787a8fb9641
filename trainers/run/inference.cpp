#include "trainers/run/inference.h"

#include <algorithm>

#include "autograd/tape/op.h"
#include "base/pool.h"

namespace swin::trainers {
namespace {

// The ops of a dry run are nobody's.
class Unobserved : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& /*done*/) override {}
};

}  // namespace

void Inference::plan(const autograd::Shape& shape, tasks::Detail detail) {
  planned_.push_back(shape);
  size_t bytes = 0;
  {
    const base::DryRun dry;
    const Unobserved unobserved;
    const autograd::Tensor images(shape);
    base::Arena arena;
    const base::Arena::Use use(&arena);
    task_->outputs(images, detail);
    bytes = arena.planned_bytes();
  }
  if (bytes <= bytes_) return;
  bytes_ = bytes;
  arena_ = base::Arena();  // before the larger one is made
  arena_ = base::Arena(bytes);
}

tasks::Outputs Inference::operator()(const autograd::Tensor& images, tasks::Detail detail,
                                     const tasks::ImageInfo& info) {
  if (std::ranges::find(planned_, images.shape()) == planned_.end()) plan(images.shape(), detail);
  const base::Arena::Use use(&arena_);
  return task_->outputs(images, detail, info);
}

}  // namespace swin::trainers
