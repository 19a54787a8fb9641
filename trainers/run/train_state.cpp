#include "trainers/run/train_state.h"

#include <limits>

#include "base/errors.h"
#include "trainers/run/stored_model.h"
#include "weights/load_weights.h"

namespace swin::trainers {
namespace {

double number(const base::Json& json) {
  // JSON has no NaN; such a metric is stored as null.
  return json.is_number() ? json.as_real() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

base::Json TrainState::metrics_json() const {
  base::Json json = base::Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  if (best) {
    base::Json b = base::Json::object();
    b["monitor"] = best->monitor;
    b["value"] = best->value;
    b["step"] = best->step;
    json["best"] = std::move(b);
  }
  if (bad_images > 0) json["bad_images"] = bad_images;
  return json;
}

void TrainState::read_metrics(const base::Json& json) {
  metrics.clear();
  best.reset();
  bad_images = 0;
  for (const auto& [name, value] : json.members()) {
    if (name == "bad_images") {
      bad_images = value.as_int();
    } else if (name != "best") {
      metrics.emplace_back(name, number(value));
    } else {
      best = Best{value.at("monitor").as_string(), number(value.at("value")),
                  value.at("step").as_int()};
    }
  }
}

TrainState::TrainState(layers::Parameters& parameters, const Optimizer& optimizer)
    : model(&parameters) {
  for (const Optimizer::Slot& slot : optimizer.slots())
    slabs.push_back({"optimizer/" + slot.name, slot.slab});
}

void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const RunIdentity& identity) {
  files::CheckpointContents contents;
  contents.step = state.step;
  contents.epoch = state.epoch;
  const auto add = [&](const std::string& name, const layers::Slab& layout, const float* slab) {
    for (size_t i = 0; i < layout.size(); ++i)
      contents.arrays.push_back(files::NamedArray::of(
          name + "/" + layout[i].name, layout[i].shape.dims(),
          std::span(slab + layout[i].offset, static_cast<size_t>(layout[i].numel()))));
  };
  add("model", *state.model, state.model->slab());
  add("model", state.model->buffers(), state.model->buffers().slab());
  for (const TrainState::Slab& slab : state.slabs) add(slab.name, *state.model, slab.data);
  contents.meta = {
      {"config", base::to_text(identity.config)},
      {"class_names", base::to_text(base::Json::array_of(identity.class_names))},
      {"metrics", base::to_text(state.metrics_json())},
      {"dataset_fingerprint", base::to_text(identity.fingerprint)},
      {"numerics", base::to_text(identity.numerics)},
  };
  base::Json run = base::Json::object();
  run["steps_per_epoch"] = identity.steps_per_epoch;
  contents.meta.emplace_back("run", base::to_text(run));
  files::write_checkpoint(path, contents);
}

void restore_checkpoint(const files::CheckpointFile& file, TrainState& state) {
  state.step = file.step();
  state.epoch = file.epoch();
  weights::load_weights(*state.model, file);
  for (const TrainState::Slab& slab : state.slabs)
    weights::load_slab(*state.model, slab.data, file, slab.name);
  try {
    state.read_metrics(stored_json(file, "metrics"));
  } catch (const base::InternalError& e) {
    throw base::WeightError(file.path().string() + ": meta/metrics", e.what(),
                            "take another checkpoint");
  }
}

}  // namespace swin::trainers
