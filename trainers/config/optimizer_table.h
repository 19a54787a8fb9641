// The plain rows of all optimizers, for configs; what builds one is in optim/optimizer.cpp.
#pragma once
#include <span>
#include <string>

#include "base/config_row.h"

namespace swin::trainers {

std::span<const base::ConfigRow> optimizer_rows();

}  // namespace swin::trainers
