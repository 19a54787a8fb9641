#include "trainers/config/schedule_table.h"

namespace swin::trainers {

namespace {

const base::RowField kMinLr = {.name = "min_lr",
                               .initial = {5e-6},
                               .maximum = 100,
                               .meaning = "learning rate at the end",
                               .official = "TRAIN.MIN_LR"};

}  // namespace

std::span<const base::ConfigRow> schedule_rows() {
  static const std::vector<base::ConfigRow> rows = {
      {.name = "cosine", .meaning = "half a cosine from lr to min_lr", .fields = {kMinLr}},
  };
  return rows;
}

}  // namespace swin::trainers
