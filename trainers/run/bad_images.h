// The images of a run that could not be read: bad.jsonl, the count of an epoch, and the limit.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "data/loader.h"
#include "trainers/report/progress.h"
#include "trainers/run/run_log.h"

namespace swin::trainers {

class BadImages {
 public:
  /// @param path RUN/bad.jsonl; it has a line for each bad file, once a run, also where the run was
  ///   stopped and goes on. There is no file while there is no bad image.
  /// @param starts_from_scratch drops what an earlier run has left.
  /// @param epoch_images images of an epoch, of which `max_fraction` may be bad.
  BadImages(std::filesystem::path path, bool starts_from_scratch, int64_t epoch_images,
            double max_fraction);

  /// Logs the bad images of a training batch; a new one is also a message. @param so_far bad ones
  /// of the epoch before this batch. @return so_far and those of the batch.
  /// @throws DataError with the counts where they are more than the limit; DiskError.
  int64_t add(const data::Batch& batch, const data::Dataset& dataset, int64_t so_far, int64_t epoch,
              Progress& progress);
  /// Of this call.
  int64_t total() const { return total_; }

 private:
  std::filesystem::path path_;
  int64_t epoch_images_;
  double max_fraction_;
  int64_t total_ = 0;
  std::set<std::string> logged_;  // names
  std::optional<RunLog> log_;
};

}  // namespace swin::trainers
