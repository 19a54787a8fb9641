// The `task` section of a config as plain values; configs/README.md explains each.
#pragma once
#include <string>

#include "base/config_row.h"

namespace swin::tasks {

struct TaskConfig {
  std::string name = "classification";
  base::RowValues own = {};  ///< the fields of the task's row
};

}  // namespace swin::tasks
