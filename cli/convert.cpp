// swin convert: weights from one format and dialect into another, bit for bit.
#include "base/text.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "cli/weight_report.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "trainers/run/stored_model.h"
#include "weights/dialects.h"
#include "weights/dialects_conventions.h"
#include "weights/load_weights.h"

namespace swin::cli {
namespace {

using weights::Dialect;
using weights::WeightKind;

// The config of the weights, and its origin.
struct Source {
  trainers::Config config;
  std::string origin;  // "--config", "stored" or "inferred"
  std::vector<std::string> assumptions;
};

Source source_of(const ConvertArguments& arguments, const weights::WeightFile& file) {
  Source source;
  if (arguments.config) {
    source.config = load_model_config(*arguments.config, {});
    source.origin = "--config";
  } else if (file.config_json) {
    source.config = trainers::stored_config_of(file);
    source.origin = "stored";
  } else {
    weights::InferredConfig inferred = weights::infer_model_config(file);
    try {
      source.config = trainers::parse_config_without_data(trainers::to_json(inferred.config));
    } catch (const base::UsageError& error) {  // the weights are wrong, not a config
      throw base::WeightError(file.where,
                              std::string("found shapes that fit no model (") + error.what() +
                                  "), expected those of a Swin, Swin V2, Swin-MLP or ViT",
                              "add --config CONFIG (its model section is enough)");
    }
    source.origin = "inferred";
    source.assumptions = std::move(inferred.assumptions);
  }
  layers::ModelConfig& model = source.config.model;
  const files::NamedArray* head = file.find("head.weight");
  if (model.num_classes == 0 && head && !head->shape.empty()) model.num_classes = head->shape[0];
  return source;
}

// The arrays of a checkpoint: float32; other float types of the file are converted.
std::vector<files::NamedArray> checkpoint_arrays(const weights::WeightFile& file) {
  std::vector<files::NamedArray> arrays = file.arrays;
  for (files::NamedArray& array : arrays) {
    if (array.dtype != files::DType::f32) {
      auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(array.num_elements()));
      files::read_float32(array, file.where, *values);
      files::NamedArray widened =
          files::NamedArray::of(array.name, array.shape, std::span<const float>(*values));
      widened.owner = std::move(values);
      array = std::move(widened);
    }
    array.name.insert(0, "model/");
  }
  return arrays;
}

void write_h5(const ConvertArguments& arguments, const weights::WeightFile& file,
              const Source& source) {
  if (file.kind != WeightKind::model || !file.find("head.weight"))
    throw base::WeightError(
        file.where,
        std::string("found ") +
            (file.kind == WeightKind::simmim     ? "SimMIM's encoder and decoder"
             : file.kind == WeightKind::backbone ? "a backbone"
                                                 : "no head.weight") +
            ", expected a classifier, which a .h5 holds",
        "write a .safetensors, or start a training from it: swin train CONFIG --init " +
            file.where);
  files::CheckpointContents contents;
  contents.arrays = checkpoint_arrays(file);
  contents.meta.emplace_back(
      "config", base::to_text(trainers::to_json(source.config, trainers::WithRuntime::no)));
  if (files::is_checkpoint(arguments.input)) {
    const files::CheckpointFile checkpoint(arguments.input);
    contents.step = checkpoint.step();
    contents.epoch = checkpoint.epoch();
    for (const char* name : {"class_names", "dataset_fingerprint"})
      if (std::optional<std::string> text = checkpoint.find_meta(name))
        contents.meta.emplace_back(name, std::move(*text));
  }
  files::write_checkpoint(arguments.output, contents);
}

Dialect chosen_dialect(const ConvertArguments& arguments, bool to_h5) {
  const std::string name = arguments.dialect.value_or("official");
  const std::optional<Dialect> dialect = weights::dialect_named(name);
  if (!dialect || *dialect == Dialect::mm) {
    const std::vector<std::string> choices = weights::writable_dialects();
    throw base::UsageError(
        "swin convert --dialect",
        "found \"" + name + "\", expected one of " + base::listing(choices, choices.size()),
        name == "mm" ? "mm is only read" : "choose one of them");
  }
  if (to_h5 && *dialect != Dialect::official)
    throw base::UsageError("swin convert --dialect",
                           "found " + name + " for a .h5, whose names are always official",
                           "leave --dialect out, or write a .safetensors");
  return *dialect;
}

}  // namespace

base::ExitCode run(const ConvertArguments& arguments) {
  const bool to_h5 = arguments.output.ends_with(".h5");
  if (!to_h5 && !arguments.output.ends_with(".safetensors"))
    throw base::UsageError(arguments.output,
                           "found a name that ends neither in .h5 nor in .safetensors, expected "
                           "one of them for the output",
                           "name it OUT.h5 (for predict, evaluate, train --init) or "
                           "OUT.safetensors (for other programs)");
  const Dialect dialect = chosen_dialect(arguments, to_h5);
  const weights::WeightFile file = weights::read_weight_file(
      arguments.input, arguments.allow,
      arguments.ema ? files::WeightSet::averaged : files::WeightSet::trained);
  const Source source = source_of(arguments, file);
  weights::require_fit(file, source.config.model);
  if (to_h5) {
    write_h5(arguments, file, source);
  } else {
    files::write_safetensors(arguments.output,
                             weights::to_dialect(file.arrays, dialect, source.config.model));
  }

  std::vector<std::string> differences;
  if (!to_h5 && file.kind == WeightKind::model)
    differences = weights::computed_otherwise(dialect, source.config.model);

  if (arguments.json) {
    base::Json result = base::Json::object();
    result["input"] = arguments.input;
    result["output"] = arguments.output;
    describe(file, result);
    result["source_dialect"] = weights::name_of(file.dialect);
    result["dialect"] = weights::name_of(dialect);
    base::Json& loaded = result["loaded"] = base::Json::array();
    for (const weights::WeightFile::Loaded& entry : file.loaded) {
      base::Json row = base::Json::object();
      row["name"] = entry.name;
      row["keys"] = base::Json::array_of(entry.keys);
      loaded.push_back(row);
    }
    result["unexpected"] = base::Json::array();  // both are errors before this
    result["missing"] = base::Json::array();
    result["config"] = source.origin;
    result["model_config"] = trainers::to_json(source.config.model).at("model");
    result["assumptions"] = base::Json::array_of(source.assumptions);
    result["differences"] = base::Json::array_of(differences);
    print_json(result);
    return base::ExitCode::done;
  }
  std::string text = arguments.input + ": " + summary(file) + "\n" + skipped_text(file);
  for (const std::string& note : file.notes) text += "Note: " + note + "\n";
  if (source.origin == "inferred") {
    text += "No config was given; the shapes fit " + sizes_text(source.config.model) + "\n";
    for (const std::string& assumption : source.assumptions) text += "Assumed " + assumption + "\n";
    if (!source.assumptions.empty()) text += "If that is wrong, give --config CONFIG\n";
  }
  text += "Written: " + arguments.output + ", " +
          (to_h5 ? "a checkpoint with its config"
                 : weights::name_of(dialect) + std::string("'s names")) +
          "\n";
  for (const std::string& difference : differences) text += "Note: " + difference + "\n";
  if (!to_h5 && dialect == Dialect::huggingface)
    text += "from_pretrained also reads a config.json next to model.safetensors\n";
  print(text);
  return base::ExitCode::done;
}

}  // namespace swin::cli
