// The verbs. Each takes its arguments and returns the exit code. Results go to stdout, progress and
// notes to stderr; every failure is a base::Error.
#pragma once
#include "base/errors.h"
#include "cli/arguments.h"

namespace swin::cli {

base::ExitCode run(const HelpArguments& arguments);
base::ExitCode run(const TrainArguments& arguments);
base::ExitCode run(const EvaluateArguments& arguments);
base::ExitCode evaluate_detections(const EvaluateArguments& arguments);  // `--detections`
base::ExitCode run(const PredictArguments& arguments);
base::ExitCode run(const ExplainArguments& arguments);
base::ExitCode run(const ReportArguments& arguments);
base::ExitCode run(const PlanArguments& arguments);
base::ExitCode run(const RunsArguments& arguments);
base::ExitCode run(const ConfigArguments& arguments);
base::ExitCode run(const InspectArguments& arguments);
base::ExitCode run(const ConvertArguments& arguments);
base::ExitCode run(const VerifyArguments& arguments);
base::ExitCode run(const BenchmarkArguments& arguments);
base::ExitCode benchmark_kernels(const BenchmarkArguments& arguments);  // `swin benchmark kernels`
base::ExitCode run(const DataArguments& arguments);
base::ExitCode data_check(const DataArguments& arguments);     // `swin data check`
base::ExitCode data_preview(const DataArguments& arguments);   // `swin data preview`
base::ExitCode data_convert(const DataArguments& arguments);   // `swin data convert`
base::ExitCode compare_plans(const PlanArguments& arguments);  // `swin plan --compare`
base::ExitCode run(const InfoArguments& arguments);

}  // namespace swin::cli
