// What `swin plan` and `swin train --plan` both say of a config's cost.
#pragma once
#include <string>

#include "base/errors.h"
#include "base/json.h"
#include "cli/arguments.h"
#include "trainers/run/train_plan.h"

namespace swin::cli {

/// The document of `swin plan --json`.
base::Json cost_json(const layers::ModelConfig& model, const trainers::CostPlan& cost);
/// Lines: how the anchors fit, memory and time.
std::string cost_text(const trainers::CostPlan& cost);
/// Says what `swin train` with these options would do.
base::ExitCode print_train_plan(const TrainArguments& arguments,
                                const trainers::TrainOptions& options);
std::string giga(int64_t n);  ///< "4.51 G", "312.4 M"

}  // namespace swin::cli
