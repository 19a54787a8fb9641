// swin report: a page of HTML about runs.
#include "trainers/report/report.h"

#include "cli/console.h"
#include "cli/verbs.h"

namespace swin::cli {

base::ExitCode run(const ReportArguments& arguments) {
  const trainers::ReportResult result =
      trainers::write_report({.runs = arguments.runs, .output = arguments.output});
  if (arguments.json) {
    base::Json json = base::Json::object();
    json["report"] = result.path;
    json["runs"] = base::Json::array_of(arguments.runs);
    json["bytes"] = result.bytes;
    json["notes"] = base::Json::array_of(result.notes);
    print_json(json);
    return base::ExitCode::done;
  }
  if (!arguments.quiet)
    for (const std::string& text : result.notes) note("swin: note: " + text);
  print(one_line("Report: " + result.path + " (" + bytes_text(result.bytes) + ")") + "\n");
  return base::ExitCode::done;
}

}  // namespace swin::cli
