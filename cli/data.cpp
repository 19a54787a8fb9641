// swin data: packs data sets; the other actions have files of their own.
#include <filesystem>

#include "cli/console.h"
#include "cli/data_sets.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "data/formats/formats.h"
#include "data/formats/packed.h"

namespace swin::cli {
namespace {

base::ExitCode pack(const DataArguments& arguments) {
  if (std::filesystem::exists(arguments.output) && !data::is_packed(arguments.output))
    throw base::UsageError(
        arguments.output,
        "found a file that is not a packed data set, expected none or a packed one",
        "choose another name or remove it");
  const std::unique_ptr<data::Dataset> dataset = open_path(arguments.path);
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
          (dataset->num_classes() == 1 ? " class, " : " classes, ") + bytes_text(bytes) +
          ", into " + one_line(arguments.output) + "\n");
  }
  return base::ExitCode::done;
}

}  // namespace

base::ExitCode run(const DataArguments& arguments) {
  if (arguments.action == "check") return data_check(arguments);
  if (arguments.action == "preview") return data_preview(arguments);
  if (arguments.action == "convert") return data_convert(arguments);
  return pack(arguments);
}

}  // namespace swin::cli
