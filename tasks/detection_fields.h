// The fields that task.name "detection" alone has in a config.
#pragma once
#include <vector>

#include "base/config_row.h"

namespace swin::tasks {

std::vector<base::RowField> detection_fields();

}  // namespace swin::tasks
