// What the command line says, as plain structs: one per verb. Only parse_arguments uses CLI11.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/isa.h"
#include "base/size2.h"

namespace swin::cli {

/// What every verb takes.
struct CommonArguments {
  bool json = false;   ///< one JSON document on stdout and nothing else there
  bool quiet = false;  ///< no progress and no notes on stderr
  std::optional<int> threads;
  std::optional<base::Isa> isa;  ///< instead of SWIN_ISA and the best set
  std::string command_line;      ///< as it was typed, words separated by spaces
};

/// Text for stdout instead of a verb: --help or --version.
struct HelpArguments {
  std::string text;
};

struct TrainArguments : CommonArguments {
  std::string config;
  std::vector<std::string> sets;
  std::optional<std::string> output;
  std::string resume = "auto";  ///< auto | never | a checkpoint
  std::optional<std::string> init;
  bool plan = false;  ///< say what would happen, and stop
};

struct EvaluateArguments : CommonArguments {
  std::string checkpoint;
  std::optional<std::string> data;  ///< images instead of the checkpoint's data set
  /// Instead of a checkpoint: results in COCO's format, to be compared with the annotations `data`.
  std::optional<std::string> detections;
  bool precision_recall = false;                ///< of `detections`: also the curves
  std::optional<std::string> write_detections;  ///< a file for what a detector finds
  std::optional<std::string> output;            ///< folder for tables, pictures and JSON
  std::optional<std::string> predictions;       ///< a file for the answer about each image
  bool flip = false;                            ///< average over each image and its mirror image
  std::vector<std::string> sets;
  std::optional<std::string> classes;   ///< a file with the names of its classes
  bool ignore_unknown_classes = false;  ///< leave out images of classes it does not know
};

struct PredictArguments : CommonArguments {
  std::string checkpoint;
  std::vector<std::string> images;
  std::optional<int64_t> top_k;      ///< classes of whole images
  std::optional<double> score, iou;  ///< of a detector, as the next two
  std::optional<int64_t> max_detections;
  std::vector<std::string> only_classes;
  std::optional<std::string> output;  ///< folder for what is drawn
};

struct ExplainArguments : CommonArguments {
  std::string checkpoint, image;
  std::string output;                         ///< folder
  std::optional<int64_t> stage, block, head;  ///< head: absent: the mean
  std::optional<base::Size2> token, pixel;
  std::optional<std::string> class_name;
};

struct ReportArguments : CommonArguments {
  std::vector<std::string> runs;      ///< folders
  std::optional<std::string> output;  ///< of the page
};

struct PlanArguments : CommonArguments {
  std::vector<std::string> configs;  ///< one, or with `compare` at least two
  std::vector<std::string> sets;
  bool compare = false;        ///< how the cost of each grows with the image
  std::vector<int64_t> sizes;  ///< of the compared images; empty: 224 to 1120
  bool measure = false;        ///< compare: also time the forwards
};

struct RunsArguments : CommonArguments {
  std::string directory;        ///< empty: runs
  std::string sort = "newest";  ///< newest | name | metric
};

struct ConfigArguments : CommonArguments {
  std::string config;
  std::vector<std::string> sets;
  bool schema = false;
};

/// Where in a weight file the model is.
struct WeightArguments {
  bool ema = false;  ///< the averaged weights of a file that holds two sets
  std::optional<std::string> key, prefix;
};

struct InspectArguments : CommonArguments, WeightArguments {
  std::string file;
  std::optional<std::string> config;
};

struct ConvertArguments : CommonArguments, WeightArguments {
  std::string input, output;
  std::optional<std::string> dialect;  ///< of the output; default official
  std::optional<std::string> config;
  std::vector<std::string> allow;      ///< unknown keys that may be left out; * is any characters
  std::optional<std::string> classes;  ///< file with the names of the head's rows
};

struct VerifyArguments : CommonArguments, WeightArguments {
  std::string file, golden;
  std::optional<std::string> config;
};

struct BenchmarkArguments : CommonArguments {
  std::vector<std::string> configs;  ///< one, or with `kernels` at least one
  bool data = false;                 ///< `swin benchmark data CONFIG`: the data loader alone
  bool kernels = false;              ///< `swin benchmark kernels CONFIG…`: each op and shape
  std::string mode = "train";        ///< train | infer
  int64_t batch_size = 0;            ///< 0: trainer.micro_batch_size, else batch_size
  double seconds = 8;
  bool profile = false;
  std::optional<std::string> trace;  ///< file for the profile's trace
  std::vector<std::string> sets;     ///< the last one is --precision, if given
};

/// `swin data check PATH|CONFIG`, `swin data pack PATH OUT.h5`, `swin data preview CONFIG --output
/// PNG` and `swin data convert CONFIG --output DIR`.
struct DataArguments : CommonArguments {
  std::string action;             ///< check | pack | preview | convert
  std::string path;               ///< of the data set or of a config
  std::string output;             ///< for pack, preview and convert
  std::string dataset = "train";  ///< for convert: train | validation | test
  std::vector<std::string> sets;  ///< of a config
};

struct InfoArguments : CommonArguments {};

using Arguments = std::variant<HelpArguments, TrainArguments, EvaluateArguments, PredictArguments,
                               ExplainArguments, ReportArguments, PlanArguments, RunsArguments,
                               ConfigArguments, InspectArguments, ConvertArguments, VerifyArguments,
                               BenchmarkArguments, DataArguments, InfoArguments>;

/// @throws base::UsageError that names the wrong verb or flag, and the nearest right one.
Arguments parse_arguments(int argc, const char* const* argv);

}  // namespace swin::cli
