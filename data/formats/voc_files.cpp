#include "data/formats/voc_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/encoded_dataset.h"
#include "files/bytes.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr Split kSplits[] = {Split::train, Split::validation, Split::test};

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// The first of these folders, with a slash at the end; empty if there is none.
std::string first_folder(const std::string& root, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (is_folder(root + name)) return name + "/";
  return "";
}

std::string annotations_in(const std::string& root) {
  return first_folder(root, {"Annotations", "annotations"});
}

/// The list of a split in a folder: "train.txt"; empty if there is none.
std::string list_of(const std::string& folder, Split split) {
  for (const std::string& word : split_words(split))
    if (is_file(folder + word + ".txt")) return word + ".txt";
  return "";
}

bool has_lists(const std::string& folder) {
  return std::any_of(std::begin(kSplits), std::end(kSplits),
                     [&](Split split) { return !list_of(folder, split).empty(); });
}

/// The folder of the lists that are read; empty without lists.
std::string lists_of(const std::string& root, const DatasetOptions& options) {
  std::vector<std::string> folders = {"ImageSets/Main/", "ImageSets/Segmentation/", "ImageSets/"};
  if (options.masks || options.annotation == AnnotationKind::label_map)
    std::swap(folders[0], folders[1]);
  for (const std::string& folder : folders)
    if (options.split != Split::none && options.split != Split::all &&
        !list_of(root + folder, options.split).empty())
      return folder;
  for (const std::string& folder : folders)
    if (has_lists(root + folder)) return folder;
  return "";
}

/// Whether there is an annotation among the first files of a folder, and an image if asked for.
bool begins_with_annotations(const std::string& folder, bool images) {
  constexpr int kLooked = 1000;
  std::error_code error;
  int looked = 0;
  bool annotation = false, image = !images;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && looked < kLooked;
       at.increment(error), ++looked) {
    const std::string ending = lower_case(at->path().extension().string());
    annotation |= ending == ".xml";
    image |= is_image_ending(ending);
  }
  return annotation && image;
}

class Lister {
 public:
  explicit Lister(const DatasetOptions& options)
      : options_(options),
        root_(options.path.ends_with('/') ? options.path : options.path + "/"),
        annotations_(annotations_in(root_)),
        images_(first_folder(root_, {"JPEGImages", "images", "Images"})) {
    if (annotations_.empty() && images_.empty())
      annotations_ = images_ = beside_each_other();
    else if (images_.empty())
      throw base::DataError(options.path, "found no folder of images, expected JPEGImages",
                            "correct " + options.path_field);
  }

  VocFiles list() {
    if (!annotations_.empty()) annotation_of_ = by_name(annotations_, ".xml", Kind::annotation);
    image_of_ = by_name(images_, "", Kind::image);
    if (annotations_ != images_) {
      object_map_of_ = by_name("SegmentationObject/", ".png", Kind::masks);
      class_map_of_ = by_name("SegmentationClass/", ".png", Kind::masks);
    }
    for (const auto& [name, file] : annotation_of_) files_.annotations.push_back(file);
    std::sort(files_.annotations.begin(), files_.annotations.end(),
              [](const FolderFile& a, const FolderFile& b) { return a.path < b.path; });
    const std::string lists = annotations_ == images_ ? "" : lists_of(root_, options_);
    if (!lists.empty()) {
      for (const std::string& list : chosen_lists(lists)) add_listed(lists + list);
    } else if (options_.split != Split::all && options_.split != Split::none &&
               annotations_ != images_) {
      chosen_part(options_.path + "/ImageSets", "list", options_,
                  [](Split) { return std::string(); });  // says that there is none
    } else {
      add_all();
    }
    if (files_.items.empty())
      throw base::DataError(
          options_.path, "found no image with an annotation file, expected NAME.xml for NAME.jpg",
          "correct " + options_.path_field);
    return std::move(files_);
  }

 private:
  using Files = std::unordered_map<std::string, FolderFile>;
  enum class Kind { image, annotation, masks };

  std::string beside_each_other() const {
    for (const std::string& name : folders_in(root_))
      if (!annotations_in(root_ + name + "/").empty())
        throw base::DataError(options_.path,
                              "found the folder " + base::printable(name) +
                                  " of VOC in it, expected Annotations and JPEGImages",
                              "set " + options_.path_field + " to " + root_ + name);
    const std::string split = chosen_split(root_, options_);
    return split.empty() ? "./" : split + "/";
  }

