// Objects as COCO's JSON has them (coco_file.h), with the image files in a folder.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "base/unicode.h"
#include "data/coco_file.h"
#include "data/formats/encoded_dataset.h"
#include "data/formats/formats.h"
#include "data/formats/passed_over.h"
#include "data/run_lengths.h"
#include "files/digest.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

namespace fs = std::filesystem;

// Where the images of annotations/instances_val2017.json may be: the first folder that has one.
std::vector<std::string> folders_beside(const std::string& list) {
  const fs::path folder = fs::path(list).parent_path();
  std::string name = fs::path(list).stem().string();
  const size_t underscore = name.rfind('_');
  if (underscore != std::string::npos) name.erase(0, underscore + 1);
  std::vector<std::string> folders;
  for (const fs::path& path : {folder / "images", folder / name, folder, folder / ".." / "images",
                               folder / ".." / name, folder / ".." / "images" / name})
    folders.push_back(path.lexically_normal().string());
  return folders;
}

class Coco : public ListedDataset {
 public:
  explicit Coco(const DatasetOptions& options)
      : ListedDataset(options),
        file_(options.path),
        kind_(options.annotation == AnnotationKind::label_map ? AnnotationKind::label_map
                                                              : AnnotationKind::objects) {
    if (file_.images().empty())
      throw base::DataError(options.path, "found no image in its list, expected at least one");
    if (file_.categories().empty())
      throw base::DataError(options.path, "found no category, expected at least one");
    refuse_equal_names();
    choose_folder(options);
    list_faults();
    list_images(options.keep_empty);
    if (kind_ == AnnotationKind::label_map) class_names_.push_back("background");
    for (const CocoCategory& category : file_.categories()) class_names_.push_back(category.name);
    warn();
    files::Sha256 digest;
    const files::MappedFile list(options.path, files::FileKind::data);
    digest.update(list.bytes());
    std::string line;
    for (size_t i = 0; i < names_.size(); ++i) {
      line.assign(names_[i]);
      line += "\n" + std::to_string(sizes_[i]) + "\n";
      digest.update(std::as_bytes(std::span(line)));
    }
    fingerprint_ = files::to_hex(digest.finish());
    list_ = listed_file(options.path);
    shrink();
    passed_over_ = passed_.take();
  }

  AnnotationKind annotation_kind() const override { return kind_; }
  int64_t stratum(int64_t) const override { return 0; }
  std::string name(int64_t i) const override {
    return folder_ + std::string(names_[static_cast<size_t>(i)]);
  }
  /// As the list has it: an image of another size does not fit its annotations.
  base::Size2 size(int64_t i) const override {
    const CocoImage& image = file_.images()[place(i)];
    return {image.height, image.width};
  }
  int64_t num_objects(int64_t i) const override {
    int64_t count = 0;
    for (const int32_t a : file_.annotations_of(images_[static_cast<size_t>(i)]))
      count += is_object(file_.annotations()[static_cast<size_t>(a)]);
    return count;
  }
  CocoId image_id(int64_t i) const override { return file_.images()[place(i)].id; }
  /// Label maps have the background before the categories.
  int64_t category_id(int64_t index) const override {
    return kind_ == AnnotationKind::objects ? file_.categories()[static_cast<size_t>(index)].id
                                            : Dataset::category_id(index);
  }
  /// The images, then the list.
  std::vector<ListedFile> files() const override {
    std::vector<ListedFile> all = ListedDataset::files();
    all.push_back(list_);
    return all;
  }

  Annotation annotation(int64_t i) const override {
    if (kind_ == AnnotationKind::objects) return file_.objects(images_[static_cast<size_t>(i)]);
    return label_map(i);
  }

 private:
  static bool is_object(const CocoAnnotation& annotation) {
    return annotation.fault == CocoFault::none && !annotation.crowd;
  }
  size_t place(int64_t i) const { return static_cast<size_t>(images_[static_cast<size_t>(i)]); }

  // Later objects lie over earlier ones; crowds are background.
  LabelMap label_map(int64_t i) const {
    const auto [height, width] = size(i);
    LabelMap map{height, width, std::vector<uint16_t>(static_cast<size_t>(height * width), 0)};
    for (const int32_t a : file_.annotations_of(images_[static_cast<size_t>(i)])) {
      const CocoAnnotation& annotation = file_.annotations()[static_cast<size_t>(a)];
      if (!is_object(annotation)) continue;
      if (annotation.mask == CocoMask::none)
        throw base::DataError(file_.path() + ": " + file_.annotation_name(a),
                              "found no segmentation, expected one: label maps are made of masks",
                              "add it or remove the annotation");
      draw(file_.runs(a), annotation.class_index + 1, map);
    }
    return map;
  }

