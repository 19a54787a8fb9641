#include "data/formats/formats.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "base/utf8.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/format_table.h"
#include "data/formats/packed.h"
#include "data/formats/voc_files.h"
#include "data/formats/yolo_files.h"

namespace swin::data {
namespace {

struct Format {
  const char* name;
  std::unique_ptr<Dataset> (*open)(const DatasetOptions&);
  bool (*recognize)(const std::string& folder) = nullptr;  // of a folder, by the names of its files
  // Of a path; null: by the names of its folders.
  std::vector<Split> (*splits)(const std::string& path) = nullptr;
};

// A new format is a row here, one in format_table.cpp, and one pair of files.
constexpr Format kFormats[] = {
    {"mnist", open_mnist, holds_mnist},
    {"cifar10", open_cifar10, holds_cifar10},
    {"cifar100", open_cifar100, holds_cifar100},
    {"image_folder", open_image_folder},
    {"manifest", open_manifest},
    {"webdataset", open_webdataset},
    {"hdf5", open_hdf5},
    {"packed", open_packed},
    {"synthetic", open_synthetic},
    {"cityscapes", open_cityscapes, holds_cityscapes},
    {"ade20k", open_ade20k, holds_ade20k},
    {"instance_masks", open_instance_masks, holds_instance_masks},
    {"voc", open_voc, holds_voc, voc_splits},
    {"yolo", open_yolo, holds_yolo, yolo_splits},
    {"label_maps", open_label_maps, holds_label_maps},  // after its special cases
    {"coco", open_coco},
    {"fashion_scenes", open_fashion_scenes},
};

const Format* find_format(std::string_view name) {
  const auto format = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& one) { return name == one.name; });
  return format == std::end(kFormats) ? nullptr : format;
}

void check_options(const DatasetOptions& options) {
  if (!(0 <= options.fraction_begin && options.fraction_begin < options.fraction_end &&
        options.fraction_end <= 1))
    throw base::UsageError("data.fraction", "found the part from " +
                                                std::to_string(options.fraction_begin) + " to " +
                                                std::to_string(options.fraction_end) +
                                                ", expected 0 ≤ begin < end ≤ 1");
  if (options.channels != 1 && options.channels != 3)
    throw base::UsageError(
        "model.in_chans",
        "found " + std::to_string(options.channels) + " channels, expected 1 or 3",
        "images are read as gray (1) or RGB (3)");
}

void check_path(const DatasetOptions& options, PathKind kind) {
  const std::string what = kind == PathKind::folder           ? "folder"
                           : kind == PathKind::folder_or_file ? "folder or file"
                                                              : "file";
  const std::string expected = "expected a " + what + " in the format " + options.format;
  if (options.path.empty())
    throw base::UsageError(options.path_field, "found nothing, " + expected, "set it");
  std::error_code error;
  const bool folder = std::filesystem::is_directory(options.path, error);
  const bool exists = std::filesystem::exists(options.path, error);
  if (exists && (kind == PathKind::folder_or_file || folder == (kind == PathKind::folder))) return;
  if (!exists && kind == PathKind::shards) {
    if (options.path.find('*') != std::string::npos)
      refuse_pattern(options.path, "a range in braces");
    if (options.path.find('{') != std::string::npos) return;
  }
  const std::string found = !exists  ? "found no such " + what
                            : folder ? "found a folder"
                                     : "found a file";
  throw base::DataError(options.path, found + ", " + expected,
                        "correct " + options.path_field +
                            (options.path_field.starts_with("data.")
                                 ? " (in the config, or --set " + options.path_field + "=…)"
                                 : ""));
}

const char* words_of(AnnotationKind kind) {
  switch (kind) {
    case AnnotationKind::none:
      break;
    case AnnotationKind::one_class:
    case AnnotationKind::classes:
      return "classes of whole images";
    case AnnotationKind::label_map:
      return "label maps";
    case AnnotationKind::objects:
      return "objects";
  }
  return "no annotation";
}

// One class and several of a whole image are told apart by the task.
void check_annotations(const Dataset& dataset, const DatasetOptions& options) {
  if (!options.annotation || *options.annotation == AnnotationKind::none) return;
  const std::string found = words_of(dataset.annotation_kind());
  const std::string wanted = words_of(*options.annotation);
  if (found != wanted)
    throw base::UsageError(options.field.empty() ? "data.format" : options.field + ".format",
                           "found the format " + options.format + ", which has " + found +
                               ", expected one with " + wanted,
                           "choose another format, or the task.name that learns from " + found);
}

