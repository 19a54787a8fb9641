// swin data: checks data sets and packs them.
#include <algorithm>
#include <filesystem>

#include "base/size2.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/check.h"
#include "data/formats/formats.h"
#include "data/formats/packed.h"
#include "data/summary.h"
#include "trainers/report/progress.h"

namespace swin::cli {
namespace {

constexpr size_t kShown = 20;  // bad files, duplicates and classes in a table for people

std::unique_ptr<data::Dataset> open(const std::string& path) {
  data::DatasetOptions options;
  options.path = path;
  options.format = data::format_of_path(path);
  options.empty_classes = true;  // it may be a set to measure
  return data::open_dataset(options);
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
    entry["bad"] = one.bad;
    classes.push_back(entry);
  }
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

std::string to_text(const data::DataCheck& check, const data::Dataset& dataset) {
  using Align = Table::Align;
  Table classes({{"CLASS"}, {"IMAGES", Align::right}, {"BAD", Align::right}});
  for (const auto& one : check.classes)
    classes.row({one_line(one.name), grouped(one.images), one.bad ? grouped(one.bad) : ""});
  std::string text = classes.text();
  const auto empty = std::count_if(check.classes.begin(), check.classes.end(),
                                   [](const auto& one) { return one.images == 0; });
  if (empty > 0) text += "\nClasses without images: " + grouped(empty) + "\n";
  text += "\n" + grouped(check.images) + " images of " + grouped(int64_t(check.classes.size())) +
          " classes, " + bytes_text(check.bytes) + "\n";
  const auto size = [](const base::Size2& sides) {  // width first, as in errors about images
    return grouped(sides[1]) + " × " + grouped(sides[0]);
  };
  text += "Sizes (width × height): " + size(check.smallest) + " to " + size(check.largest) +
          ", median " + size(check.median) + "\nKinds:";
  for (const auto& [mode, count] : check.modes) text += " " + mode + " " + grouped(count) + ";";
  if (!check.modes.empty()) text.pop_back();
  text += "\nEqual files: " + grouped(int64_t(check.duplicates.size())) + " groups\n";
  text += lines_of(check.duplicates, [](const std::vector<std::string>& names) {
    std::string line;
    for (const std::string& name : names) line += (line.empty() ? "" : " ") + one_line(name);
    return line;
  });
  for (const data::PassedOver& passed : dataset.passed_over()) {
    text += "Passed over, " + one_line(passed.reason) + ": " +
            grouped(int64_t(passed.names.size())) + "\n";
    text += lines_of(passed.names, one_line);
  }
  text += "Bad files: " + grouped(int64_t(check.bad.size())) + "\n";
  return text + lines_of(check.bad, [](const auto& one) { return one_line(one.error); });
}

// Runs a pass over a data set, with a progress bar if stderr is a terminal.
template <class Function>
auto with_progress(const DataArguments& arguments, const std::string& doing,
                   const data::Dataset& dataset, const Function& pass) {
  trainers::Progress progress({.quiet = arguments.quiet || arguments.json});
  return pass([&](int64_t done) { progress.images(doing, done, dataset.size()); });
}

base::ExitCode check(const DataArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const std::unique_ptr<data::Dataset> dataset = open(arguments.path);
  tell_summary(*dataset, arguments.path, arguments);
  if (data::format_of_path(arguments.path) == "packed") data::verify_packed(arguments.path);
  const data::DataCheck found =
      with_progress(arguments, "checking", *dataset,
                    [&](const auto& progress) { return data::check_dataset(*dataset, progress); });
  if (arguments.json) {
    print_json(to_json(found, *dataset));
  } else {
    print(to_text(found, *dataset));
  }
  if (found.bad.empty()) return base::ExitCode::done;
  note(error_line(base::ExitCode::data, arguments.path + ": found " +
                                            std::to_string(found.bad.size()) +
                                            " bad files, expected none; replace or remove them"));
  return base::ExitCode::data;
}

base::ExitCode pack(const DataArguments& arguments) {
  if (std::filesystem::exists(arguments.output) && !data::is_packed(arguments.output))
    throw base::UsageError(
        arguments.output,
        "found a file that is not a packed data set, expected none or a packed one",
        "choose another name or remove it");
  const std::unique_ptr<data::Dataset> dataset = open(arguments.path);
  if (!dataset->holds_files())
    throw base::UsageError(
        arguments.path, "found a data set of pixels, expected one of image files",
        "train from it as it is (format \"" + data::format_of_path(arguments.path) + "\")");
  tell_summary(*dataset, arguments.path, arguments);
  const int64_t bytes = with_progress(arguments, "packing", *dataset, [&](const auto& progress) {
    return data::pack_dataset(*dataset, arguments.output, progress);
  });
  if (arguments.json) {
    base::Json json = base::Json::object();
    json["images"] = dataset->size();
    json["classes"] = dataset->num_classes();
    json["image_bytes"] = bytes;
    json["bytes"] = static_cast<int64_t>(std::filesystem::file_size(arguments.output));
    json["output"] = arguments.output;
    add_summary(*dataset, json);
    print_json(json);
  } else {
    print("Packed " + grouped(dataset->size()) + " images of " + grouped(dataset->num_classes()) +
          " classes, " + bytes_text(bytes) + ", into " + one_line(arguments.output) + "\n");
  }
  return base::ExitCode::done;
}

}  // namespace

base::ExitCode run(const DataArguments& arguments) {
  if (arguments.action == "preview") return data_preview(arguments);
  return arguments.action == "pack" ? pack(arguments) : check(arguments);
}

}  // namespace swin::cli
