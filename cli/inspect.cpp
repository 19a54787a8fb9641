// swin inspect: what is in a checkpoint or a weight file. The whole file is checked: its digest or
// offsets, its JSON texts, and, if a config is known, that the weights fit the model.
#include "base/text.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "cli/weight_report.h"
#include "files/checkpoint_file.h"
#include "files/digest.h"
#include "files/mapped_file.h"
#include "files/weight_file.h"
#include "trainers/run/stored_model.h"
#include "trainers/run/weight_config.h"
#include "weights/load_weights.h"

namespace swin::cli {
namespace {

struct Contents {
  std::string format, sha256;
  int64_t size_bytes = 0;
  std::optional<int64_t> step, epoch;
  std::vector<files::CheckpointFile::Entry> arrays;  // with their names in the file
  std::vector<std::pair<std::string, base::Json>> meta;
  int64_t values = 0;                          // in the model's arrays
  std::optional<weights::WeightFile> weights;  // empty: not a model's, see `unknown`
  std::string unknown;                         // why there are no `weights`
  std::string fits;                            // the model that the arrays fit; empty: not known
};

int64_t numel(const std::vector<int64_t>& shape) {
  return files::num_elements_of(shape).value_or(0);
}

Contents read_checkpoint(const std::string& file, const weights::ReadOptions& options) {
  const files::CheckpointFile checkpoint(file);
  Contents contents;
  contents.format = "swin.cpp checkpoint";
  contents.sha256 = checkpoint.sha256();
  contents.size_bytes = checkpoint.size_bytes();
  contents.step = checkpoint.step();
  contents.epoch = checkpoint.epoch();
  contents.arrays = checkpoint.entries();
  for (const auto& entry : contents.arrays)
    if (entry.name.starts_with("model/")) contents.values += numel(entry.shape);
  for (const std::string& name : checkpoint.meta_names()) {
    try {
      contents.meta.emplace_back(name,
                                 base::parse_json(checkpoint.meta(name), file + ": meta/" + name));
    } catch (const base::JsonSyntaxError& error) {
      throw base::WeightError(file + ": meta/" + name, error.what,
                              "use another checkpoint of the run");
    }
  }
  contents.weights = weights::read_weight_file(file, options);
  return contents;
}

Contents read_weights(const std::string& file, const weights::ReadOptions& options) {
  const files::RawWeights raw = files::read_raw_weights(file, options.from);
  Contents contents;
  contents.format = raw.format;
  if (std::filesystem::is_regular_file(file)) {
    const files::MappedFile bytes(file, files::FileKind::weights);
    contents.sha256 = files::to_hex(files::sha256(bytes.bytes()));
    contents.size_bytes = bytes.size_bytes();
  }
  for (const files::NamedArray& array : raw.arrays) {
    contents.arrays.push_back({array.name, array.dtype, array.shape});
    contents.values += array.num_elements();
  }
  for (const auto& [name, value] : raw.metadata) contents.meta.emplace_back(name, value);
  try {
    contents.weights = weights::read_weight_file(file, options);
  } catch (const base::WeightError& error) {  // readable, but without the names of a model
    contents.unknown = error.what();
  }
  return contents;
}

// The model section inferred from the shapes; null if that is not possible.
base::Json inferred_config(const weights::WeightFile& file) {
  try {
    return trainers::to_json(weights::infer_model_config(file).config).at("model");
  } catch (const base::WeightError&) {
    return {};
  }
}

// How images are prepared, by the stored or inferred config; else why that is not known.
struct Images {
  std::optional<trainers::WeightConfig> config;
  std::string unknown;
};
Images images_of(const weights::WeightFile& file) {
  try {
    return {trainers::config_of(file), ""};
  } catch (const base::WeightError& error) {
    return {std::nullopt, error.what()};
  }
}

void print_as_json(const std::string& file, const Contents& contents) {
  base::Json result = base::Json::object();
  result["file"] = file;
  result["size_bytes"] = contents.size_bytes;
  result["sha256"] = contents.sha256.empty() ? base::Json() : base::Json(contents.sha256);
  if (contents.step) result["step"] = *contents.step;
  if (contents.epoch) result["epoch"] = *contents.epoch;
  if (contents.weights) {
    describe(*contents.weights, result);
    result["inferred_model"] = inferred_config(*contents.weights);
    const std::optional<trainers::WeightConfig> config = images_of(*contents.weights).config;
    result["preprocess"] =
        config ? trainers::to_json(config->config).at("preprocess") : base::Json();
    result["assumptions"] =
        base::Json::array_of(config ? config->assumptions : std::vector<std::string>());
  } else {
    result["dialect"] = base::Json();
    result["parameters"] = contents.values;
  }
  result["format"] = contents.format;
  result["fits_config"] = contents.fits.empty() ? base::Json() : base::Json(true);
  base::Json& arrays = result["arrays"] = base::Json::array();
  for (const auto& array : contents.arrays) {
    base::Json row = base::Json::object();
    row["name"] = array.name;
    row["shape"] = base::Json::array_of(array.shape);
    row["dtype"] = files::name_of(array.dtype);
    arrays.push_back(row);
  }
  base::Json& meta = result["meta"] = base::Json::object();
  for (const auto& [name, json] : contents.meta) meta[name] = json;
  print_json(result);
}

void print_as_text(const std::string& file, const Contents& contents) {
  Table table({{"ARRAY"}, {"SHAPE"}, {"TYPE"}, {"ELEMENTS", Table::Align::right}});
  for (const auto& array : contents.arrays)
    table.row({array.name, files::to_text(array.shape), files::name_of(array.dtype),
               grouped(numel(array.shape))});
  std::string text = table.text() + "\n" + one_line(file) + ": " + contents.format;
  if (contents.size_bytes > 0) text += ", " + bytes_text(contents.size_bytes);
  text += ", complete and undamaged\n";
  if (contents.step)
    text += "After step " + grouped(*contents.step) + ", epoch " + grouped(*contents.epoch) + "\n";
  if (contents.weights) {
    const weights::WeightFile& weights = *contents.weights;
    text += summary(weights) + "\n" + skipped_text(weights);
    for (const std::string& note : weights.notes) text += one_line("Note: " + note) + "\n";
    if (const base::Json config = inferred_config(weights); config.is_object())
      text += "Shapes of " + sizes_text(weights::infer_model_config(weights).config) + "\n";
    text += class_names_text(weights);
    const auto [config, unknown] = images_of(weights);
    text += "Images: " +
            (config ? trainers::preprocess_text(config->config)
                    : "not known (" + one_line(unknown) + ")") +
            "\n";
    if (config) {
      for (const std::string& note : config->notes) text += one_line("Note: " + note) + "\n";
      for (const std::string& assumption : config->assumptions)
        text += one_line("Assumed " + assumption) + "\n";
    }
  } else {
    text += "Not the weights of a model (" + one_line(contents.unknown) + ")\n" +
            grouped(contents.values) + " values in all arrays\n";
  }
  if (!contents.fits.empty()) text += one_line("They fit " + contents.fits) + "\n";
  for (const auto& [name, json] : contents.meta)
    if (!name.starts_with("swin."))  // config, pre-processing and names are shown above
      text += one_line(name) + ": " + base::printable(base::to_text(json)) + "\n";
  if (!contents.sha256.empty()) text += "SHA-256 " + contents.sha256 + "\n";
  print(text);
}

}  // namespace

base::ExitCode run(const InspectArguments& arguments) {
  const std::string& file = arguments.file;
  const bool is_hdf5 = file.ends_with(".h5") || files::is_checkpoint(file);
  const weights::ReadOptions options = read_options(arguments);
  Contents contents = is_hdf5 ? read_checkpoint(file, options) : read_weights(file, options);
  if (arguments.config) {
    const layers::ModelConfig model = load_model_config(*arguments.config, {}).model;
    if (!contents.weights)
      weights::read_weight_file(file, options);  // throws again, now as the error
    weights::require_fit(*contents.weights, model);
    contents.fits = *arguments.config;
  } else if (is_hdf5 && contents.weights->config_json) {
    weights::require_fit(*contents.weights, trainers::stored_config_of(*contents.weights).model);
    contents.fits = "the config it holds";
  }
  if (arguments.json)
    print_as_json(file, contents);
  else
    print_as_text(file, contents);
  return base::ExitCode::done;
}

}  // namespace swin::cli
