// swin benchmark kernels: each op and shapes of some models against the roofline of this machine.
#include "base/cpu.h"
#include "base/isa.h"
#include "base/parallel.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "trainers/run/kernel_benchmark.h"

namespace swin::cli {
namespace {

using trainers::KernelBenchmark;
using trainers::OpWork;
using trainers::ProfileRow;

bool does_nothing(const OpWork& work) { return work.flops == 0 && work.bytes == 0; }
// Views of their inputs, such as reshape.
bool does_nothing(const ProfileRow& row) {
  return does_nothing(row.forward) && does_nothing(row.backward);
}

base::Json to_json(const OpWork& work, int64_t calls, const trainers::Roofline& roofline) {
  base::Json json = base::Json::object();
  const auto n = static_cast<double>(calls);
  json["seconds"] = work.seconds / n;  // of a call
  json["flops"] = work.flops / calls;
  json["bytes"] = work.bytes / calls;
  json["gflops"] = work.gflops();
  json["gb_per_second"] = work.gb_per_second();
  json["roofline"] = roofline.share(work);
  return json;
}

// Rates over those of a linear layer with the same product.
base::Json to_json(const trainers::BesideLinear& rates) {
  base::Json json = base::Json::object();
  json["forward"] = rates.forward;
  json["dx"] = rates.dx;
  json["dweight"] = rates.dweight;
  return json;
}

base::Json to_json(const KernelBenchmark& result, const std::vector<trainers::Config>& configs,
                   const BenchmarkArguments& arguments) {
  base::Json json = base::Json::object();
  json["cpu"] = base::cpu().model;
  json["instruction_set"] = base::isa_name(base::isa());
  json["threads"] = base::num_threads();
  json["mode"] = arguments.mode;
  json["gemm_gflops"] = result.roofline.gflops;
  json["memory_gb_per_second"] = result.roofline.gb_per_second;
  json["memory_buffer_bytes"] = result.roofline.triad_bytes;
  base::Json& workloads = json["workloads"] = base::Json::array();
  for (size_t i = 0; i < configs.size(); ++i) {
    const trainers::Profile& profile = result.workloads[i].profile;
    base::Json workload = base::Json::object();
    workload["config"] = arguments.configs[i];
    workload["precision"] = configs[i].trainer.precision;
    workload["batch_size"] = result.workloads[i].batch_size;
    workload["step_seconds"] = profile.step_seconds;
    base::Json& kernels = workload["kernels"] = base::Json::array();
    for (const ProfileRow& row : profile.by_shapes) {
      if (does_nothing(row)) continue;
      base::Json kernel = base::Json::object();
      kernel["op"] = row.op;
      kernel["shapes"] = row.shapes;
      kernel["calls"] = row.calls;
      kernel["share"] = row.both().seconds / profile.step_seconds;
      kernel["forward"] = to_json(row.forward, row.calls, result.roofline);
      if (row.backward_calls > 0)
        kernel["backward"] = to_json(row.backward, row.backward_calls, result.roofline);
      const auto& convolutions = result.workloads[i].convolutions;
      if (row.op == "conv2d") kernel["beside_linear"] = to_json(convolutions.at(row.shapes));
      kernels.push_back(kernel);
    }
    workloads.push_back(workload);
  }
  return json;
}

// Time of a call, GFLOP/s, GB/s and share of the roofline.
std::vector<std::string> cells(const OpWork& work, int64_t calls,
                               const trainers::Roofline& roofline) {
  if (calls == 0) return {"", "", "", ""};
  return {fixed(1000 * work.seconds / static_cast<double>(calls), 3),
          work.flops > 0 ? fixed(work.gflops(), 1) : "",
          work.bytes > 0 ? fixed(work.gb_per_second(), 1) : "",
          does_nothing(work) ? "" : fixed(100 * roofline.share(work), 0) + "%"};
}

// Convolutions beside linear layers with the same product; nothing if there are none.
std::string beside_linear(const KernelBenchmark::Workload& workload) {
  if (workload.convolutions.empty()) return {};
  using Align = Table::Align;
  Table table({{"CONVOLUTION"},
               {"FORWARD", Align::right},
               {"GRADIENT OF x", Align::right},
               {"OF THE WEIGHT", Align::right}});
  for (const auto& [shapes, rates] : workload.convolutions)
    table.row({shapes, percent(rates.forward), percent(rates.dx), percent(rates.dweight)});
  return "Speed beside a linear layer with the same product (rows B · H · W, inputs k · k · C):\n" +
         table.text();
}

std::string to_text(const KernelBenchmark& result, const std::vector<trainers::Config>& configs,
                    const BenchmarkArguments& arguments) {
  std::string text = arguments.mode + ", " + base::isa_name(base::isa()) + ", " +
                     std::to_string(base::num_threads()) + " threads, " + base::cpu().model +
                     "\nRoofline: " + fixed(result.roofline.gflops, 0) +
                     " GFLOP/s (best 2048³ product), " + fixed(result.roofline.gb_per_second, 1) +
                     " GB/s (triad over " + bytes_text(result.roofline.triad_bytes) + ")\n";
  for (size_t i = 0; i < configs.size(); ++i) {
    const trainers::Profile& profile = result.workloads[i].profile;
    text += "\n" + one_line(arguments.configs[i]) + ": " + configs[i].trainer.precision +
            ", batch " + std::to_string(result.workloads[i].batch_size) + ", " +
            fixed(1000 * profile.step_seconds, 2) + " ms per step\n";
    using Align = Table::Align;
    Table table({{"OP"},
                 {"SHAPES"},
                 {"CALLS", Align::right},
                 {"SHARE", Align::right},
                 {"FORWARD ms", Align::right},
                 {"GFLOP/s", Align::right},
                 {"GB/s", Align::right},
                 {"ROOFLINE", Align::right},
                 {"BACKWARD ms", Align::right},
                 {"GFLOP/s", Align::right},
                 {"GB/s", Align::right},
                 {"ROOFLINE", Align::right}});
    for (const ProfileRow& row : profile.by_shapes) {
      if (does_nothing(row)) continue;
      std::vector<std::string> line = {row.op, row.shapes, std::to_string(row.calls),
                                       percent(row.both().seconds / profile.step_seconds)};
      for (const std::string& cell : cells(row.forward, row.calls, result.roofline))
        line.push_back(cell);
      for (const std::string& cell : cells(row.backward, row.backward_calls, result.roofline))
        line.push_back(cell);
      table.row(std::move(line));
    }
    text += table.text() + beside_linear(result.workloads[i]);
  }
  return text;
}

}  // namespace

base::ExitCode benchmark_kernels(const BenchmarkArguments& arguments) {
  std::vector<trainers::Config> configs;
  for (const std::string& file : arguments.configs) {
    configs.push_back(load_model_config(file, arguments.sets));
    look_at_data(configs.back());
  }
  set_threads(arguments, configs[0].runtime.threads);
  if (!arguments.quiet) note("Measuring for about " + seconds_text(arguments.seconds) + " …");
  const auto mode =
      arguments.mode == "infer" ? trainers::BenchmarkMode::infer : trainers::BenchmarkMode::train;
  const KernelBenchmark result =
      trainers::benchmark_kernels(configs, mode, arguments.batch_size, arguments.seconds);
  if (arguments.json) {
    print_json(to_json(result, configs, arguments));
  } else {
    print(to_text(result, configs, arguments));
  }
  return base::ExitCode::done;
}

}  // namespace swin::cli
