// One folder a class, named as the class; pictures anywhere below it.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <span>

#include "base/errors.h"
#include "data/dataset.h"
#include "data/decode.h"
#include "files/digest.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

// What is collected; what it really is, its bytes tell. Other endings are not pictures to this
// room.
bool is_picture_name(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

class ImageFolder : public Dataset {
 public:
  explicit ImageFolder(const DatasetOptions& options)
      : root_(fs::canonical(options.path)), shown_root_(options.path), channels_(options.channels) {
    for (const fs::directory_entry& entry : list(root_)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(".") && is_folder(entry)) class_names_.push_back(name);
    }
    std::sort(class_names_.begin(), class_names_.end());
    if (class_names_.empty()) {
      throw base::DataError(options.path,
                            "found no folder in it, expected one folder for each class",
                            "put the pictures of a class into a folder named as the class");
    }
    files::Sha256 digest;
    for (size_t label = 0; label < class_names_.size(); ++label) add_class(label, digest);
    fingerprint_ = files::to_hex(digest.finish());
  }

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t label(int64_t i) const override { return files_[static_cast<size_t>(i)].label; }
  void load(int64_t i, Image& image) const override { read_image(name(i), channels_, image); }
  std::string name(int64_t i) const override {
    return (shown_root_ / files_[static_cast<size_t>(i)].path).string();
  }

 private:
  struct File {
    std::string path;  // relative to the root
    int32_t label;
  };

  std::vector<fs::directory_entry> list(const fs::path& folder) const {
    std::vector<fs::directory_entry> entries;
    std::error_code error;
    for (auto i = fs::directory_iterator(folder, error); !error && i != fs::directory_iterator();
         i.increment(error)) {
      entries.push_back(*i);
    }
    if (error) {
      throw base::DataError(folder.string(), "found an unreadable folder (" + error.message() + ")",
                            "make it readable");
    }
    return entries;
  }

  // A symbolic link counts only where what it points to lies under the root.
  bool stays_inside(const fs::path& path) const {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) return false;
    const auto [in_root, in_target] =
        std::mismatch(root_.begin(), root_.end(), target.begin(), target.end());
    return in_root == root_.end();
  }
  bool is_folder(const fs::directory_entry& entry) const {
    std::error_code error;
    return entry.is_directory(error) && (!entry.is_symlink(error) || stays_inside(entry.path()));
  }

  void add_class(size_t label, files::Sha256& digest) {
    const size_t first = files_.size();
    int64_t others = 0, links = 0;
    std::set<fs::path> visited;  // canonical: links may form a ring
    std::vector<fs::path> folders = {root_ / class_names_[label]};
    while (!folders.empty()) {
      const fs::path folder = std::move(folders.back());
      folders.pop_back();
      if (!visited.insert(fs::canonical(folder)).second) continue;
      for (const fs::directory_entry& entry : list(folder)) {
        std::error_code error;
        if (entry.is_symlink(error) && !stays_inside(entry.path())) {
          ++links;
        } else if (entry.is_directory(error)) {
          if (!entry.path().filename().string().starts_with(".")) folders.push_back(entry.path());
        } else if (entry.is_regular_file(error) && is_picture_name(entry.path())) {
          files_.push_back(
              {entry.path().lexically_relative(root_).string(), static_cast<int32_t>(label)});
        } else {
          ++others;
        }
      }
    }
    if (files_.size() == first) {
      std::string found = "found no picture";
      if (others) found += ", " + std::to_string(others) + " files of other kinds";
      if (links)
        found += ", " + std::to_string(links) + " symbolic links that lead out of the data set";
      throw base::DataError((shown_root_ / class_names_[label]).string(),
                            found + ", expected .jpg, .jpeg or .png files",
                            "add pictures or remove the folder");
    }
    const auto begin = files_.begin() + static_cast<int64_t>(first);
    std::sort(begin, files_.end(), [](const File& a, const File& b) { return a.path < b.path; });
    for (auto file = begin; file != files_.end(); ++file) {
      std::error_code error;
      const auto bytes = fs::file_size(root_ / file->path, error);
      const std::string line = file->path + "\n" + std::to_string(error ? 0 : bytes) + "\n";
      digest.update(std::as_bytes(std::span(line)));
    }
  }

  fs::path root_, shown_root_;
  int64_t channels_;
  std::vector<File> files_;
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>(options);
}

}  // namespace swin::data
