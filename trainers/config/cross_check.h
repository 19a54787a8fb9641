// What several fields of a config must agree on, and the defaults that other fields decide.
#pragma once
#include "trainers/config/config.h"

namespace swin::trainers {

/// Fills in the fields that `document` leaves open and whose default depends on other fields, then
/// checks the fields against each other.
/// @param with_data whether the config must name a data set to train on.
/// @throws UsageError naming the field that does not fit, with its file and line.
void complete_and_cross_check(const base::Json& document, Config& config, bool with_data);

}  // namespace swin::trainers
