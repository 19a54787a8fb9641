// The `task` section of a config as plain values; configs/README.md explains each.
#pragma once
#include <string>

namespace swin::tasks {

struct TaskConfig {
  std::string name = "classification";
  double label_smoothing = 0.1;
};

}  // namespace swin::tasks