  // The classes of a set and those of a head are compared by name.
  void refuse_equal_names() const {
    std::map<std::string, int64_t> ids;
    for (const CocoCategory& category : file_.categories()) {
      const auto [first, is_new] = ids.emplace(base::composed(category.name), category.id);
      if (!is_new)
        throw base::DataError(file_.path() + ": categories",
                              "found the name " + base::printable(category.name) + " of the ids " +
                                  std::to_string(first->second) + " and " +
                                  std::to_string(category.id) +
                                  ", expected each name once: classes are told apart by it",
                              "rename one of them, or make them one category");
    }
  }

  void choose_folder(const DatasetOptions& options) {
    const std::string& first = file_.images()[0].file_name;
    std::vector<std::string> folders = {options.images};
    if (options.images.empty()) folders = folders_beside(options.path);
    constexpr size_t kLooked = 20;  // images: some may be missing
    const std::span<const CocoImage> some =
        std::span(file_.images()).first(std::min(kLooked, file_.images().size()));
    for (const std::string& folder : folders) {
      folder_ = folder.empty() || folder.ends_with('/') ? folder : folder + "/";
      if (std::any_of(some.begin(), some.end(), [&](const CocoImage& image) {
            std::error_code error;
            return fs::exists(folder_ + image.file_name, error);
          }))
        return;
    }
    const std::string field = options.field.starts_with("data.") ? options.field + ".images"
                                                                 : "data.train.images of a config";
    throw base::DataError(options.path,
                          "found no image " + base::printable(first) + " in " +
                              base::alternatives(folders) + ", expected the images there",
                          "set " + field + " to their folder");
  }

  void list_faults() {
    bool any = false;
    for (size_t a = 0; a < file_.annotations().size(); ++a) {
      const CocoFault fault = file_.annotations()[a].fault;
      any |= fault == CocoFault::none;
      if (fault != CocoFault::none)
        passed_.add(std::string("annotation, ") + fault_text(fault),
                    file_.path() + ": " + file_.annotation_name(static_cast<int64_t>(a)));
    }
    if (any || file_.annotations().empty()) return;
    const std::vector<PassedOver> all = passed_.take();
    throw base::DataError(file_.path(),
                          "found " + base::grouped(std::ssize(file_.annotations())) +
                              " annotations, none without a fault (" + all[0].reason + ": " +
                              base::printable(all[0].names[0]) + "), expected objects",
                          "correct the list");
  }

  void list_images(bool keep_empty) {
    for (size_t k = 0; k < file_.images().size(); ++k) {
      const std::string& name = file_.images()[k].file_name;
      const auto annotations = file_.annotations_of(static_cast<int64_t>(k));
      const bool empty = std::none_of(annotations.begin(), annotations.end(), [&](int32_t a) {
        return is_object(file_.annotations()[static_cast<size_t>(a)]);
      });
      if (empty && !keep_empty) {
        passed_.add("image without objects", folder_ + name);
        continue;
      }
      names_.push_back(name);
      std::error_code error;
      const auto bytes = fs::file_size(folder_ + name, error);
      add_size(error ? -1 : static_cast<int64_t>(bytes));
      images_.push_back(static_cast<int32_t>(k));
    }
    if (images_.empty())
      throw base::DataError(file_.path(), "found no image with objects, expected at least one",
                            "set data.keep_empty to true to keep images without objects");
  }

  void warn() {
    const CocoReport& report = file_.report();
    if (file_.annotations().empty())
      warnings_.push_back(
          "found no annotation in the list; is it a list of images alone, as of "
          "COCO's test set?");
    if (report.duplicate_ids.count > 0)
      warnings_.push_back("found " + base::grouped(report.duplicate_ids.count) +
                          " annotations with the id of an earlier one; other programs may drop "
                          "them");
    if (report.images_above_100 > 0)
      warnings_.push_back("found " + base::grouped(report.images_above_100) +
                          " images with over 100 objects, as many as COCO's metrics look at");
  }

  const CocoFile file_;
  const AnnotationKind kind_;
  std::string folder_;           // of the images, with a slash at the end
  std::vector<int32_t> images_;  // places in file_.images()
  ListedFile list_;
  PassedOverList passed_;
};

}  // namespace

std::unique_ptr<Dataset> open_coco(const DatasetOptions& options) {
  return std::make_unique<Coco>(options);
}

bool is_coco(const std::string& path) {
  std::vector<uint8_t> memory;
  constexpr int64_t kLooked = 256;
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) return false;
  const auto start =
      read_bytes(path, 0, std::min<int64_t>(kLooked, static_cast<int64_t>(bytes)), path, memory);
  std::string text;
  for (const uint8_t byte : start)
    if (byte > ' ') text += static_cast<char>(byte);
  for (const char* key : {"info", "licenses", "images", "annotations", "categories", "type"})
    if (text.starts_with(std::string("{\"") + key + "\":")) return true;
  return false;
}

}  // namespace swin::data
