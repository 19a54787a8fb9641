// Images with a PNG for the mask of each object, in one of two layouts:
//   a folder for each image, with images/ (one file) and masks/, as the Data Science Bowl 2018 has;
//   images/NAME.png and masks/NAME/ with the masks of that image.
// In front of either there may be folders of splits.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "data/formats/class_labels.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/formats.h"
#include "data/formats/passed_over.h"
#include "files/digest.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

constexpr char kEmptyMask[] = "empty mask", kNoMask[] = "image without masks";

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_item(const std::string& folder) {
  return is_folder(folder + "/images") && is_folder(folder + "/masks");
}

// Whether images/ and masks/ are those of the second layout, perhaps with splits in front.
bool has_mask_folders(const std::string& folder) {
  constexpr int kLooked = 1000;  // files; the first ones may have no masks
  std::error_code error;
  int looked = 0;
  for (fs::recursive_directory_iterator at(folder + "/images", error), end;
       !error && at != end && looked < kLooked; at.increment(error), ++looked) {
    if (!is_image_ending(lower_case(at->path().extension().string()))) continue;
    const std::string below = fs::relative(at->path(), folder + "/images", error).string();
    if (is_folder(folder + "/masks/" + without_ending(below))) return true;
  }
  return false;
}

class InstanceMasks : public ListedDataset {
 public:
  explicit InstanceMasks(const DatasetOptions& options)
      : ListedDataset(options),
        root_(options.path.ends_with('/') ? options.path : options.path + "/"),
        follow_links_(options.follow_links),
        keep_empty_(options.keep_empty),
        kind_(options.annotation == AnnotationKind::label_map ? AnnotationKind::label_map
                                                              : AnnotationKind::objects) {
    if (is_item(root_))
      list_mask_folders(options);
    else
      list_items(options);
    if (names_.size() == 0)
      throw base::DataError(options.path,
                            "found no image with masks, expected a folder for each image, with "
                            "images/ and masks/, or images/NAME.png and masks/NAME/",
                            "correct " + options.path_field);
    name_classes();
    files::Sha256 digest;
    const auto add = [&](std::string_view path, uint32_t size_bytes) {
      const std::string line = std::string(path) + "\n" + std::to_string(size_bytes) + "\n";
      digest.update(std::as_bytes(std::span(line)));
    };
    for (size_t i = 0; i < names_.size(); ++i) {
      add(names_[i], sizes_[i]);
      for (size_t m = first_mask_[i]; m < first_mask_[i + 1]; ++m) add(masks_[m], mask_sizes_[m]);
    }
    fingerprint_ = files::to_hex(digest.finish());
    shrink();
    masks_.shrink();
    passed_over_ = passed_.take();
  }

