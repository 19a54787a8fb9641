// Lists of the files of data sets as text, and what differs between two of them.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

struct FileList {
  std::string set;          ///< its name, without spaces: "train", "validation"
  std::string fingerprint;  ///< of the data set
  std::vector<ListedFile> files;
};

/// For each list a line `# <set> <fingerprint>`, then `<bytes>\t<path>` for each file; in paths,
/// \ and control characters are written as \xHH.
std::string to_text(const std::vector<FileList>& lists);
/// @param where the text, for errors. @throws DataError if it is no such text.
std::vector<FileList> parse_file_lists(const std::string& text, const std::string& where);

/// "removed a/1.png; added a/2.png, a/3.png and 4 more; replaced b/5.png", in at most 250 bytes;
/// that only contents or labels differ where the lists are equal.
std::string change_of(const std::vector<ListedFile>& before, const std::vector<ListedFile>& now);

}  // namespace swin::data
