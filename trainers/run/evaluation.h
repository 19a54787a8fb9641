// One pass over a data set without gradients, for training and for `evaluate`.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/loader.h"
#include "tasks/task.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Loader options for whole passes in the order of the data set, the last batch included. A batch,
/// the images of one forward, is trainer.micro_batch_size, else batch_size; at most the size of the
/// set.
data::LoaderOptions evaluation_loader(const Config& config, const data::Dataset& dataset);

/// The model's class for each class of a data set; −1 of pixels that are ignored.
struct LabelMap {
  std::span<const int64_t> classes = {};  ///< empty: they are the same
  bool rows = false;                      ///< labels are rows of 0 and 1 (has_label_rows)
};

struct Measured {
  tasks::Metrics metrics;
  std::vector<tasks::Metrics> per_class;  ///< of the model's classes, where the task has any
  int64_t images = 0;                     ///< that the metrics are of
  struct Bad {
    std::string name, error;
  };
  std::vector<Bad> bad;  ///< images that cannot be read, in the order of the set
  int64_t all() const { return images + std::ssize(bad); }
};

/// Runs the model over every image of the loader, once. Images that cannot be read are left out,
/// never replaced: the metrics have the bits of those of the set without them.
/// @param batch_size of the loader; a smaller last batch is padded with zeros for the forward, so
///   that the pool needs no memory of other sizes. The metrics ignore the padding.
/// @param go_on called after each batch with the images so far; false ends the pass.
/// @return empty if `go_on` ended the pass; of 0 images if none can be read.
std::optional<Measured> measure(const tasks::Task& task, data::Loader& loader, int64_t batch_size,
                                const LabelMap& label_map,
                                const std::function<bool(int64_t images)>& go_on);

/// "found 2 of 24 images unreadable, expected <expected>: <the first of them>".
std::string unreadable_text(const Measured& measured, const std::string& expected);

}  // namespace swin::trainers
