// The files below a folder, and how two trees of them are matched: for formats whose annotations
// are files of their own.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/formats/passed_over.h"

namespace swin::data {

struct FolderFile {
  std::string path;  ///< below the folder
  int64_t size_bytes = 0;
};

/// All regular files below a folder, at any depth, sorted by path. Hidden files and folders, what
/// is no file, and, unless `follow_links`, links are passed over, as `shown` and their paths.
/// @throws DataError for a folder that cannot be read, or more than 32 folders deep, as in a ring
/// of links.
std::vector<FolderFile> files_below(const std::string& folder, const std::string& shown,
                                    bool follow_links, PassedOverList& passed);

/// The names of the folders in a folder, sorted.
std::vector<std::string> folders_in(const std::string& folder);

/// A path without the ending of its file: "a/b.c.png" → "a/b.c".
std::string without_ending(const std::string& path);

/// The sub-folder of `folder` that has a split's name: train, training; val, validation, valid;
/// test, testing. Empty if there is none.   @param split train, validation or test.
std::string split_folder(const std::string& folder, Split split);
/// The sub-folder that holds the split of `options`; empty for the folder itself.
/// @throws DataError unless it is there, or where there are splits and none is asked for.
std::string chosen_split(const std::string& folder, const DatasetOptions& options);
/// The same for splits that are no folders.   @param where of them, for errors.   @param kind what
/// they are: "folder", "list".   @param find the name of that of a split, empty if there is none.
std::string chosen_part(const std::string& where, const std::string& kind,
                        const DatasetOptions& options,
                        const std::function<std::string(Split)>& find);
/// train, training; val, validation, valid; test, testing.
std::vector<std::string> split_words(Split split);

}  // namespace swin::data
