// Batches, made ahead by worker threads. What is in a batch is a function of (data set, options,
// epoch, number of the batch) alone: not of the workers, nor of where an epoch was entered.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/transform.h"

namespace swin::data {

struct Batch {
  int64_t size = 0;
  std::vector<float> images;     ///< (size, height, width, channels), normalised
  std::vector<int64_t> labels;   ///< (size)
  std::vector<int64_t> indices;  ///< (size) numbers in the data set
};

struct LoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;    ///< by Permutation over ("data/shuffle", epoch)
  bool drop_last = false;  ///< leave out a last batch that is not full
  bool training = false;   ///< apply `augment`
  uint64_t seed = 0;
  int workers = 0;  ///< threads; 0: batches are made by the thread that calls next()
  Preprocess preprocess;
  Augment augment;
};

class Loader {
 public:
  /// The data set must outlive the loader.
  /// @throws UsageError for options that make no sense (an empty data set, a batch size below 1,
  /// …).
  Loader(const Dataset& dataset, const LoaderOptions& options);
  /// Ends the workers after the picture each has in hand; never hangs.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches in an epoch.
  int64_t num_batches() const;
  /// Pictures in an epoch (fewer than the data set's under drop_last).
  int64_t num_samples() const;
  /// Begins an epoch at one of its batches; what was underway is dropped. May be called at any
  /// time.
  void start(int64_t epoch, int64_t first_batch = 0);
  /// The next batch, in order; memory that `batch` holds is used again. False after the last one.
  /// @throws what a worker threw while making this batch (its lowest picture); the batch after it
  /// can
  ///         still be asked for.
  bool next(Batch& batch);
  /// Seconds next() kept its caller waiting, since construction.
  double seconds_waited() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace swin::data
