#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <unordered_map>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/class_labels.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "data/formats/manifest_rows.h"
#include "data/formats/passed_over.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

class Manifest : public ListedDataset {
 public:
  explicit Manifest(const DatasetOptions& options) : ListedDataset(options), where_(options.path) {
    prefix_ = fs::path(options.path).parent_path().string();
    const std::string folder = prefix_.empty() ? "." : prefix_;
    if (!prefix_.empty() && !prefix_.ends_with('/')) prefix_ += '/';
    root_ = fs::canonical(folder).string();
    ClassLabels classes(folder, options.num_classes, options.known_names);

    const files::MappedFile file(options.path, files::FileKind::data);
    files::Sha256 digest;
    digest.update(file.bytes());
    read_manifest(files::text_of(file.bytes()), where_,
                  [&](const ManifestRow& row) { add(row, classes, digest); });
    seen_ = {};
    inside_ = {};
    if (names_.size() == 0)
      throw base::DataError(where_, "found no image, expected a row for each");
    if (missing_ == static_cast<int64_t>(names_.size()))
      throw base::DataError(
          where_ + ":" + std::to_string(first_line_),
          "found no file " + base::printable(name(0)) +
              (names_.size() == 1
                   ? std::string()
                   : ", nor any of the " + std::to_string(names_.size() - 1) + " other rows") +
              ", expected the images it lists",
          "paths are relative to the folder of the manifest");
    class_names_ = classes.finish(labels_);
    if (class_names_.empty())
      throw base::DataError(where_, "found no label, expected at least one");
    for (const std::string& class_name : class_names_) {
      const std::string line = class_name + "\n";
      digest.update(std::as_bytes(std::span(line)));
    }
    fingerprint_ = files::to_hex(digest.finish());
    finish_labels(options.label_rows);
    if (!multi_label_) warnings_ = class_warnings(class_names_, "");
  }

