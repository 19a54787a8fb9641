#include "cli/benchmark_profile.h"

#include "cli/console.h"

namespace swin::cli {
namespace {

constexpr int kForwardRow = 1, kBackwardRow = 2;

base::Json row_name(int row, const char* name) {
  base::Json event = base::Json::object();
  event["name"] = "thread_name";
  event["ph"] = "M";
  event["pid"] = 1;
  event["tid"] = row;
  event["args"] = base::Json::object();
  event["args"]["name"] = name;
  return event;
}

base::Json trace_event(const trainers::OpCall& call, int row, double start,
                       const trainers::OpWork& work) {
  base::Json event = base::Json::object();
  event["name"] = call.op;
  event["cat"] = row == kForwardRow ? "forward" : "backward";
  event["ph"] = "X";
  event["ts"] = 1e6 * start;
  event["dur"] = 1e6 * work.seconds;
  event["pid"] = 1;
  event["tid"] = row;
  base::Json& args = event["args"] = base::Json::object();
  args["path"] = call.path;
  args["shapes"] = call.shapes;
  args["macs"] = work.flops / 2;
  args["bytes"] = work.bytes;
  return event;
}

}  // namespace

std::string profile_text(const trainers::Profile& profile) {
  using Align = Table::Align;
  Table table({{"OP"},
               {"CALLS", Align::right},
               {"FORWARD ms", Align::right},
               {"BACKWARD ms", Align::right},
               {"GFLOP/s", Align::right},
               {"GB/s", Align::right},
               {"SHARE", Align::right}});
  double outside = profile.step_seconds;
  for (const trainers::ProfileRow& row : profile.by_op) {
    const trainers::OpWork both = row.both();
    outside -= both.seconds;
    table.row({row.op, grouped(row.calls), fixed(1000 * row.forward.seconds, 2),
               fixed(1000 * row.backward.seconds, 2), both.flops > 0 ? fixed(both.gflops(), 1) : "",
               both.bytes > 0 ? fixed(both.gb_per_second(), 1) : "",
               percent(both.seconds / profile.step_seconds)});
  }
  table.row({"outside of ops", "", fixed(1000 * outside, 2), "", "", "",
             percent(outside / profile.step_seconds)});
  return table.text() +
         "GB/s counts inputs, outputs and gradients once: the least that an op moves.\n";
}

base::Json profile_rows(const trainers::Profile& profile) {
  base::Json rows = base::Json::array();
  for (const trainers::ProfileRow& row : profile.by_op) {
    const trainers::OpWork both = row.both();
    base::Json entry = base::Json::object();
    entry["op"] = row.op;
    entry["calls"] = row.calls;
    entry["macs"] = row.macs;
    entry["forward_seconds"] = row.forward.seconds;
    entry["backward_seconds"] = row.backward.seconds;
    entry["forward_bytes"] = row.forward.bytes;
    entry["backward_bytes"] = row.backward.bytes;
    entry["gflops"] = both.gflops();
    entry["gb_per_second"] = both.gb_per_second();
    entry["share"] = both.seconds / profile.step_seconds;
    rows.push_back(entry);
  }
  return rows;
}

base::Json trace_of(const trainers::Profile& profile) {
  base::Json trace = base::Json::object();
  base::Json& events = trace["traceEvents"] = base::Json::array();
  events.push_back(row_name(kForwardRow, "forward"));
  events.push_back(row_name(kBackwardRow, "backward"));
  for (const trainers::OpCall& call : profile.typical.calls) {
    events.push_back(trace_event(call, kForwardRow, call.forward_start, call.forward));
    if (call.backward)
      events.push_back(trace_event(call, kBackwardRow, call.backward_start, *call.backward));
  }
  trace["displayTimeUnit"] = "ms";
  return trace;
}

}  // namespace swin::cli
