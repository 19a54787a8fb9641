// One pass over a data set without gradients, for training and for `evaluate`.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "data/loader.h"
#include "tasks/task.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Loader options for whole passes in the order of the data set, the last batch included. A batch,
/// the images of one forward, is trainer.micro_batch_size, else batch_size; at most the size of the
/// set.
data::LoaderOptions evaluation_loader(const Config& config, const data::Dataset& dataset);

/// Runs the model over every image of the loader, once.
/// @param batch_size of the loader; a smaller last batch is padded with zeros for the forward, so
///   that the pool needs no memory of other sizes. The metrics ignore the padding.
/// @param label_map the model's class for each class of the data set; empty: they are the same.
/// @param go_on called after each batch with the images so far; false ends the pass.
/// @return the metrics; empty if `go_on` ended the pass.
/// @throws DataError after the whole pass, counting and naming the images that cannot be read: they
///   are never replaced, and metrics without them would be those of another set.
std::optional<tasks::Metrics> measure(const tasks::Task& task, data::Loader& loader,
                                      int64_t batch_size, std::span<const int64_t> label_map,
                                      const std::function<bool(int64_t images)>& go_on);

}  // namespace swin::trainers
