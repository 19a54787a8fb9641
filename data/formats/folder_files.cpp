#include "data/formats/folder_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/encoded_dataset.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr int kMostDeep = 32;

struct Lister {
  std::string root, shown;
  bool follow_links;
  PassedOverList& passed;
  std::vector<FolderFile> files;

  void list(const std::string& relative, int depth) {
    const std::string path = relative.empty() ? root : root + "/" + relative;
    const std::string prefix = relative.empty() ? "" : relative + "/";
    if (depth > kMostDeep)
      throw base::DataError(
          shown + relative,
          "found more than " + std::to_string(kMostDeep) + " folders in each other, expected fewer",
          "remove links that lead in rings, or set data.follow_links to false");
    std::error_code error;
    std::vector<std::string> folders;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string(), below = prefix + name;
      std::error_code unknown;
      if (name.front() == '.')
        passed.add("hidden", shown + below);
      else if (at->is_symlink(unknown) && !follow_links)
        passed.add("link", shown + below);
      else if (at->is_directory(unknown))
        folders.push_back(below);
      else if (at->is_regular_file(unknown))
        files.push_back({below, static_cast<int64_t>(at->file_size(unknown))});
      else
        passed.add(at->exists(unknown) ? "no regular file" : "broken link", shown + below);
    }
    if (error)
      throw base::DataError(shown + relative,
                            "found an unreadable folder (" + error.message() + ")",
                            "make it readable");
    for (const std::string& folder : folders) list(folder, depth + 1);
  }
};

}  // namespace

std::vector<FolderFile> files_below(const std::string& folder, const std::string& shown,
                                    bool follow_links, PassedOverList& passed) {
  Lister lister{folder, shown, follow_links, passed, {}};
  lister.list("", 0);
  std::sort(lister.files.begin(), lister.files.end(),
            [](const FolderFile& a, const FolderFile& b) { return a.path < b.path; });
  return std::move(lister.files);
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error, unknown;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_directory(unknown) && at->path().filename().string().front() != '.')
      names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string without_ending(const std::string& path) {
  const size_t dot = path.rfind('.'), slash = path.rfind('/');
  if (dot == std::string::npos || (slash != std::string::npos && dot <= slash + 1)) return path;
  return path.substr(0, dot);
}

std::vector<std::string> split_words(Split split) {
  if (split == Split::train) return {"train", "training"};
  if (split == Split::validation) return {"val", "validation", "valid"};
  return {"test", "testing"};
}

std::string split_folder(const std::string& folder, Split split) {
  const std::vector<std::string> there = folders_in(folder), names = split_words(split);
  for (const std::string& name : there)
    if (std::find(names.begin(), names.end(), lower_case(name)) != names.end()) return name;
  return "";
}

std::string chosen_split(const std::string& folder, const DatasetOptions& options) {
  return chosen_part(folder, "folder", options,
                     [&](Split split) { return split_folder(folder, split); });
}

std::string chosen_part(const std::string& where, const std::string& kind,
                        const DatasetOptions& options,
                        const std::function<std::string(Split)>& find) {
  if (options.split == Split::all) return "";
  std::vector<std::string> there, choices;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const std::string name = find(split);
    if (name.empty()) continue;
    if (split == options.split) return name;
    there.push_back(name);
    choices.push_back('"' + std::string(split_name(split)) + '"');
  }
  const std::string found =
      (there.size() == 1 ? "found the split " : "found the splits ") + base::joined(there);
  const std::string field = options.field.empty() ? "the split" : options.field + ".split";
  if (options.split == Split::none) {
    if (there.empty()) return "";
    throw base::DataError(where, found + " in it, expected a choice",
                          "set " + field + " to " + base::alternatives(choices));
  }
  const std::vector<std::string> names = split_words(options.split);
  throw base::DataError(
      where,
      (there.empty() ? "found no " + kind + " of a split" : found) + " in it, expected " +
          base::alternatives(names),
      there.empty()
          ? "set " + field + " to null for all images, or rename the " + kind
          : "set " + field + " to " + base::alternatives(choices) + ", or rename the " + kind);
}

}  // namespace swin::data
