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
      {.name = "linear", .meaning = "a line from lr to min_lr", .fields = {kMinLr}},
      {.name = "polynomial",
       .meaning = "(lr - min_lr) (1 - step / steps)^power + min_lr from the first step on, during "
                  "the warm-up times a factor that rises from warmup_lr / lr to 1",
       .fields = {kMinLr,
                  {.name = "power",
                   .initial = {1},
                   .maximum = 100,
                   .above_minimum = true,
                   .meaning = "exponent; 1: a line",
                   .official = "lr_config.power"}}},
      {.name = "multi_step",
       .meaning = "lr, multiplied by gamma at each milestone",
       .fields = {{.name = "milestones",
                   .kind = base::RowField::Kind::numbers,
                   .initial = {},
                   .maximum = 1 << 30,
                   .above_minimum = true,
                   .meaning = "epochs after which the rate falls, from the start of the run",
                   .official = "TRAIN.LR_SCHEDULER.MULTISTEPS"},
                  {.name = "gamma",
                   .initial = {0.1},
                   .maximum = 1,
                   .above_minimum = true,
                   .meaning = "factor of the rate at a milestone",
                   .official = "TRAIN.LR_SCHEDULER.GAMMA"}}},
  };
  return rows;
}

}  // namespace swin::trainers
