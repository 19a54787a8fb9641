// Batches, made ahead of time by worker threads. The contents of a batch depend only on (data set,
// options, epoch, index of the batch), not on the workers or on where an epoch was entered.
#pragma once
#include <cstdint>
#include <memory>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/transforms/augment.h"
#include "data/transforms/transform.h"

namespace swin::data {

/// What happens to an image whose file cannot be read or decoded (a DataError). All other errors
/// end the pass.
enum class OnBad {
  error,    ///< next() throws
  replace,  ///< another image of its class is used instead: training
  skip,     ///< it is all zeros and listed in Batch::bad: evaluation, which counts them
};

struct LoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;  ///< by a Permutation drawn from ("data/shuffle", epoch)
  /// With shuffle: batches of images wider than high, or of the others, so that samples of several
  /// sizes need less padding (BatchOrder). Reads the size of every image before the first epoch.
  bool group_by_aspect_ratio = false;
  bool drop_last = false;  ///< leave out a last batch that is not full
  /// Apply `augment`, to annotations, too; otherwise label maps and objects stay as they are in the
  /// data set, for metrics. With r repeats every image occurs r times in a row. An epoch is still
  /// as long as the data set, so it uses the first 1/r of the shuffled order (timm's
  /// RepeatAugSampler in one process). A worker decodes an image once for the repeats that it makes
  /// in a row.
  bool training = false;
  uint64_t seed = 0;
  int workers = 0;  ///< threads; 0: the thread that calls next() makes the batches
  OnBad on_bad = OnBad::error;
  bool label_rows = false;  ///< labels are rows of 0 and 1, for images of any number of classes
  Preprocess preprocess;
  Augment augment;
};

class Loader {
 public:
  /// The data set must outlive the loader.
  /// @throws UsageError for invalid options (an empty data set, a batch size below 1, …).
  Loader(const Dataset& dataset, const LoaderOptions& options);
  /// Each worker finishes its current image and ends; never hangs.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches in an epoch.
  int64_t num_batches() const;
  /// Images in an epoch (fewer than the data set's under drop_last).
  int64_t num_samples() const;
  /// Starts an epoch at one of its batches and drops unfinished batches. May be called at any time.
  void start(int64_t epoch, int64_t first_batch = 0);
  /// The next batch, in order; reuses the memory of `batch`. @return false after the last batch.
  /// Under OnBad::replace the replacement of a bad image depends only on (seed, epoch, its index):
  /// it is the first readable image in a shuffled order of the class.
  /// @throws what a worker threw for the first failed image of this batch, as a base::Error that
  ///   names the image: DataError for a bad image (under OnBad::replace only where its class has no
  ///   readable one), MemoryError where memory ran out, InternalError for unexpected errors. The
  ///   batches after it can still be read.
  bool next(Batch& batch);
  /// Seconds that callers of next() waited, since construction.
  double seconds_waited() const;
  const Dataset& dataset() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace swin::data