// Checkpoints and reports store names as JSON, which must be UTF-8. Other names would be changed,
// and no resume or evaluation would recognize them.
void check_class_names(const Dataset& dataset, const DatasetOptions& options) {
  for (const std::string& name : dataset.class_names()) {
    std::string shown;
    bool whole = true;
    for (std::string_view rest = name; !rest.empty();) {
      const size_t length = base::utf8_length(rest);
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02X", static_cast<unsigned char>(rest.front()));
      shown += length > 0 ? rest.substr(0, length) : escaped;
      whole &= length > 0;
      rest.remove_prefix(std::max<size_t>(length, 1));
    }
    if (!whole)
      throw base::DataError(options.path,
                            "found the class " + base::printable(shown) +
                                ", whose name is not UTF-8, expected a name in UTF-8",
                            options.format == "image_folder" ? "rename the folder" : "rename it");
  }
}

}  // namespace

std::string format_of_path(const std::string& path, const std::string& path_field) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const Format& format : kFormats)
      if (format.recognize != nullptr && format.recognize(path)) return format.name;
    return "image_folder";
  }
  const bool exists = std::filesystem::exists(path, error);
  const std::string ending = lower_case(std::filesystem::path(path).extension().string());
  if (ending == ".json" && exists && is_coco(path)) return "coco";
  if (ending == ".csv" || ending == ".tsv" || ending == ".jsonl" || ending == ".json")
    return "manifest";
  if (ending == ".yaml" || ending == ".yml") return "yolo";
  if (ending == ".h5" || ending == ".hdf5") return is_packed(path) ? "packed" : "hdf5";
  // open_webdataset refuses compressed archives and says what to do.
  const bool tar =
      ending == ".tar" || ending == ".tgz" || lower_case(path).find(".tar.") != std::string::npos;
  if (tar || (!exists && path.find('{') != std::string::npos)) return "webdataset";
  throw base::DataError(
      path,
      std::string(exists ? "found another file" : "found no such folder or file") +
          ", expected a folder, .csv, .jsonl, .tar or .h5",
      "correct " + path_field);
}

Split measured_split(const std::string& name, const std::string& path) {
  const FormatRow* row = format_row(name);
  if (row && row->splits == Splits::train_test) return Split::test;
  if (!row || row->splits == Splits::none) return Split::none;
  if (const Format* format = find_format(name); format && format->splits) {
    const std::vector<Split> there = format->splits(path);
    for (const Split split : {Split::test, Split::validation})
      if (std::find(there.begin(), there.end(), split) != there.end()) return split;
    return there.empty() ? Split::none : there[0];
  }
  // Cityscapes has no label maps for its test images.
  const bool has_test = name != "cityscapes";
  for (const Split split : {Split::test, Split::validation})
    for (const char* folder : {"/images", "/leftImg8bit", ""})
      if ((split != Split::test || has_test) && !split_folder(path + folder, split).empty())
        return split;
  return Split::none;
}

namespace {

std::unique_ptr<Dataset> open_checked(const DatasetOptions& options) {
  const Format* format = find_format(options.format);
  if (!format) {
    std::string known;
    for (const FormatRow& row : format_rows())
      known += (known.empty() ? "" : " | ") + std::string(row.name);
    throw base::UsageError("data.format", "found \"" + options.format + "\", expected " + known);
  }
  const PathKind path = format_row(options.format)->path;
  if (path != PathKind::none) check_path(options, path);
  std::unique_ptr<Dataset> dataset = format->open(options);
  check_annotations(*dataset, options);
  check_class_names(*dataset, options);
  if (options.fraction_begin == 0 && options.fraction_end == 1) return dataset;
  return take_fraction(std::move(dataset), options);
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  check_options(options);
  try {
    return open_checked(options);
  } catch (const base::DataError& error) {
    // One of several sets: the message says which.
    if (options.field.empty() || std::string_view(error.what()).starts_with(options.field + ": "))
      throw;
    throw base::DataError(options.field, error.what());
  }
}

}  // namespace swin::data
