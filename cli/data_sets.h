// What the actions of `swin data` share.
#pragma once
#include <memory>
#include <string>

#include "cli/arguments.h"
#include "data/dataset.h"
#include "trainers/report/progress.h"

namespace swin::cli {

/// Opens a path in the format that it seems to have, with all of its parts where they are folders.
std::unique_ptr<data::Dataset> open_path(const std::string& path);

/// Runs a pass over a data set, with a progress bar if stderr is a terminal.
template <class Function>
auto with_progress(const DataArguments& arguments, const std::string& doing,
                   const data::Dataset& dataset, const Function& pass) {
  trainers::Progress progress({.quiet = arguments.quiet || arguments.json});
  return pass([&](int64_t done) { progress.images(doing, done, dataset.size()); });
}

}  // namespace swin::cli
