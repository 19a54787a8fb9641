// The images of a run that could not be read: bad.jsonl, the count of an epoch, and the limit.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "data/loader.h"
#include "trainers/report/run_log.h"
#include "trainers/run/evaluation.h"

namespace swin::trainers {

class BadImages {
 public:
  /// @param path RUN/bad.jsonl; it has one line per bad image in the whole run, resumed or not. The
  ///   file does not exist while there is no bad image.
  /// @param starts_from_scratch drops the lines of an earlier run.
  /// @param epoch_images images of an epoch, of which the fraction `max_fraction` may be bad.
  BadImages(std::filesystem::path path, bool starts_from_scratch, int64_t epoch_images,
            double max_fraction);

  /// Logs the bad images of a training batch, and shows a message for those that are new.
  /// @param so_far bad images of the epoch before this batch. @return the sum with this batch.
  /// @throws DataError with the counts if they exceed the limit; DiskError.
  int64_t add(const data::Batch& batch, const data::Dataset& dataset, int64_t so_far, int64_t epoch,
              RunListener& listener);
  /// The same for an evaluation, whose bad images are left out. Says nothing about limits.
  void add(const Measured& measured, RunListener& listener);
  /// Bad images of all training batches added to this object.
  int64_t total() const { return total_; }

 private:
  /// @param replaced_by empty: the image is left out.
  void log(const std::string& name, const std::string& error, const std::string& replaced_by,
           RunListener& listener);

  std::filesystem::path path_;
  int64_t epoch_images_;
  double max_fraction_;
  int64_t total_ = 0;
  std::set<std::string> logged_;  // names
  std::optional<RunLog> log_;
};

}  // namespace swin::trainers
