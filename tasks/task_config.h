// The `task` section of a config as plain values; configs/README.md explains each.
#pragma once
#include <string>

namespace swin::tasks {

struct TaskConfig {
  std::string name = "classification";
  double label_smoothing = 0.1;
  /// Whether an image can have any number of classes.
  bool many_labels() const { return name == "multi_label_classification"; }
};

}  // namespace swin::tasks
