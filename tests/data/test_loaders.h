// Options of loaders, and their batches.
#pragma once
#include <cstdint>
#include <vector>

#include "data/loader.h"

namespace swin::data {

/// Training with shuffled and augmented images of 12 × 14 pixels.
inline LoaderOptions training_options(int workers, int64_t batch_size, uint64_t seed) {
  LoaderOptions options;
  options.batch_size = batch_size;
  options.shuffle = options.training = true;
  options.seed = seed;
  options.workers = workers;
  options.preprocess = {.height = 12, .width = 14, .channels = 3, .mean = {0.4f}, .std = {0.3f}};
  options.augment.random_crop = 2;
  options.augment.horizontal_flip = 0.5;
  return options;
}

/// All batches of an epoch from batch `first` on.
inline std::vector<Batch> collect(Loader& loader, int64_t epoch, int64_t first = 0) {
  std::vector<Batch> batches;
  loader.start(epoch, first);
  for (Batch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

}  // namespace swin::data
