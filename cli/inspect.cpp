// swin inspect: what is in a checkpoint or a weight file. The whole file is checked on the way:
// digest or offsets, the JSON texts, and, where a config is known, that the weights fit its model.
#include <set>

#include "base/pool.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "files/checkpoint_file.h"
#include "files/digest.h"
#include "files/safetensors.h"
#include "layers/model.h"
#include "layers/weights.h"

namespace swin::cli {
namespace {

struct ArrayLine {
  std::string name;
  files::DType dtype;
  std::vector<int64_t> shape;
};

struct Contents {
  std::string format, sha256;
  int64_t size_bytes = 0;
  std::optional<int64_t> step, epoch;
  std::vector<ArrayLine> arrays;
  std::vector<std::pair<std::string, base::Json>> meta;
  int64_t parameters = 0;  // numbers in the model's arrays
  std::string fits;        // the model the arrays fit; empty: not known
};

bool is_model(const std::string& name) { return name.rfind("model/", 0) == 0; }

int64_t numel(const std::vector<int64_t>& shape) {
  return files::num_elements_of(shape).value_or(0);
}

// Throws WeightError unless the arrays `prefix`* are the model's parameters, names and shapes.
void require_fit(const std::string& file, layers::ModelConfig config, const Contents& contents,
                 const std::string& prefix) {
  for (const ArrayLine& array : contents.arrays)  // where the config leaves the classes to the data
    if (config.num_classes == 0 && array.name == prefix + "head.bias" && array.shape.size() == 1)
      config.num_classes = array.shape[0];
  if (config.num_classes == 0) config.num_classes = 1000;
  const base::DryRun dry;
  const layers::Model model(config, 0, false);
  std::set<std::string> found;
  for (const ArrayLine& array : contents.arrays) {
    if (array.name.rfind(prefix, 0) != 0) continue;
    const std::string name = array.name.substr(prefix.size());
    if (layers::is_derived_table(name)) continue;
    const layers::ParameterEntry* entry = model.parameters().find(name);
    if (!entry)
      throw base::WeightError(
          file,
          "found the array " + array.name + ", expected only parameters of the config's model",
          "give the config this file was made with");
    std::vector<int64_t> shape;
    for (int i = 0; i < entry->shape.rank(); ++i) shape.push_back(entry->shape[i]);
    if (shape != array.shape)
      throw base::WeightError(file,
                              "found " + array.name + " of shape " + files::to_text(array.shape) +
                                  ", expected " + files::to_text(shape) + " of the config's model",
                              "give the config this file was made with");
    found.insert(name);
  }
  for (size_t i = 0; i < model.parameters().size(); ++i)
    if (!found.contains(model.parameters()[i].name))
      throw base::WeightError(file,
                              "found no array " + prefix + model.parameters()[i].name +
                                  ", expected every parameter of the config's model",
                              "give the config this file was made with");
}

Contents read_checkpoint(const std::string& file) {
  const files::CheckpointFile checkpoint(file);
  Contents contents;
  contents.format = "swin.cpp checkpoint";
  contents.sha256 = checkpoint.sha256();
  contents.size_bytes = checkpoint.size_bytes();
  contents.step = checkpoint.step();
  contents.epoch = checkpoint.epoch();
  for (const auto& entry : checkpoint.entries()) {
    contents.arrays.push_back({entry.name, entry.dtype, entry.shape});
    if (is_model(entry.name)) contents.parameters += numel(entry.shape);
  }
  for (const std::string& name : checkpoint.meta_names()) {
    try {
      contents.meta.emplace_back(name,
                                 base::parse_json(checkpoint.meta(name), file + ": meta/" + name));
    } catch (const base::JsonSyntaxError& error) {
      throw base::WeightError(file + ": meta/" + name, error.what,
                              "use another checkpoint of the run");
    }
  }
  return contents;
}

Contents read_safetensors(const std::string& file) {
  const files::SafetensorsFile weights(file);
  const files::MappedFile bytes(file, files::FileKind::weights);
  Contents contents;
  contents.format = "safetensors";
  contents.sha256 = files::to_hex(files::sha256(bytes.bytes()));
  contents.size_bytes = bytes.size_bytes();
  for (const files::NamedArray& array : weights.arrays()) {
    contents.arrays.push_back({array.name, array.dtype, array.shape});
    contents.parameters += array.num_elements();
  }
  for (const auto& [name, value] : weights.metadata()) contents.meta.emplace_back(name, value);
  return contents;
}

}  // namespace

base::ExitCode run(const InspectArguments& arguments) {
  const std::string& file = arguments.file;
  const bool is_hdf5 = file.ends_with(".h5") || files::is_checkpoint(file);
  Contents contents = is_hdf5 ? read_checkpoint(file) : read_safetensors(file);
  const base::Json* stored = nullptr;
  for (const auto& [name, json] : contents.meta)
    if (name == "config") stored = &json;
  if (arguments.config) {
    require_fit(file, load_model_config(*arguments.config, {}).model, contents,
                is_hdf5 ? "model/" : "");
    contents.fits = *arguments.config;
  } else if (is_hdf5 && stored) {
    try {
      require_fit(file, trainers::parse_model_only(*stored), contents, "model/");
    } catch (const base::UsageError& error) {
      throw base::WeightError(file + ": meta/config", error.what(),
                              "use another checkpoint of the run");
    }
    contents.fits = "the config it holds";
  }

  if (arguments.json) {
    base::Json result = base::Json::object();
    result["file"] = file;
    result["format"] = contents.format;
    result["size_bytes"] = contents.size_bytes;
    result["sha256"] = contents.sha256;
    if (contents.step) result["step"] = *contents.step;
    if (contents.epoch) result["epoch"] = *contents.epoch;
    result["parameters"] = contents.parameters;
    result["fits_config"] = contents.fits.empty() ? base::Json() : base::Json(true);
    base::Json& arrays = result["arrays"] = base::Json::array();
    for (const ArrayLine& array : contents.arrays) {
      base::Json row = base::Json::object();
      row["name"] = array.name;
      row["shape"] = base::Json::array_of(array.shape);
      row["dtype"] = files::name_of(array.dtype);
      arrays.push_back(row);
    }
    base::Json& meta = result["meta"] = base::Json::object();
    for (const auto& [name, json] : contents.meta) meta[name] = json;
    print_json(result);
    return base::ExitCode::done;
  }
  Table table({{"ARRAY"}, {"SHAPE"}, {"TYPE"}, {"ELEMENTS", Table::Align::right}});
  for (const ArrayLine& array : contents.arrays)
    table.row({array.name, files::to_text(array.shape), files::name_of(array.dtype),
               grouped(numel(array.shape))});
  std::string text = table.text() + "\n";
  text += file + ": " + contents.format + ", " + bytes_text(contents.size_bytes) +
          ", whole and undamaged\n";
  if (contents.step)
    text +=
        "After update " + grouped(*contents.step) + ", epoch " + grouped(*contents.epoch) + "\n";
  text +=
      grouped(contents.parameters) + " numbers in " + (is_hdf5 ? "the model's" : "all") + " arrays";
  text += contents.fits.empty() ? "\n" : "; they fit " + contents.fits + "\n";
  for (const auto& [name, json] : contents.meta) {
    std::string value = base::to_text(json);
    if (value.size() > 120) value = value.substr(0, 117) + "...";
    text += name + ": " + value + "\n";
  }
  text += "SHA-256 " + contents.sha256 + "\n";
  print(text);
  return base::ExitCode::done;
}

}  // namespace swin::cli