  AnnotationKind annotation_kind() const override { return kind_; }
  int64_t stratum(int64_t) const override { return 0; }
  int64_t num_objects(int64_t i) const override {
    return first_mask_[static_cast<size_t>(i) + 1] - int64_t{first_mask_[static_cast<size_t>(i)]};
  }
  std::string name(int64_t i) const override {
    return root_ + std::string(names_[static_cast<size_t>(i)]);
  }
  /// The images, then the masks.
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> all = ListedDataset::files();
    for (size_t m = 0; m < masks_.size(); ++m)
      all.push_back({std::string(masks_[m]), int64_t{mask_sizes_[m]}});
    return all;
  }

  Annotation annotation(int64_t i) const override {
    Objects all;
    LabelMap map;
    read_masks(i,
               [&](const std::string&, const std::vector<uint8_t>& mask, const base::Size2& size) {
                 all.height = map.height = size[0];
                 all.width = map.width = size[1];
                 if (kind_ == AnnotationKind::label_map) {
                   map.classes.resize(mask.size(), 0);
                   for (size_t p = 0; p < mask.size(); ++p) map.classes[p] |= mask[p];
                 } else if (auto object = object_of_pixels(mask, size[0], size[1], 0)) {
                   all.objects.push_back(std::move(*object));
                 }
               });
    if (all.height == 0) {
      const auto [height, width] = size(i);
      all.height = map.height = height;
      all.width = map.width = width;
      map.classes.assign(static_cast<size_t>(height * width), 0);
    }
    if (kind_ == AnnotationKind::label_map) return map;
    return all;
  }

  std::vector<PassedOver> left_out(int64_t i) const override {
    PassedOverList list;
    read_masks(
        i, [&](const std::string& name, const std::vector<uint8_t>& mask, const base::Size2&) {
          if (std::all_of(mask.begin(), mask.end(), [](uint8_t pixel) { return pixel == 0; }))
            list.add(kEmptyMask, name);
        });
    return list.take();
  }

 private:
  void list_items(const DatasetOptions& options) {
    const std::string split = chosen_split(root_, options);
    std::vector<std::string> folders = {split.empty() ? "" : split + "/"};
    if (options.split == Split::all) {
      folders.clear();
      for (const Split one : {Split::train, Split::validation, Split::test})
        if (const std::string name = split_folder(root_, one); !name.empty())
          folders.push_back(name + "/");
      if (folders.empty()) folders.push_back("");
    }
    for (const std::string& folder : folders)
      for (const std::string& item : folders_in(root_ + folder)) {
        const std::string below = folder + item + "/";
        if (!is_item(root_ + below)) {
          passed_.add("folder without images/ and masks/", root_ + below);
          continue;
        }
        std::vector<FolderFile> images = images_in(below + "images/");
        if (images.size() != 1)
          throw base::DataError(
              root_ + below + "images",
              "found " + std::to_string(images.size()) + " images, expected one for each folder",
              "leave one there");
        add(images[0], below + "masks/");
      }
  }

  void list_mask_folders(const DatasetOptions& options) {
    const std::string split = chosen_split(root_ + "images", options);
    const std::string below = split.empty() ? "" : split + "/";
    for (const FolderFile& image : images_in("images/" + below)) {
      const std::string name = without_ending(image.path.substr(std::string("images/").size()));
      if (is_folder(root_ + "masks/" + name))
        add(image, "masks/" + name + "/");
      else if (keep_empty_)
        add(image, "");
      else
        passed_.add(kNoMask, root_ + image.path);
    }
  }

  std::vector<FolderFile> images_in(const std::string& folder) {
    std::vector<FolderFile> images;
    for (FolderFile& file : files_below(root_ + folder, root_ + folder, follow_links_, passed_)) {
      file.path = folder + file.path;
      if (is_image_ending(lower_case(fs::path(file.path).extension().string())))
        images.push_back(std::move(file));
      else
        passed_.add_no_image(root_ + file.path);
    }
    return images;
  }

  // @param masks their folder; empty if there is none
  void add(const FolderFile& image, const std::string& masks) {
    const size_t before = masks_.size();
    if (!masks.empty())
      for (const FolderFile& mask :
           files_below(root_ + masks, root_ + masks, follow_links_, passed_)) {
        if (lower_case(fs::path(mask.path).extension().string()) != ".png") {
          passed_.add("no PNG beside the masks", root_ + masks + mask.path);
          continue;
        }
        masks_.push_back(masks, mask.path);
        mask_sizes_.push_back(static_cast<uint32_t>(std::min<int64_t>(mask.size_bytes, kHuge)));
      }
    if (masks_.size() == before && !keep_empty_) return passed_.add(kNoMask, root_ + image.path);
    names_.push_back(image.path);
    add_size(image.size_bytes);
    first_mask_.push_back(static_cast<uint32_t>(masks_.size()));
  }

  // classes.txt has the name of the objects, or that of the background before it.
  void name_classes() {
    std::vector<std::string> names = {"object"};
    const std::string list = root_ + "classes.txt";
    std::error_code error;
    if (fs::exists(list, error)) names = read_class_list(list);
    if (names.size() > 2)
      throw base::DataError(list,
                            "found " + std::to_string(names.size()) +
                                " names, expected one: the masks are of one class",
                            "leave the name of the objects there");
    if (kind_ == AnnotationKind::label_map)
      class_names_ = {names.size() == 2 ? names[0] : "background", names.back()};
    else
      class_names_ = {names.back()};
  }

  // visit(name, pixels of 0 and 1, size) for each mask of an image.
  template <class Visit>
  void read_masks(int64_t i, Visit&& visit) const {
    std::vector<uint8_t> memory, pixels;
    base::Size2 size{};
    for (size_t m = first_mask_[static_cast<size_t>(i)];
         m < first_mask_[static_cast<size_t>(i) + 1]; ++m) {
      const std::string name = root_ + std::string(masks_[m]);
      const LabelPixels mask = decode_label_png(read_file(name, memory), name);
      const base::Size2 found = {mask.height, mask.width};
      if (size[0] == 0) size = found;
      if (found != size)
        throw base::DataError(name,
                              "found a mask of " + base::size_text(found) + " pixels, expected " +
                                  base::size_text(size) + " as of the other masks of the image",
                              "correct or remove it");
      pixels.assign(static_cast<size_t>(mask.height * mask.width), 0);
      for (size_t p = 0; p < mask.values.size(); ++p) pixels[p] = mask.values[p] != 0;
      for (size_t v = 0; v < mask.colors.size(); ++v)
        if (mask.colors[v] != 0) pixels[v / 3] = 1;
      visit(name, pixels, size);
    }
  }

  const std::string root_;
  const bool follow_links_, keep_empty_;
  const AnnotationKind kind_;
  PassedOverList passed_;
  TextList masks_;
  std::vector<uint32_t> mask_sizes_, first_mask_ = {0};
};

}  // namespace

std::unique_ptr<Dataset> open_instance_masks(const DatasetOptions& options) {
  return std::make_unique<InstanceMasks>(options);
}

bool holds_instance_masks(const std::string& folder) {
  if (is_item(folder)) return has_mask_folders(folder);
  for (const Split split : {Split::none, Split::train, Split::validation, Split::test}) {
    const std::string name = split == Split::none ? "" : split_folder(folder, split);
    if (split != Split::none && name.empty()) continue;
    const std::string below = name.empty() ? folder : folder + "/" + name;
    const std::vector<std::string> items = folders_in(below);
    if (!items.empty() && is_item(below + "/" + items[0])) return true;
  }
  return false;
}

}  // namespace swin::data
