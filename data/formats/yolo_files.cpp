#include "data/formats/yolo_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/class_labels.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/object_file_set.h"
#include "data/formats/yolo_data_file.h"
#include "files/bytes.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr Split kSplits[] = {Split::train, Split::validation, Split::test};
constexpr const char* kKeys[] = {"train", "val", "test"};  // of data.yaml

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}
bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}
std::string ending_of(const std::string& path) {
  return lower_case(fs::path(path).extension().string());
}
std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}
std::string with_slash(const std::string& folder) {
  return folder.ends_with('/') ? folder : folder + "/";
}
int64_t bytes_of(const std::string& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(bytes);
}

/// data.yaml or dataset.yaml of a folder, else the only .yaml; empty if there is none.
std::string data_file_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string(), ending = ending_of(name);
    if (ending != ".yaml" && ending != ".yml") continue;
    const std::string stem = lower_case(at->path().stem().string());
    if (stem == "data" || stem == "dataset") return with_slash(folder) + name;
    found.push_back(with_slash(folder) + name);
  }
  return found.size() == 1 ? found[0] : "";
}

YoloDataFile read_data_file(const std::string& path) {
  std::vector<uint8_t> memory;
  return read_yolo_data_file(read_text(path, kMaxYamlBytes, memory), path);
}

/// Labels lie in labels/ where images lie in images/, else beside them.
std::string labels_of(const std::string& image) {
  const std::string beside = without_ending(image) + ".txt";
  constexpr std::string_view kImages = "/images/", kLabels = "/labels/";
  const size_t at = beside.rfind(kImages);
  if (at == std::string::npos) return beside;
  std::string labels = beside;
  labels.replace(at, kImages.size(), kLabels);
  return !exists(labels) && exists(beside) ? beside : labels;
}

class Lister {
 public:
  explicit Lister(const DatasetOptions& options) : options_(options) {}

  YoloFiles list() {
    data_file_ = is_folder(options_.path) ? data_file_in(options_.path) : options_.path;
    if (data_file_.empty())
      list_folder();
    else
      list_data_file();
    list_lone_labels();
    if (files_.items.empty())
      throw base::DataError(options_.path,
                            "found no image, expected " + image_endings() + " in " +
                                (folders_.empty() ? "it" : folders_[0]),
                            "correct " + options_.path_field);
    return std::move(files_);
  }

 private:
  void list_folder() {
    files_.root = with_slash(options_.path);
    std::string folder;
    if (is_folder(files_.root + "images")) {
      folder = "images/" + chosen_split(files_.root + "images", options_);
    } else {
      folder = chosen_split(files_.root, options_);
      if (is_folder(files_.root + with_slash(folder) + "images"))
        folder = with_slash(folder) + "images";
    }
    add_folder(files_.root + folder);
    for (const char* list : {"classes.txt", "labels/classes.txt"})
      if (files_.names.empty() && exists(files_.root + list))
        files_.names = read_class_list(files_.root + list);
  }

  void list_data_file() {
    const YoloDataFile data = read_data_file(data_file_);
    choose_root(data.path);
    files_.names = data.names;
    for (int64_t c = std::ssize(data.names); c < data.num_classes; ++c)
      files_.names.push_back(std::to_string(c));
    // An entry that leads nowhere is no choice; where all do, or it is asked for, the error names
    // it.
    const auto entries = [&](Split split) { return data.parts[static_cast<size_t>(split)]; };
    const auto leads_somewhere = [&](Split split) {
      return std::ranges::any_of(entries(split), [&](const auto& e) { return exists(place(e)); });
    };
    const bool any = std::ranges::any_of(kSplits, leads_somewhere);
    const auto find = [&](Split split) -> std::string {
      const bool there =
          any && split != options_.split ? leads_somewhere(split) : !entries(split).empty();
      return there ? split_name(split) : "";
    };
    static_assert(static_cast<int>(Split::train) == 0 && static_cast<int>(Split::test) == 2);
    const std::string chosen = chosen_part(data_file_, "entry", options_, find);
    if (chosen.empty() && options_.split == Split::none)
      throw base::DataError(data_file_, "found neither train, val nor test, expected one of them",
                            "correct the file");
    for (const Split split : kSplits)
      if (options_.split == Split::all || options_.split == split)
        for (const std::string& entry : data.parts[static_cast<size_t>(split)])
          add_entry(entry, kKeys[static_cast<size_t>(split)]);
  }

  // As the file says, from the working directory as ultralytics does, or beside the file: sets
  // are moved.
  void choose_root(const std::string& path) {
    const std::string folder = fs::path(data_file_).parent_path().string();
    const std::string beside = with_slash(folder.empty() ? "." : folder);
    files_.root = beside;
    if (path.empty()) return;
    for (const std::string& root : {(fs::path(beside) / path).lexically_normal().string(), path})
      if (is_folder(root)) {
        files_.root = with_slash(root);
        return;
      }
    files_.warnings.push_back("found path: " + base::printable(path) +
                              ", where no folder is, expected that of the set; the folder of " +
                              base::printable(fs::path(data_file_).filename().string()) +
                              " is taken");
  }

  std::string place(const std::string& entry) const {
    std::string path = (fs::path(files_.root) / entry).string();
    // Exports of some programs are one folder off.
    if (!exists(path) && entry.starts_with("../")) path = files_.root + entry.substr(3);
    return path;
  }

