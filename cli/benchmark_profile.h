// A profile of a step as a table, as JSON and as a trace.
#pragma once
#include <string>

#include "base/json.h"
#include "trainers/run/profile.h"

namespace swin::cli {

/// A row for each op, and one for what is outside of ops.
std::string profile_text(const trainers::Profile& profile);
base::Json profile_rows(const trainers::Profile& profile);

/// The typical step in the trace event format, which ui.perfetto.dev and chrome://tracing open: an
/// event for each call, on one row for forward and one for backward.
base::Json trace_of(const trainers::Profile& profile);

}  // namespace swin::cli
