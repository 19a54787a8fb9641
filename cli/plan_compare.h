// How the cost of several models grows with the image: `swin plan --compare`.
#pragma once
#include "base/errors.h"
#include "cli/arguments.h"

namespace swin::cli {

/// One row an image size, one group of columns a config: multiply-adds and memory of the forward of
/// one image by a dry run, and, where asked for, its measured time.
base::ExitCode compare_plans(const PlanArguments& arguments);

}  // namespace swin::cli
