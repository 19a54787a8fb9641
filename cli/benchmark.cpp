// swin benchmark: speed of training steps or inference against the machine's own best product.
#include "trainers/run/benchmark.h"

#include <algorithm>

#include "base/isa.h"
#include "base/stopwatch.h"
#include "cli/benchmark_profile.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/loader.h"
#include "files/atomic_file.h"
#include "trainers/run/data_options.h"
#include "trainers/run/data_stages.h"
#include "trainers/run/training_loop.h"

namespace swin::cli {
namespace {

base::Json to_json(const trainers::BenchmarkResult& result) {
  base::Json json = base::Json::object();
  json["images_per_second"] = result.images_per_second;
  json["step_seconds"] = result.step_seconds;
  json["steps"] = static_cast<int64_t>(result.steps.size());
  json["peak_memory_bytes"] = result.peak_memory_bytes;
  json["flops_per_image"] = result.flops_per_image;
  json["gemm_gflops"] = result.gemm_gflops;
  json["gemm_fraction"] = result.gemm_fraction;
  base::Json& machine = json["machine"] = base::Json::object();
  machine["openblas"] = result.machine.openblas;
  machine["onednn_sgemm"] = result.machine.onednn_sgemm;
  machine["onednn_matmul"] = result.machine.onednn_matmul;
  json["precision"] = result.precision;
  json["mode"] = result.mode;
  json["threads"] = result.threads;
  json["batch_size"] = result.batch_size;
  json["cpu"] = result.cpu;
  json["instruction_set"] = base::isa_name(base::isa());
  if (result.profile) {
    json["profile"] = profile_rows(*result.profile);
    json["profile_step_seconds"] = result.profile->step_seconds;
  }
  return json;
}

std::string to_text(const trainers::BenchmarkResult& result) {
  std::string text;
  text += result.mode + " " + result.precision + ", " + base::isa_name(base::isa()) + ", batch " +
          std::to_string(result.batch_size) + ", " + std::to_string(result.threads) + " threads, " +
          result.cpu + "\n";
  text += fixed(result.images_per_second, 2) + " images/s, " +
          fixed(1000 * result.step_seconds, 2) + " ms per step (median of " +
          std::to_string(result.steps.size()) + "), " + bytes_text(result.peak_memory_bytes) +
          " at most\n";
  text += fixed(100 * result.gemm_fraction, 1) + "% of the machine's best 2048³ product, " +
          fixed(result.gemm_gflops, 0) + " GFLOP/s (OpenBLAS " + fixed(result.machine.openblas, 0) +
          ", oneDNN sgemm " + fixed(result.machine.onednn_sgemm, 0) + ", oneDNN matmul " +
          fixed(result.machine.onednn_matmul, 0) + ")\n";
  if (result.profile) text += "\n" + profile_text(*result.profile);
  return text;
}

// From file to normalized batch as in training, but without a model that computes meanwhile.
base::ExitCode benchmark_loader(const BenchmarkArguments& arguments) {
  const trainers::Config config = trainers::load_config(arguments.configs[0], arguments.sets);
  set_threads(arguments, config.runtime.threads);
  const std::unique_ptr<data::Dataset> dataset =
      trainers::open_dataset_of(config.data.train, config, true);
  data::LoaderOptions options = trainers::training_loader(config);
  options.drop_last = false;  // to measure data sets smaller than a batch, too
  if (arguments.batch_size > 0) options.batch_size = arguments.batch_size;
  const auto [stages, decoded_pixels] =
      trainers::measure_stages(*dataset, options, arguments.seconds / 2);
  data::Loader loader(*dataset, options);
  const base::Stopwatch watch;
  int64_t images = 0, epoch = 0;
  data::Batch batch;
  for (loader.start(epoch); images == 0 || watch.seconds() < arguments.seconds / 2;) {
    if (loader.next(batch)) {
      images += batch.size;
    } else {
      loader.start(++epoch);
    }
  }
  const double rate = static_cast<double>(images) / watch.seconds();
  double core_seconds = 0;
  for (const trainers::DataStage& stage : stages) core_seconds += stage.seconds_per_image;
  if (arguments.json) {
    base::Json result = base::Json::object();
    result["images_per_second"] = rate;
    result["images"] = images;
    result["seconds"] = watch.seconds();
    result["workers"] = options.workers;
    result["batch_size"] = options.batch_size;
    result["images_per_second_per_core"] = 1 / core_seconds;
    result["decoded_pixels"] = decoded_pixels;
    base::Json& rows = result["stages"] = base::Json::array();
    for (const trainers::DataStage& stage : stages) {
      base::Json row = base::Json::object();
      row["stage"] = stage.name;
      row["seconds_per_image"] = stage.seconds_per_image;
      row["images_per_second"] = 1 / std::max(stage.seconds_per_image, 1e-12);
      rows.push_back(row);
    }
    print_json(result);
  } else {
    using Align = Table::Align;
    Table table({{"STAGE"},
                 {"µs/IMAGE", Align::right},
                 {"IMAGES/s PER CORE", Align::right},
                 {"SHARE", Align::right}});
    for (const trainers::DataStage& stage : stages) {
      table.row({stage.name, fixed(1e6 * stage.seconds_per_image, 1),
                 fixed(1 / std::max(stage.seconds_per_image, 1e-12), 0),
                 percent(stage.seconds_per_image / core_seconds)});
    }
    table.row({"all", fixed(1e6 * core_seconds, 1), fixed(1 / core_seconds, 0), ""});
    print(table.text() + "\n" + fixed(rate, 0) + " images/s from file to normalized batch, batch " +
          std::to_string(options.batch_size) + ", " + std::to_string(options.workers) +
          " workers; decoded to " + grouped(static_cast<int64_t>(decoded_pixels)) + " pixels" +
          (config.augment.scaled_decode ? " (augment.scaled_decode)" : "") + "\n");
  }
  return base::ExitCode::done;
}

}  // namespace

base::ExitCode run(const BenchmarkArguments& arguments) {
  if (arguments.data) return benchmark_loader(arguments);
  if (arguments.kernels) return benchmark_kernels(arguments);
  trainers::Config config = load_model_config(arguments.configs[0], arguments.sets);
  set_threads(arguments, config.runtime.threads);
  look_at_data(config);
  trainers::BenchmarkOptions options;
  options.mode =
      arguments.mode == "infer" ? trainers::BenchmarkMode::infer : trainers::BenchmarkMode::train;
  options.batch_size = arguments.batch_size;
  options.seconds = arguments.seconds;
  options.profile = arguments.profile;
  if (arguments.trace) files::require_writable(*arguments.trace);  // before minutes are measured
  if (!arguments.quiet) note("Measuring for about " + seconds_text(options.seconds) + " …");
  const trainers::BenchmarkResult result = trainers::benchmark(config, options);
  if (arguments.json) {
    print_json(to_json(result));
  } else {
    print(to_text(result));
  }
  if (arguments.trace)  // last: if it fails, the result is not lost
    files::write_file_atomically(*arguments.trace, base::to_text(trace_of(*result.profile)) + "\n");
  return base::ExitCode::done;
}

}  // namespace swin::cli
