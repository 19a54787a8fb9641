// How the cost of several models grows with the image: `swin plan --compare`.
#pragma once
#include "base/errors.h"
#include "cli/arguments.h"

namespace swin::cli {

/// One row per image size, one group of columns per config: multiply-adds and memory of the forward
/// of one image from a dry run, and with --measure its time.
base::ExitCode compare_plans(const PlanArguments& arguments);

}  // namespace swin::cli