  Annotation annotation(int64_t i) const override {
    const auto [begin, end] = range(i);
    return classes_annotation(std::span(labels_).subspan(begin, end - begin), multi_label_);
  }
  std::string name(int64_t i) const override {
    return prefix_ + std::string(names_[static_cast<size_t>(i)]);
  }
  // Asks the file system for each size; −1: there is no such file.
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> files;
    for (int64_t i = 0; i < size(); ++i) {
      files.push_back(
          {std::string(names_[static_cast<size_t>(i)]), listed_file(name(i)).size_bytes});
    }
    return files;
  }

 private:
  std::pair<size_t, size_t> range(int64_t i) const {
    const auto index = static_cast<size_t>(i);
    if (!multi_label_) return {index, index + 1};
    return {index == 0 ? 0 : label_ends_[index - 1], label_ends_[index]};
  }

  void add(const ManifestRow& row, ClassLabels& classes, files::Sha256& digest) {
    const std::string where = where_ + ":" + std::to_string(row.line);
    if (names_.size() == 0) first_line_ = row.line;
    const std::string path = normalized(row.path);
    const int64_t size_bytes = check_path(path, where);
    if (size_bytes < 0 && !is_utf8(path)) refuse_encoding(where_, row.line);
    const auto [earlier, inserted] = seen_.emplace(path, row.line);
    if (!inserted)
      throw base::DataError(where,
                            "found " + base::printable(row.path) + " again, line " +
                                std::to_string(earlier->second) +
                                " has it too, expected every image once",
                            "name each image once; several labels go into one row, separated "
                            "by ;");
    names_.push_back(path);
    add_size(size_bytes);
    for (const std::string& label : row.labels) labels_.push_back(classes.add(label, where));
    label_ends_.push_back(labels_.size());
    multi_label_ |= row.list;
    const std::string line = std::to_string(size_bytes) + "\n";
    digest.update(std::as_bytes(std::span(line)));
  }

  // Removes "./" and doubled slashes, so that equal paths are equal texts.
  static std::string normalized(const std::string& path) {
    if (path.find("./") == std::string::npos && path.find("//") == std::string::npos) return path;
    std::string result;
    for (size_t at = 0; at < path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      const std::string part = path.substr(at, end - at);
      at = end + 1;
      if (part == "." || (part.empty() && end > 0)) continue;
      result += part + (end < path.size() ? "/" : "");
    }
    return result;
  }

  // @return the size of the file, -1 if there is none: loading it reports a bad image.
  int64_t check_path(const std::string& path, const std::string& where) {
    const auto refuse = [&](const std::string& why,
                            const std::string& remedy =
                                "move the image there, or the manifest to a folder above it") {
      throw base::DataError(
          where, "found the path " + base::printable(path) + ", expected one inside " + root_ + why,
          remedy);
    };
    if (path.empty() || path.find('\0') != std::string::npos)
      throw base::DataError(where, "found no path, expected the file of an image");
    if (path.front() == '/' && path.starts_with(root_ + "/"))
      refuse(": it is absolute",
             "write it relative to there, as " + base::printable(path.substr(root_.size() + 1)));
    if (path.front() == '/') refuse(": it is absolute");
    for (size_t at = 0; at <= path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      if (path.substr(at, end - at) == "..") refuse(": it leaves the manifest's folder");
      at = end + 1;
    }
    const std::string full = root_ + "/" + path;
    const size_t slash = path.rfind('/');
    if (slash != std::string::npos &&
        !folder_leads_inside(full.substr(0, root_.size() + 1 + slash)))
      refuse(": a link leads out of the manifest's folder");
    struct stat status {};
    if (::lstat(full.c_str(), &status) != 0) {
      ++missing_;
      return -1;
    }
    if (!S_ISLNK(status.st_mode)) return status.st_size;
    if (!leads_inside(full)) refuse(": a link leads out of the manifest's folder");
    return ::stat(full.c_str(), &status) == 0 ? status.st_size : -1;
  }
  bool folder_leads_inside(const std::string& folder) {
    const auto known = inside_.find(folder);
    if (known != inside_.end()) return known->second;
    return inside_[folder] = leads_inside(folder);
  }
  bool leads_inside(const std::string& path) const {
    std::error_code error;
    const std::string target = fs::canonical(path, error).string();
    if (error) return error == std::errc::no_such_file_or_directory;  // a dangling link
    return is_inside(target, root_);
  }

  // Sorts the labels of each image, which are class indices by now, and drops those it has twice
  // ("3" and a name in classes.txt may be the same class). Lists of one label each are kept as
  // lists only if the task has any number.
  void finish_labels(bool keep_lists) {
    if (multi_label_) {
      std::vector<int32_t> all;
      auto begin = labels_.begin();
      for (size_t& end : label_ends_) {
        const auto stop = labels_.begin() + static_cast<std::ptrdiff_t>(end);
        std::sort(begin, stop);
        all.insert(all.end(), begin, std::unique(begin, stop));
        begin = stop;
        end = all.size();
      }
      labels_ = std::move(all);
      for (size_t i = 0; i < label_ends_.size(); ++i) keep_lists |= label_ends_[i] != i + 1;
      multi_label_ = keep_lists;
    }
    if (!multi_label_) std::vector<size_t>().swap(label_ends_);
    shrink();
  }

  std::string where_, prefix_, root_;
  // In labels_, which then has any number for each image; empty unless multi_label_.
  std::vector<size_t> label_ends_;
  bool multi_label_ = false;
  // Used while the list is read.
  std::unordered_map<std::string, int64_t> seen_;  // path → line
  std::unordered_map<std::string, bool> inside_;   // folder → whether it is inside the root
  int64_t missing_ = 0, first_line_ = 0;
};

}  // namespace

std::unique_ptr<Dataset> open_manifest(const DatasetOptions& options) {
  return std::make_unique<Manifest>(options);
}

}  // namespace swin::data
