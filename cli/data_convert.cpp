// swin data convert: writes a data set as images, label maps and COCO's JSON.
#include <filesystem>

#include "cli/console.h"
#include "cli/data_sets.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/convert.h"
#include "data/formats/formats.h"
#include "trainers/run/data_options.h"

namespace swin::cli {
namespace {

using Kind = data::AnnotationKind;

const trainers::DatasetConfig& chosen(const trainers::Config& config,
                                      const DataArguments& arguments) {
  if (arguments.dataset == "train") return config.data.train;
  const auto& set = arguments.dataset == "test" ? config.data.test : config.data.validation;
  if (!set)
    throw base::UsageError(arguments.path, "found no data." + arguments.dataset + ", expected it",
                           "add it, or choose another --dataset");
  return *set;
}

void require_empty(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error))
    throw base::UsageError(folder,
                           "found a file or a folder with files, expected none or an empty folder",
                           "choose another --output or remove it");
}

bool have_equal_images(const data::Dataset& a, const data::Dataset& b) {
  if (a.size() != b.size()) return false;
  for (int64_t i = 0; i < a.size(); ++i)
    if (a.name(i) != b.name(i)) return false;
  return true;
}

}  // namespace

base::ExitCode data_convert(const DataArguments& arguments) {
  require_empty(arguments.output);
  const trainers::Config config = trainers::load_config(arguments.path, arguments.sets);
  set_threads(arguments, config.runtime.threads);
  const trainers::DatasetConfig& set = chosen(config, arguments);
  data::DatasetOptions options = trainers::dataset_options_of(set, config);
  options.annotation.reset();  // what the format has
  std::unique_ptr<data::Dataset> objects = data::open_dataset(options), maps;
  tell_summary(*objects, set.field, arguments);
  if (objects->annotation_kind() == Kind::label_map) {
    maps = std::move(objects);
  } else if (objects->annotation_kind() == Kind::objects) {
    options.annotation = Kind::label_map;
    maps = data::open_dataset(options);
    // Of Pascal VOC only some images have label maps.
    if (!have_equal_images(*maps, *objects)) maps.reset();
  } else {
    throw base::UsageError(
        set.field + ".format",
        "found " + set.format +
            ", which has classes of whole images, expected label maps or objects",
        "`swin data pack` writes image files with their classes");
  }
  const data::Dataset& any = objects ? *objects : *maps;
  const data::Converted written =
      with_progress(arguments, "converting", any, [&](const auto& progress) {
        return data::convert_dataset(maps.get(), objects.get(), arguments.output, progress);
      });
  if (arguments.json) {
    base::Json json = base::Json::object();
    json["output"] = arguments.output;
    json["images"] = written.images;
    json["label_maps"] = written.label_maps;
    json["objects"] = written.objects;
    add_summary(any, json);
    print_json(json);
  } else {
    print("Wrote " + grouped(written.images) + " images, " + grouped(written.label_maps) +
          " label maps and " + grouped(written.objects) + " objects to " +
          one_line(arguments.output) + "\n");
  }
  return base::ExitCode::done;
}

}  // namespace swin::cli
