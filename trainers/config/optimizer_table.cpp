#include "trainers/config/optimizer_table.h"

namespace swin::trainers {

std::span<const base::ConfigRow> optimizer_rows() {
  using Kind = base::RowField::Kind;
  static const std::vector<base::ConfigRow> rows = {
      {.name = "adamw",
       .meaning = "with decoupled weight decay",
       .fields = {{.name = "betas",
                   .kind = Kind::numbers,
                   .initial = {0.9, 0.999},
                   .maximum = 1,
                   .below_maximum = true,
                   .least_items = 2,
                   .most_items = 2,
                   .meaning = "decay of the running mean and of the running square",
                   .official = "TRAIN.OPTIMIZER.BETAS"},
                  {.name = "eps",
                   .initial = {1e-8},
                   .maximum = 1,
                   .above_minimum = true,
                   .meaning = "added to the root of the running square",
                   .official = "TRAIN.OPTIMIZER.EPS"}}},
      {.name = "sgd",
       .meaning = "with momentum; weight decay is added to the gradient",
       .fields = {{.name = "momentum",
                   .initial = {0.9},
                   .maximum = 1,
                   .below_maximum = true,
                   .meaning = "part of the running sum of gradients that is kept",
                   .official = "TRAIN.OPTIMIZER.MOMENTUM"},
                  {.name = "nesterov",
                   .kind = Kind::boolean,
                   .initial = {1},
                   .meaning = "Nesterov's momentum"}}},
  };
  return rows;
}

}  // namespace swin::trainers
