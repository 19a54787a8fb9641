// swin convert: weights from one format and dialect into another, bit for bit.
#include <filesystem>

#include "base/text.h"
#include "cli/console.h"
#include "cli/verbs.h"
#include "cli/weight_report.h"
#include "files/atomic_file.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "trainers/run/weight_config.h"
#include "weights/class_names.h"
#include "weights/descriptions.h"
#include "weights/dialects_conventions.h"
#include "weights/hub_write.h"
#include "weights/load_weights.h"

namespace swin::cli {
namespace {

using weights::Dialect;
using weights::WeightKind;

enum class Form {
  checkpoint,   // OUT.h5
  safetensors,  // OUT.safetensors
  folder,       // OUT/ as Hugging Face or timm opens it
};

Form form_of(const std::string& output) {
  std::error_code error;
  if (output.ends_with('/') || std::filesystem::is_directory(output, error)) return Form::folder;
  if (output.ends_with(".h5")) return Form::checkpoint;
  if (output.ends_with(".safetensors")) return Form::safetensors;
  throw base::UsageError(output,
                         "found a name that ends neither in .h5 nor in .safetensors nor in /, "
                         "expected one of them for the output",
                         "name it OUT.h5 (for predict, evaluate, train --init), OUT.safetensors "
                         "(for other programs) or OUT/ (a folder for transformers or timm)");
}

trainers::WeightConfig config_for(const ConvertArguments& arguments,
                                  const weights::WeightFile& file) {
  if (!arguments.config) return trainers::config_of(file);
  const base::Json given = trainers::load_config_json(*arguments.config, {});
  return trainers::config_of(file, &given);
}

// Names from --classes replace those of the file.
void take_class_names(const ConvertArguments& arguments, weights::WeightFile& file) {
  if (!arguments.classes) return;
  if (!file.class_rows())
    throw base::UsageError("--classes", "found weights without a head, expected rows to name",
                           "leave it out");
  file.class_names = weights::read_class_list(*arguments.classes);
  if (std::ssize(file.class_names) != file.num_classes())
    throw base::UsageError(*arguments.classes,
                           "found " + std::to_string(file.class_names.size()) +
                               " names, expected one for each of the head's " +
                               std::to_string(file.num_classes()) + " classes",
                           "list the class names in the order of the head's rows, one a line");
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

void require_head(const weights::WeightFile& file, const std::string& holder) {
  if (file.class_rows()) return;
  throw base::WeightError(
      file.where,
      std::string("found ") +
          (file.kind == WeightKind::simmim     ? "SimMIM's encoder and decoder"
           : file.kind == WeightKind::backbone ? "a backbone"
                                               : "no head.weight") +
          ", expected a classifier, a segmenter or a detector, which " + holder + " holds",
      "write a .safetensors, or start a training from it: swin train CONFIG --init " + file.where);
}

void write_h5(const ConvertArguments& arguments, const weights::WeightFile& file,
              const trainers::Config& config) {
  require_head(file, "a .h5");
  files::CheckpointContents contents;
  contents.arrays = checkpoint_arrays(file);
  contents.meta.emplace_back("config",
                             base::to_text(trainers::to_json(config, trainers::WithRuntime::no)));
  if (!file.class_names.empty())
    contents.meta.emplace_back("class_names", weights::class_names_json(file.class_names));
  if (files::is_checkpoint(arguments.input)) {
    const files::CheckpointFile checkpoint(arguments.input);
    contents.step = checkpoint.step();
    contents.epoch = checkpoint.epoch();
    if (std::optional<std::string> text = checkpoint.find_meta("dataset_fingerprint"))
      contents.meta.emplace_back("dataset_fingerprint", std::move(*text));
  }
  files::write_checkpoint(arguments.output, contents);
}

// The metadata that makes the checkpoint again: config, pre-processing and class names.
files::StringMap metadata_of(const weights::WeightFile& file, const trainers::Config& config) {
  const base::Json json = trainers::to_json(config, trainers::WithRuntime::no);
  files::StringMap metadata = {{weights::kConfigKey, base::to_text(json)},
                               {weights::kPreprocessKey, base::to_text(json.at("preprocess"))}};
  if (!file.class_names.empty())
    metadata.emplace_back(weights::kClassNamesKey, weights::class_names_json(file.class_names));
  return metadata;
}

// config.json is the last file, because no library opens a folder without it.
void write_folder(const ConvertArguments& arguments, const weights::WeightFile& file,
                  Dialect dialect, const trainers::Config& config,
                  std::vector<std::string>& differences) {
  require_head(file, "such a folder");
  const std::filesystem::path folder = arguments.output;
  std::vector<files::NamedArray> arrays = weights::to_dialect(file.arrays, dialect, config.model);
  const auto heads = trainers::heads_of(config);
  const auto texts =
      weights::hub_files(dialect, config.model, heads ? &*heads : nullptr,
                         trainers::published_form(config), file.class_names, differences);
  files::make_directories(folder);
  files::write_safetensors(folder / "model.safetensors", std::move(arrays),
                           metadata_of(file, config));
  for (const auto& [name, text] : texts) files::write_file_atomically(folder / name, text);
  if (config.preprocess.exif_orientation)
    differences.push_back(std::string(weights::name_of(dialect)) +
                          " does not rotate images as their EXIF data say "
                          "(preprocess.exif_orientation)");
}

Dialect chosen_dialect(const ConvertArguments& arguments, Form form) {
  const std::string name = arguments.dialect.value_or("official");
  const std::optional<Dialect> dialect = weights::dialect_named(name);
  if (!dialect) {
    const std::vector<std::string> choices = weights::writable_dialects();
    throw base::UsageError(
        "swin convert --dialect",
        "found \"" + name + "\", expected one of " + base::listing(choices, choices.size()),
        "choose one of them");
  }
  if (form == Form::folder && *dialect != Dialect::huggingface && *dialect != Dialect::timm)
    throw base::UsageError("swin convert --dialect",
                           "found a folder for the output and the dialect " + name +
                               ", expected one whose library opens folders",
                           "choose huggingface or timm, or name the output OUT.safetensors");
  if (form == Form::checkpoint && *dialect != Dialect::official)
    throw base::UsageError("swin convert --dialect",
                           "found " + name + " for a .h5, whose names are always official",
                           "leave --dialect out, or write a .safetensors");
  return *dialect;
}

}  // namespace

base::ExitCode run(const ConvertArguments& arguments) {
  const Form form = form_of(arguments.output);
  const Dialect dialect = chosen_dialect(arguments, form);
  if (std::error_code error; std::filesystem::equivalent(arguments.input, arguments.output, error))
    throw base::UsageError(arguments.output, "found the input as the output, expected another file",
                           "choose another name: the input would be lost");
  weights::ReadOptions options = read_options(arguments);
  options.allow = arguments.allow;
  weights::WeightFile file = weights::read_weight_file(arguments.input, options);
  take_class_names(arguments, file);
  trainers::WeightConfig source = config_for(arguments, file);
  weights::require_fit(file, source.config.model);
  std::vector<std::string> differences;
  if (form != Form::checkpoint && file.kind == WeightKind::model)
    differences = weights::computed_otherwise(dialect, source.config.model);
  if (const auto detector = trainers::detector_of(source.config);
      detector && form != Form::checkpoint)
    differences = weights::computed_otherwise(dialect, *detector);
  if (form == Form::checkpoint)
    write_h5(arguments, file, source.config);
  else if (form == Form::folder)
    write_folder(arguments, file, dialect, source.config, differences);
  else
    files::write_safetensors(arguments.output,
                             weights::to_dialect(file.arrays, dialect, source.config.model),
                             metadata_of(file, source.config));
  if (file.class_names.empty() && file.class_rows())
    source.notes.push_back(
        "the weights do not tell the names of their classes, so none are stored; give them with "
        "--classes FILE (a name a line, in the order of the head)");
  for (const std::string& note : source.notes) file.notes.push_back(note);

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
    const base::Json config = trainers::to_json(source.config);
    result["config"] = source.origin;
    result["model_config"] = config.at("model");
    result["preprocess"] = config.at("preprocess");
    result["assumptions"] = base::Json::array_of(source.assumptions);
    result["differences"] = base::Json::array_of(differences);
    print_json(result);
    return base::ExitCode::done;
  }
  std::string text = one_line(arguments.input) + ": " + summary(file) + "\n" + skipped_text(file);
  if (source.origin == "inferred") {
    text += "No config was given; the shapes fit " + sizes_text(source.config.model) + "\n";
    for (const std::string& assumption : source.assumptions)
      text += one_line("Assumed " + assumption) + "\n";
    if (!source.assumptions.empty()) text += "If that is wrong, give --config CONFIG\n";
  }
  text += class_names_text(file) + "Images: " + trainers::preprocess_text(source.config) + "\n";
  for (const std::string& note : file.notes) text += one_line("Note: " + note) + "\n";
  text += "Written: " + one_line(arguments.output) + ", " +
          (form == Form::checkpoint ? "a checkpoint with its config"
           : form == Form::folder
               ? "a folder for " + std::string(dialect == Dialect::timm
                                                   ? "timm.create_model(\"local-dir:…\")"
                                                   : "from_pretrained of transformers")
               : weights::name_of(dialect) + std::string("'s names")) +
          "\n";
  for (const std::string& difference : differences) text += one_line("Note: " + difference) + "\n";
  if (form == Form::safetensors && dialect == Dialect::huggingface)
    text +=
        "from_pretrained also reads a config.json next to model.safetensors; an output that "
        "ends in / gets both\n";
  print(text);
  return base::ExitCode::done;
}

}  // namespace swin::cli
