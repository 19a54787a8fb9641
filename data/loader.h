// Batches, made ahead by worker threads. What is in a batch is a function of (data set, options,
// epoch, number of the batch) alone: not of the workers, nor of where an epoch was entered.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/transforms/augment.h"
#include "data/transforms/transform.h"

namespace swin::data {

/// What happens to an image whose file cannot be read or decoded (a DataError; all other errors
/// end the pass).
enum class OnBad {
  error,    ///< next() throws
  replace,  ///< another image of its class takes its place: training
  skip,     ///< its place stays zero and is listed in Batch::bad: evaluation, which counts them all
};

struct LoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;    ///< by Permutation over ("data/shuffle", epoch)
  bool drop_last = false;  ///< leave out a last batch that is not full
  /// Apply `augment`. With r repeats an image stands r times in a row, and an epoch, which stays
  /// as long as the data set, shows the first 1/r of its shuffled order: timm's RepeatAugSampler in
  /// one process. A worker decodes an image once for the repeats it makes in a row.
  bool training = false;
  uint64_t seed = 0;
  int workers = 0;  ///< threads; 0: batches are made by the thread that calls next()
  OnBad on_bad = OnBad::error;
  bool label_rows = false;  ///< labels are rows of 0 and 1, for images of any number of classes
  Preprocess preprocess;
  Augment augment;
};

class Loader {
 public:
  /// The data set must outlive the loader.
  /// @throws UsageError for options that make no sense (an empty data set, a batch size below 1,
  /// …).
  Loader(const Dataset& dataset, const LoaderOptions& options);
  /// Ends the workers after the image each has in hand; never hangs.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches in an epoch.
  int64_t num_batches() const;
  /// Images in an epoch (fewer than the data set's under drop_last).
  int64_t num_samples() const;
  /// Begins an epoch at one of its batches; what was underway is dropped. May be called at any
  /// time.
  void start(int64_t epoch, int64_t first_batch = 0);
  /// The next batch, in order; memory that `batch` holds is used again. False after the last one.
  /// Under OnBad::replace a bad image's stand-in is a function of (seed, epoch, its number): the
  /// first readable one in a shuffled order of its class.
  /// @throws what a worker threw while making this batch (its lowest image), as a base::Error
  ///   that names the image: DataError for a bad one (under OnBad::replace: whose class has no
  ///   readable one), MemoryError where memory ran out, InternalError for anything unforeseen. The
  ///   batch after it can still be asked for.
  bool next(Batch& batch);
  /// Seconds next() kept its caller waiting, since construction.
  double seconds_waited() const;
  const Dataset& dataset() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace swin::data
