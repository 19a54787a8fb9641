// RUN/files.gz: the files of a run's data sets, so that a change between two starts can be named.
#pragma once
#include <vector>

#include "data/file_list.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {

/// What a run learns from and is measured on; it outlives those who hold it.
struct RunData {
  const data::Dataset& train;
  const data::Dataset* validation = nullptr;  ///< null: nothing is evaluated
};

/// The lists of RUN/files.gz; none where it is missing or damaged.
std::vector<data::FileList> read_file_lists(const RunDirectory& directory);

/// Writes RUN/files.gz once the first checkpoint of these data sets is on disk: until then it
/// belongs to the checkpoint before.
class FileListWriter : public RunListener {
 public:
  FileListWriter(const RunDirectory& directory, const RunData& data)
      : directory_(directory), data_(data) {}
  void saved(int64_t step) override;

 private:
  const RunDirectory& directory_;
  const RunData data_;
  bool written_ = false;
};

}  // namespace swin::trainers