  Files by_name(const std::string& folder, const std::string& ending, Kind kind) {
    Files files;
    if (!is_folder(root_ + folder)) return files;
    for (FolderFile& file :
         files_below(root_ + folder, root_ + folder, options_.follow_links, files_.passed_over)) {
      const std::string found = lower_case(fs::path(file.path).extension().string());
      if (kind == Kind::image ? !is_image_ending(found) : found != ending) {
        const bool of_other_kind =
            annotations_ == images_ && (kind == Kind::annotation || found == ".xml");
        if (!of_other_kind) pass_over(folder + file.path, kind);
        continue;
      }
      std::string name = without_ending(file.path);
      file.path = folder == "./" ? file.path : folder + file.path;
      if (const auto [at, added] = files.emplace(std::move(name), file); !added)
        throw base::DataError(root_ + file.path,
                              "found a second file of one name, beside " +
                                  base::printable(at->second.path) + ", expected one",
                              "remove one");
    }
    return files;
  }
  void pass_over(const std::string& path, Kind kind) {
    if (kind == Kind::image) return files_.passed_over.add_no_image(root_ + path);
    files_.passed_over.add(
        kind == Kind::annotation ? "no XML beside the annotations" : "no PNG beside the masks",
        root_ + path);
  }

  std::vector<std::string> chosen_lists(const std::string& folder) const {
    if (options_.split != Split::all)
      return {chosen_part(root_ + folder, "list", options_,
                          [&](Split split) { return list_of(root_ + folder, split); })};
    std::vector<std::string> lists;
    for (const Split split : kSplits)
      if (std::string list = list_of(root_ + folder, split); !list.empty())
        lists.push_back(std::move(list));
    return lists;
  }

  // A name a line; lists of one class have 1, 0 or -1 behind it.
  void add_listed(const std::string& list) {
    const files::MappedFile mapped(root_ + list, files::FileKind::data);
    std::string_view text = files::text_of(mapped.bytes());
    for (int64_t line = 1; !text.empty(); ++line) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view name = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      while (!name.empty() && (name.back() == '\r' || name.back() == ' ' || name.back() == '\t'))
        name.remove_suffix(1);
      if (name.empty()) continue;
      const std::string place = root_ + list + ":" + std::to_string(line);
      if (!files::is_name(name))
        throw base::DataError(place, std::string("found no name, expected ") + files::kNameExpected,
                              "correct the list");
      std::string found(name);
      if (!is_known(found)) found = name.substr(0, name.find_first_of(" \t"));
      if (!is_known(found)) found = without_ending(std::string(name));
      if (!is_known(found)) {
        files_.passed_over.add("listed, without an image and an annotation file",
                               place + ": " + base::printable(name));
        continue;
      }
      if (seen_.insert(found).second) add(found);
    }
  }
  bool is_known(const std::string& name) const {
    return annotation_of_.contains(name) || image_of_.contains(name);
  }

  void add_all() {
    std::set<std::string> names;
    for (const Files* files : {&annotation_of_, &image_of_})
      for (const auto& [name, file] : *files) names.insert(name);
    for (const std::string& name : names) add(name);
  }

  void add(const std::string& name) {
    const auto get = [&](const Files& files) {
      const auto at = files.find(name);
      return at == files.end() ? FolderFile() : at->second;
    };
    VocItem item{get(image_of_), get(annotation_of_), get(object_map_of_), get(class_map_of_)};
    if (item.image.path.empty())
      item.image = {(images_ == "./" ? "" : images_) + name + ".jpg", -1};
    files_.items.push_back(std::move(item));
  }

  const DatasetOptions& options_;
  const std::string root_;
  std::string annotations_, images_;  // below the root, with a slash at the end
  Files annotation_of_, image_of_, object_map_of_, class_map_of_;
  std::set<std::string> seen_;
  VocFiles files_;
};

}  // namespace

VocFiles list_voc(const DatasetOptions& options) { return Lister(options).list(); }

bool holds_voc(const std::string& folder) {
  const std::string root = folder + "/", annotations = annotations_in(root);
  if (!annotations.empty()) return begins_with_annotations(root + annotations, false);
  if (is_folder(root + "JPEGImages") && is_folder(root + "SegmentationClass")) return true;
  for (const Split split : {Split::none, Split::train, Split::validation, Split::test}) {
    const std::string name = split == Split::none ? "." : split_folder(folder, split);
    if (!name.empty() && begins_with_annotations(root + name, true)) return true;
  }
  return false;
}

std::vector<Split> voc_splits(const std::string& folder) {
  std::vector<Split> splits;
  const std::string root = folder + "/";
  for (const Split split : kSplits) {
    bool there = annotations_in(root).empty() && !split_folder(folder, split).empty();
    for (const char* lists : {"ImageSets/Main/", "ImageSets/Segmentation/", "ImageSets/"})
      there |= !list_of(root + lists, split).empty();
    if (there) splits.push_back(split);
  }
  return splits;
}

}  // namespace swin::data
