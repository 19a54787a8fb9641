// swin data check: counts what is in a data set, and names what is wrong with it.
#include <algorithm>
#include <filesystem>

#include "base/size2.h"
#include "cli/console.h"
#include "cli/data_sets.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/check.h"
#include "data/formats/format_table.h"
#include "data/formats/formats.h"
#include "data/formats/packed.h"
#include "data/summary.h"
#include "files/mapped_file.h"
#include "trainers/run/data_options.h"

namespace swin::cli {
namespace {

using Kind = data::AnnotationKind;

constexpr size_t kShown = 20;  // bad files, duplicates and classes in a table for people

// The word for a value that is no class.
std::string meaning_text(uint16_t meaning) {
  return meaning == data::LabelMap::kIgnored ? "ignored" : "beyond the classes";
}
bool is_class(uint16_t meaning) { return meaning < data::LabelValues::kBeyond; }

base::Json values_json(const data::DataCheck& check) {
  base::Json values = base::Json::array();
  for (const auto& one : check.values) {
    base::Json& entry = values.items().emplace_back(base::Json::object());
    entry["value"] = int64_t{one.value};
    entry["pixels"] = one.pixels;
    entry["images"] = one.images;
    entry["class_index"] = is_class(one.meaning) ? base::Json(int64_t{one.meaning}) : base::Json();
    entry["meaning"] =
        is_class(one.meaning) ? check.classes[one.meaning].name : meaning_text(one.meaning);
  }
  return values;
}

base::Json objects_json(const data::DataCheck& check) {
  const data::DataCheck::ObjectCounts& counts = check.objects;
  base::Json objects = base::Json::object();
  objects["count"] = counts.objects;
  objects["crowds"] = counts.crowds;
  objects["without_mask"] = counts.without_mask;
  objects["small"] = counts.small;
  objects["medium"] = counts.medium;
  objects["large"] = counts.large;
  objects["most_in_an_image"] = counts.most;
  objects["images_without"] = counts.empty_images;
  objects["images_with_over_100"] = counts.crowded_images;
  return objects;
}

base::Json to_json(const data::DataCheck& check, const data::Dataset& dataset) {
  base::Json json = base::Json::object();
  json["images"] = check.images;
  json["bytes"] = check.bytes;
  base::Json& classes = json["classes"] = base::Json::array();
  for (const auto& one : check.classes) {
    base::Json entry = base::Json::object();
    entry["name"] = one.name;
    entry["images"] = one.images;
    if (check.kind == Kind::label_map) {
      entry["pixels"] = one.pixels;
    } else if (check.kind == Kind::objects) {
      entry["objects"] = one.objects;
      entry["crowds"] = one.crowds;
    } else {
      entry["bad"] = one.bad;
    }
    classes.push_back(entry);
  }
  if (data::has_pixels_or_objects(check.kind)) json["exif_turned"] = check.turned;
  if (!check.values.empty()) json["label_values"] = values_json(check);
  if (check.kind == Kind::objects) json["objects"] = objects_json(check);
  if (!check.left_out.empty()) json["left_out"] = data::passed_over_json(check.left_out);
  base::Json& modes = json["modes"] = base::Json::object();
  for (const auto& [mode, count] : check.modes) modes[mode] = count;
  base::Json& sizes = json["sizes"] = base::Json::object();
  const auto size = [](const base::Size2& sides) {
    return base::Json::array_of(std::vector<int64_t>(sides.begin(), sides.end()));
  };
  sizes["smallest"] = size(check.smallest);
  sizes["median"] = size(check.median);
  sizes["largest"] = size(check.largest);
  base::Json& bad = json["bad"] = base::Json::array();
  for (const auto& one : check.bad) {
    base::Json entry = base::Json::object();
    entry["path"] = one.name;
    entry["error"] = one.error;
    bad.push_back(entry);
  }
  base::Json& duplicates = json["duplicates"] = base::Json::array();
  for (const auto& group : check.duplicates) duplicates.push_back(base::Json::array_of(group));
  // An older name of some of what follows.
  base::Json& links_out = json["links_out"] = base::Json::array();
  for (const data::PassedOver& passed : dataset.passed_over())
    if (passed.reason == "broken link") links_out = base::Json::array_of(passed.names);
  add_summary(dataset, json);
  return json;
}

// The first items, each on a line.
template <class Item, class Text>
std::string lines_of(const std::vector<Item>& items, const Text& text_of) {
  std::string text;
  for (size_t i = 0; i < std::min(items.size(), kShown); ++i)
    text += "  " + text_of(items[i]) + "\n";
  return text + (items.size() > kShown ? "  … (--json lists all)\n" : "");
}

std::string or_empty(int64_t count) { return count ? grouped(count) : ""; }

// "class 3 road"; "class 3" where classes are numbers.
std::string class_text(const data::DataCheck& check, uint16_t index) {
  const std::string number = std::to_string(index), name = one_line(check.classes[index].name);
  return "class " + number + (name == number ? "" : " " + name);
}

// Each value in the files of label maps, and what it counts as.
std::string values_text(const data::DataCheck& check) {
  using Align = Table::Align;
  Table values(
      {{"VALUE", Align::right}, {"PIXELS", Align::right}, {"IMAGES", Align::right}, {"COUNTS AS"}});
  constexpr size_t kMostRows = 300;
  for (size_t i = 0; i < std::min(check.values.size(), kMostRows); ++i) {
    const auto& one = check.values[i];
    values.row(
        {std::to_string(one.value), grouped(one.pixels), grouped(one.images),
         is_class(one.meaning) ? class_text(check, one.meaning) : meaning_text(one.meaning)});
  }
  return values.text() + (check.values.size() > kMostRows ? "… (--json lists all)\n" : "");
}

std::string objects_text(const data::DataCheck::ObjectCounts& counts) {
  std::string text = grouped(counts.objects) + " objects: " + grouped(counts.small) +
                     " small (up to 32² pixels), " + grouped(counts.medium) +
                     " medium (up to 96²), " + grouped(counts.large) + " large; at most " +
                     grouped(counts.most) + " in an image\n";
  if (counts.crowds) text += "Crowds, no targets: " + grouped(counts.crowds) + "\n";
  if (counts.without_mask) text += "Objects without a mask: " + grouped(counts.without_mask) + "\n";
  if (counts.empty_images) text += "Images without objects: " + grouped(counts.empty_images) + "\n";
  if (counts.crowded_images)
    text += "Images with over 100 objects (COCO's metrics look at 100 detections): " +
            grouped(counts.crowded_images) + "\n";
  return text;
}

std::string to_text(const data::DataCheck& check, const data::Dataset& dataset) {
  using Align = Table::Align;
  const bool maps = check.kind == Kind::label_map, objects = check.kind == Kind::objects;
  std::vector<Table::Column> columns = {{"CLASS"}, {"IMAGES", Align::right}};
  if (maps) columns.push_back({"PIXELS", Align::right});
  if (objects) columns.insert(columns.end(), {{"OBJECTS", Align::right}, {"CROWDS", Align::right}});
  if (!maps && !objects) columns.push_back({"BAD", Align::right});
  Table classes(columns);
  for (const auto& one : check.classes) {
    std::vector<std::string> cells = {one_line(one.name), grouped(one.images)};
    if (maps) cells.push_back(grouped(one.pixels));
    if (objects) cells.insert(cells.end(), {grouped(one.objects), or_empty(one.crowds)});
    if (!maps && !objects) cells.push_back(or_empty(one.bad));
    classes.row(cells);
  }
  std::string text = classes.text();
  if (!check.values.empty()) text += "\n" + values_text(check);
  if (objects) text += "\n" + objects_text(check.objects);
  const auto empty = std::count_if(check.classes.begin(), check.classes.end(),
                                   [](const auto& one) { return one.images == 0; });
  if (empty > 0) text += "\nClasses without images: " + grouped(empty) + "\n";
  text += "\n" + grouped(check.images) + " images of " + grouped(int64_t(check.classes.size())) +
          (check.classes.size() == 1 ? " class, " : " classes, ") + bytes_text(check.bytes) + "\n";
  const auto size = [](const base::Size2& sides) {  // width first, as in errors about images
    return grouped(sides[1]) + " × " + grouped(sides[0]);
  };
  text += "Sizes (width × height): " + size(check.smallest) + " to " + size(check.largest) +
          ", median " + size(check.median) + "\nKinds:";
  for (const auto& [mode, count] : check.modes) text += " " + mode + " " + grouped(count) + ";";
  if (!check.modes.empty()) text.pop_back();
  if (check.turned > 0 && data::has_pixels_or_objects(check.kind))
    text += "\nImages that their EXIF data turn: " + grouped(check.turned) +
            " (preprocess.exif_orientation says whether they are read so)";
  text += "\nEqual files: " + grouped(int64_t(check.duplicates.size())) + " groups\n";
  text += lines_of(check.duplicates, [](const std::vector<std::string>& names) {
    std::string line;
    for (const std::string& name : names) line += (line.empty() ? "" : " ") + one_line(name);
    return line;
  });
  const auto list = [&](const std::string& what, const std::vector<data::PassedOver>& all) {
    for (const data::PassedOver& passed : all) {
      text += what + ", " + one_line(passed.reason) + ": " + grouped(int64_t(passed.names.size())) +
              "\n";
      text += lines_of(passed.names, one_line);
    }
  };
  list("Passed over", dataset.passed_over());
  list("Left out", check.left_out);
  text += "Bad files: " + grouped(int64_t(check.bad.size())) + "\n";
  return text + lines_of(check.bad, [](const auto& one) { return one_line(one.error); });
}

// What makes a check fail.
struct Faults {
  size_t bad_files = 0;
  int64_t without_mask = 0;  // objects, where the task learns masks
  bool none() const { return bad_files == 0 && without_mask == 0; }
};

// Checks one set.
Faults check_set(const data::Dataset& dataset, const std::string& name,
                 const DataArguments& arguments, bool masks, base::Json& json) {
  tell_summary(dataset, name, arguments);
  const data::DataCheck found =
      with_progress(arguments, "checking", dataset,
                    [&](const auto& progress) { return data::check_dataset(dataset, progress); });
  if (arguments.json)
    json = to_json(found, dataset);
  else
    print(to_text(found, dataset));
  return {found.bad.size(), masks ? found.objects.without_mask : 0};
}

// Whether a file is a config, rather than a list of images.
bool is_config(const std::string& path) {
  constexpr uintmax_t kMostBytes = 1 << 20;
  std::error_code error;
  if (!path.ends_with(".json") || !std::filesystem::is_regular_file(path, error) ||
      std::filesystem::file_size(path, error) > kMostBytes)
    return false;
  const files::MappedFile file(path, files::FileKind::data);
  try {
    const base::Json json =
        base::parse_json(files::text_of(file.bytes()), path, {.comments = true});
    return json.find("data") || json.find("extends");
  } catch (const base::JsonSyntaxError&) {
    return false;
  }
}

// All sets of a config.
Faults check_config(const DataArguments& arguments, base::Json& json) {
  const trainers::Config config = trainers::load_config(arguments.path, arguments.sets);
  set_threads(arguments, config.runtime.threads);
  json = base::Json::object();
  const std::vector<double>* mask = config.task.own.find("mask");
  const bool masks = mask && mask->at(0) != 0;
  Faults faults;
  const auto check = [&](const trainers::DatasetConfig& set) {
    const auto dataset = trainers::open_dataset_of(set, config);
    if (!arguments.json) print(set.field + "\n");
    const Faults found = check_set(*dataset, set.field, arguments, masks, json[set.field]);
    faults.bad_files += found.bad_files;
    faults.without_mask += found.without_mask;
  };
  check(config.data.train);
  if (config.data.validation) check(*config.data.validation);
  if (config.data.test) check(*config.data.test);
  return faults;
}

}  // namespace

std::unique_ptr<data::Dataset> open_path(const std::string& path) {
  data::DatasetOptions options;
  options.path = path;
  options.format = data::format_of_path(path);
  options.empty_classes = true;  // it may be a set to measure
  const data::Splits splits = data::format_row(options.format)->splits;
  if (splits == data::Splits::folders || splits == data::Splits::optional_folders)
    options.split = data::Split::all;
  return data::open_dataset(options);
}

base::ExitCode data_check(const DataArguments& arguments) {
  base::Json json;
  Faults faults;
  if (is_config(arguments.path)) {
    faults = check_config(arguments, json);
  } else {
    if (!arguments.sets.empty())
      throw base::UsageError(arguments.path, "found --set, expected none: it is no config",
                             "name a config, whose data sets are checked");
    set_threads(arguments, std::nullopt);
    const std::unique_ptr<data::Dataset> dataset = open_path(arguments.path);
    if (data::format_of_path(arguments.path) == "packed") data::verify_packed(arguments.path);
    faults = check_set(*dataset, arguments.path, arguments, false, json);
  }
  if (arguments.json) print_json(json);
  if (faults.none()) return base::ExitCode::done;
  const auto tell = [&](int64_t count, const std::string& noun, const std::string& rest) {
    if (count > 0)
      note(error_line(base::ExitCode::data,
                      arguments.path + ": found " + base::counted(count, noun) + rest));
  };
  tell(static_cast<int64_t>(faults.bad_files), "bad file",
       ", expected none; replace or remove them");
  tell(faults.without_mask, "object",
       " without a mask, expected a mask for each, as task.mask is true; give them masks, or learn "
       "boxes alone with --set task.mask=false");
  return base::ExitCode::data;
}

}  // namespace swin::cli