  void add_entry(const std::string& entry, const std::string& key) {
    const std::string path = place(entry);
    if (is_folder(path)) return add_folder(path);
    if (exists(path) && ending_of(path) == ".txt") return add_list(path);
    if (exists(path) && is_image_ending(ending_of(path))) return add(path);
    throw base::DataError(data_file_,
                          "found " + key + ": " + base::printable(entry) + ", " +
                              (exists(path) ? "another file" : "where nothing is") +
                              ", expected a folder of images or a list of them (.txt) in " +
                              base::printable(files_.root),
                          "correct path or " + key);
  }

  void add_folder(const std::string& path) {
    const std::string folder = with_slash(path);
    folders_.push_back(folder);
    for (const FolderFile& file :
         files_below(folder, folder, options_.follow_links, files_.passed_over)) {
      const std::string ending = ending_of(file.path);
      if (is_image_ending(ending))
        add(folder + file.path);
      else if (ending != ".txt" && ending != ".yaml" && ending != ".yml")
        files_.passed_over.add_no_image(folder + file.path);
    }
  }

  // An image a line, below the list's folder or the root.
  void add_list(const std::string& list) {
    const files::MappedFile mapped(list, files::FileKind::data);
    std::string_view text = files::text_of(mapped.bytes());
    const std::string folder = with_slash(fs::path(list).parent_path().string());
    for (int64_t line = 1; !text.empty(); ++line) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string name(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
      if (name.empty()) continue;
      if (!files::is_name(name))
        throw base::DataError(list + ":" + std::to_string(line),
                              std::string("found no path, expected ") + files::kNameExpected,
                              "correct the list");
      if (!is_image_ending(ending_of(name))) {
        files_.passed_over.add_no_image(list + ":" + std::to_string(line) + ": " + name);
        continue;
      }
      const std::string below = (fs::path(folder) / name).string();
      add(exists(below) ? below : (fs::path(files_.root) / name).string());
    }
  }

  void add(const std::string& image) {
    const std::string below = below_root(image);
    if (!seen_.insert(below).second) return;  // of several splits
    YoloFiles::Item item{{below, bytes_of(image)}, {}};
    const std::string labels = labels_of(absolute(image));
    if (const int64_t bytes = bytes_of(labels); bytes >= 0) {
      item.labels = {below_root(labels), bytes};
      used_.insert(item.labels.path);
    }
    files_.items.push_back(std::move(item));
  }
  std::string below_root(const std::string& path) const {
    return fs::path(absolute(path)).lexically_relative(absolute(files_.root)).string();
  }

  // Labels beside the images are among these.
  void list_lone_labels() {
    std::set<std::string> looked;
    for (const std::string& folder : folders_) {
      const std::string images = with_slash(absolute(folder));
      const std::string labels =
          with_slash(fs::path(labels_of(images + "x.jpg")).parent_path().string());
      if (!is_folder(labels) || !looked.insert(labels).second) continue;
      const std::string shown = files_.root + with_slash(below_root(labels));
      PassedOverList again;  // what the images' list has said of this folder
      for (const FolderFile& file : files_below(labels, shown, options_.follow_links,
                                                labels == images ? again : files_.passed_over)) {
        const std::string ending = ending_of(file.path);
        if (ending == ".txt") {
          if (fs::path(file.path).filename() != "classes.txt" &&
              !used_.contains(below_root(labels + file.path)))
            files_.passed_over.add("label file without an image", shown + file.path);
        } else if (labels != images && ending != ".cache") {
          files_.passed_over.add("no .txt beside the labels", shown + file.path);
        }
      }
    }
  }

  const DatasetOptions& options_;
  std::string data_file_;             // empty where there is none
  std::vector<std::string> folders_;  // of images
  std::set<std::string> seen_, used_;
  YoloFiles files_;
};

/// Whether a folder of labels has a text, or a folder of them, before 1,000 other files.
bool has_texts(const std::string& folder) {
  constexpr int kLooked = 1000;
  std::error_code error;
  int looked = 0;
  for (fs::recursive_directory_iterator at(folder, error), end;
       !error && at != end && looked < kLooked; at.increment(error), ++looked)
    if (ending_of(at->path().string()) == ".txt" && at->path().filename() != "classes.txt")
      return true;
  return false;
}

}  // namespace

YoloFiles list_yolo(const DatasetOptions& options) { return Lister(options).list(); }

bool holds_yolo(const std::string& folder) {
  if (const std::string file = data_file_in(folder); !file.empty()) try {
      const YoloDataFile data = read_data_file(file);
      const bool any = std::any_of(data.parts.begin(), data.parts.end(),
                                   [](const auto& part) { return !part.empty(); });
      if (any && data.num_classes > 0) return true;
    } catch (const base::DataError&) {
      return fs::path(file).stem() == "data";
    }
  for (const std::string& below : {std::string(), split_folder(folder, Split::train)}) {
    const std::string root = with_slash(folder) + (below.empty() ? "" : below + "/");
    if (is_folder(root + "images") && has_texts(root + "labels")) return true;
  }
  return false;
}

std::vector<Split> yolo_splits(const std::string& path) {
  std::vector<Split> splits;
  const std::string file = is_folder(path) ? data_file_in(path) : path;
  const YoloDataFile data = file.empty() ? YoloDataFile() : read_data_file(file);
  for (const Split split : kSplits) {
    const bool there = file.empty() ? !split_folder(path + "/images", split).empty() ||
                                          !split_folder(path, split).empty()
                                    : !data.parts[static_cast<size_t>(split)].empty();
    if (there) splits.push_back(split);
  }
  return splits;
}

}  // namespace swin::data
