// swin plan --compare: how the cost of several models grows with the image. One row per image size,
// one group of columns per config: multiply-adds and memory of the forward of one image from a dry
// run, and with --measure its time.
#include <filesystem>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "trainers/run/plan.h"

namespace swin::cli {
namespace {

const std::vector<int64_t> kDefaultSizes = {224, 448, 672, 896, 1120};

// The forward of one image of one size.
struct Point {
  int64_t macs = 0, memory_bytes = 0;
  double seconds = 0;  // 0: not measured
};

std::string milliseconds(double seconds) {
  return fixed(1e3 * seconds, seconds < 0.1 ? 1 : 0) + " ms";
}

}  // namespace

base::ExitCode compare_plans(const PlanArguments& arguments) {
  const std::vector<int64_t>& sizes = arguments.sizes.empty() ? kDefaultSizes : arguments.sizes;
  std::vector<trainers::Config> models;
  std::vector<std::string> names;
  std::optional<int64_t> threads;
  for (const std::string& file : arguments.configs) {
    trainers::Config config = load_model_config(file, arguments.sets);
    look_at_data(config);
    models.push_back(config);
    names.push_back(std::filesystem::path(file).stem().string());
    threads = config.runtime.threads;
  }
  set_threads(arguments, threads);

  std::vector<std::vector<Point>> points(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i)
    for (trainers::Config& config : models) {
      config.model.image_size = {sizes[i], sizes[i]};
      const trainers::ForwardPlan plan = trainers::plan_forward(config.task, config.model);
      points[i].push_back(
          {plan.total.macs, plan.memory_bytes,
           arguments.measure ? trainers::measure_forward_seconds(config.task, config.model) : 0});
    }

  if (arguments.json) {
    base::Json result = base::Json::object();
    result["models"] = base::Json::array_of(names);
    result["cpu"] = base::cpu().model;
    result["threads"] = static_cast<int64_t>(base::num_threads());
    base::Json& rows = result["sizes"] = base::Json::array();
    for (size_t i = 0; i < sizes.size(); ++i) {
      base::Json row = base::Json::object();
      row["image_size"] = sizes[i];
      base::Json& columns = row["models"] = base::Json::array();
      for (const Point& point : points[i]) {
        base::Json column = base::Json::object();
        column["macs"] = point.macs;
        column["memory_bytes"] = point.memory_bytes;
        column["seconds"] = arguments.measure ? base::Json(point.seconds) : base::Json();
        columns.push_back(column);
      }
      rows.push_back(row);
    }
    print_json(result);
    return base::ExitCode::done;
  }

  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"IMAGE", Align::right}};
  for (const std::string& name : names) {
    columns.push_back({name + ": MACS", Align::right});
    columns.push_back({"GROWTH", Align::right});
    columns.push_back({"MEMORY", Align::right});
    if (arguments.measure) columns.push_back({"TIME", Align::right});
  }
  Table table(columns);
  for (size_t i = 0; i < sizes.size(); ++i) {
    std::vector<std::string> row = {std::to_string(sizes[i])};
    for (size_t m = 0; m < models.size(); ++m) {
      const Point& point = points[i][m];
      row.push_back(fixed(static_cast<double>(point.macs) / 1e9, 2) + " G");
      row.push_back(
          fixed(static_cast<double>(point.macs) / static_cast<double>(points[0][m].macs), 1) + "×");
      row.push_back(bytes_text(point.memory_bytes));
      if (arguments.measure) row.push_back(milliseconds(point.seconds));
    }
    table.row(row);
  }
  print(table.text() +
        "\nForward of one image: multiply-adds, their growth from the first size on, and the\n"
        "memory of parameters and maps. Attention inside windows grows with the pixels, over the\n"
        "whole image with their square.\n");
  return base::ExitCode::done;
}

}  // namespace swin::cli
