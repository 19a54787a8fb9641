#include "trainers/run/run_state.h"

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {
namespace {

double number(const base::Json& json) {
  // JSON has no NaN; such a metric is stored as null.
  return json.is_number() ? json.as_real() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

base::Json RunState::metrics_json() const {
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

void RunState::read_metrics(const base::Json& json) {
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

void save_checkpoint(const std::filesystem::path& path, const RunState& state,
                     const RunIdentity& identity, const layers::Parameters& parameters,
                     AdamW& optimizer) {
  files::CheckpointContents contents;
  contents.step = state.step;
  contents.epoch = state.epoch;
  const auto add_slab = [&](const std::string& group, const float* slab) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      const layers::ParameterEntry& entry = parameters[i];
      std::vector<int64_t> dims;
      for (int dim = 0; dim < entry.shape.rank(); ++dim) dims.push_back(entry.shape[dim]);
      contents.arrays.push_back(files::NamedArray::of(
          group + "/" + entry.name, dims,
          std::span(slab + entry.offset, static_cast<size_t>(entry.numel()))));
    }
  };
  add_slab("model", parameters.slab());
  for (const AdamW::Slot& slot : optimizer.slots())
    add_slab(std::string("optimizer/") + slot.name, slot.slab);
  contents.meta = {
      {"config", base::to_text(identity.config)},
      {"class_names", base::to_text(base::Json::array_of(identity.class_names))},
      {"metrics", base::to_text(state.metrics_json())},
      {"dataset_fingerprint", base::to_text(identity.fingerprint)},
      {"numerics", base::to_text(identity.numerics)},
  };
  files::write_checkpoint(path, contents);
}

RunState restore_checkpoint(const files::CheckpointFile& file, layers::Parameters& parameters,
                            AdamW& optimizer) {
  RunState state;
  state.step = file.step();
  state.epoch = file.epoch();
  read_slab(file, "model", parameters, parameters.slab());
  for (const AdamW::Slot& slot : optimizer.slots())
    read_slab(file, std::string("optimizer/") + slot.name, parameters, slot.slab);
  try {
    state.read_metrics(stored_json(file, "metrics"));
  } catch (const base::InternalError& e) {
    throw base::WeightError(file.path().string() + ": meta/metrics", e.what(),
                            "take another checkpoint");
  }
  return state;
}

}  // namespace swin::trainers
