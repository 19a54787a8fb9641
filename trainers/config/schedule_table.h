// The plain rows of all schedules, for configs; their curves are in optim/schedule.cpp.
#pragma once
#include <span>
#include <string>

#include "base/config_row.h"

namespace swin::trainers {

std::span<const base::ConfigRow> schedule_rows();

}  // namespace swin::trainers
