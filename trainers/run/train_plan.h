// What a run would do, found without starting it: for `swin train --plan`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainers/run/plan.h"
#include "trainers/run/plan_anchors.h"
#include "trainers/run/train.h"

namespace swin::trainers {

/// What a config costs, as `swin plan` says it.
struct CostPlan {
  int64_t training_images = 0;  ///< 0: not known
  TrainingPlan training;
  TimeEstimate time;
  std::optional<AnchorPlan> anchors;  ///< of a detector whose objects can be read
};
/// @param training null: not available.
CostPlan plan_cost(const Config& config, const data::Dataset* training);

struct TrainPlan {
  Config config;  ///< with the classes of the data
  base::Json data;
  std::vector<std::string> data_lines;  ///< what the data sets hold and pass over
  std::vector<std::string> notes;       ///< of the start: the weights of each tensor, …
  std::vector<std::string> warnings;
  CostPlan cost;  ///< its time is that of the steps left

  enum class From { scratch, weights, checkpoint, finished };
  From from = From::scratch;
  std::string file;        ///< the checkpoint or the weight file; else empty
  int64_t first_step = 0;  ///< steps that are done already
  int64_t total_steps = 0, steps_per_epoch = 0, epochs = 0;
  int64_t evaluations = 0;  ///< still to come
  int64_t validation_images = 0;

  std::string output;
  bool output_exists = false;
  int64_t kept_checkpoints = 0;  ///< at once at most, with the one that is being written
  int64_t disk_bytes = 0;        ///< of so many
  int64_t free_bytes = 0;        ///< where the output goes
};

/// Creates and changes nothing.
/// @throws what train() would throw before its first step.
TrainPlan plan_train(const TrainOptions& options);

/// {data, start, steps, …, output}; the caller adds the cost.
base::Json to_json(const TrainPlan& plan);

}  // namespace swin::trainers
