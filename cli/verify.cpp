// swin verify: whether the model computes the same as another program.
#include "verify/verify.h"

#include <cstdio>

#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "cli/weight_report.h"
#include "trainers/run/stored_model.h"

namespace swin::cli {
namespace {

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", value);
  return text;
}

}  // namespace

base::ExitCode run(const VerifyArguments& arguments) {
  std::optional<trainers::Config> config;
  if (arguments.config) config = load_model_config(*arguments.config, {});
  set_threads(arguments, config ? config->runtime.threads : std::nullopt);
  const verify::VerifiedWeights weights(arguments.file, read_options(arguments));
  if (!config && !weights.file.config_json)
    throw base::UsageError(arguments.file, "found weights without a config, expected one",
                           "add --config CONFIG (its model section is enough)");
  if (!config) config = trainers::stored_config_of(weights.file);
  const verify::VerifyReport report =
      verify::verify(weights, arguments.golden, config->model, config->task);

  int64_t failed = 0;
  for (const verify::TensorError& tensor : report.tensors) failed += !tensor.passed;
  if (arguments.json) {
    base::Json result = base::Json::object();
    base::Json& tensors = result["tensors"] = base::Json::array();
    for (const verify::TensorError& tensor : report.tensors) {
      base::Json row = base::Json::object();
      row["name"] = tensor.name;
      row["max_abs_error"] = tensor.max_abs_error;
      row["max_rel_error"] = tensor.max_rel_error;
      row["tolerance"] = tensor.tolerance;
      row["passed"] = tensor.passed;
      tensors.push_back(row);
    }
    result["ignored"] = base::Json::array_of(report.ignored);
    result["without_golden"] = base::Json::array_of(report.without_golden);
    result["passed"] = report.passed;
    print_json(result);
  } else {
    using Align = Table::Align;
    Table table({{"TENSOR"},
                 {"ABSOLUTE", Align::right},
                 {"RELATIVE", Align::right},
                 {"ALLOWED", Align::right},
                 {""}});
    for (const verify::TensorError& tensor : report.tensors)
      table.row({tensor.name, scientific(tensor.max_abs_error), scientific(tensor.max_rel_error),
                 scientific(tensor.tolerance), tensor.passed ? "ok" : "DIFFERS"});
    std::string text = table.text() + "\n";
    for (const std::string& name : report.ignored) text += one_line("Not compared: " + name) + "\n";
    if (!report.without_golden.empty())
      text += "The golden file has no gradient of " + std::to_string(report.without_golden.size()) +
              " parameters, the first is " + one_line(report.without_golden[0]) + "\n";
    text += std::to_string(report.tensors.size()) + " tensors compared, " +
            (report.passed ? "all agree\n" : std::to_string(failed) + " differ\n");
    print(text);
  }
  if (!report.passed)
    throw base::CheckFailed(
        arguments.file,
        "found " + std::to_string(failed) + " of " + std::to_string(report.tensors.size()) +
            " tensors that differ from " + arguments.golden + ", expected none",
        report.weights_unnamed ? "the golden file does not say that its weights are generated; "
                                 "give the weights it was made with"
                               : "check that weights, config and golden file belong together");
  return base::ExitCode::done;
}

}  // namespace swin::cli
