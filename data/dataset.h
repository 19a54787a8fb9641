// Images with annotations, addressed by index. The formats are in data/formats (formats.h has the
// table).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "data/decode/decode.h"
#include "data/image.h"
#include "data/label_values.h"

namespace swin::data {

struct CocoId;  // coco_file.h

/// Which part of a set: `none` of one that has no parts; `all` is every part that there is, for a
/// look at a whole folder.
enum class Split { train, validation, test, none, all };
/// "train", "validation", "test"; "" for the others.
const char* split_name(Split split);

struct DatasetOptions {
  std::string format;  ///< a name of format_rows()
  std::string path;    ///< folder or file, depending on the format; synthetic has none
  /// For errors: what names the set ("data.validation", "--data"; empty: nothing) and its path.
  std::string field, path_field = "the path";
  Split split = Split::train;
  /// The part [begin, end) of every class, in an order shuffled by `seed`. Data sets opened with
  /// the same path, split and seed share no image if their intervals do not overlap: [0, 0.75) is a
  /// training part, [0.75, 1) its validation part.
  double fraction_begin = 0, fraction_end = 1;
  int64_t channels = 3;  ///< of loaded images, 1 or 3; other images are converted
  /// Labels given as numbers must be below it; 0: the labels determine the number of classes.
  int64_t num_classes = 0;
  /// Class names of the model that the set is measured with. In a list or in shards, labels that
  /// look like numbers are names where each of them is one of these.
  std::vector<std::string> known_names = {};
  /// Keep labels given as lists, or as rows of 0 and 1, as they are: the task has any number of
  /// classes per image. Else, where each of them is one class, they are one class per image.
  bool label_rows = false;
  DecodeOptions decode = {};  ///< for sets of image files
  /// In an image folder, follow symbolic links to files and folders, wherever they lead.
  bool follow_links = true;
  /// Accept class folders without an image: classes of a set that is measured, not learned from.
  bool empty_classes = false;
  /// The wanted kind, of sets that can have label maps or objects; absent: what the format has.
  std::optional<AnnotationKind> annotation = {};
  /// Of the values in files of label maps (label_values.h).
  int64_t ignore_index = 255;
  bool reduce_zero_label = false;
  std::vector<Color> colors =
      {};                  ///< of the values of label maps that are stored as RGB, from 0 on
  bool keep_empty = true;  ///< images without objects
  /// Of a voc set: objects that are marked difficult are as any other; else they are crowds.
  bool keep_difficult = false;
  /// The masks of objects are wanted: of a voc set the lists of its segmentation are taken.
  bool masks = false;
  std::string images = {};  ///< of a coco set: the folder of its images; empty: beside the list
  uint64_t seed = 0;        ///< for fractions and synthetic images
  base::Size2 synthetic_size = {32, 32};  ///< height, width
  int64_t synthetic_samples = 1000;       ///< in this split
};

/// Files of a set that are not learned from, for one reason.
struct PassedOver {
  std::string reason;              ///< "no image (.txt)", "broken link", "hidden", …
  std::vector<std::string> names;  ///< all of them, as Dataset::name, sorted
};

/// A file that a set reads: its path below the set's own folder, which stays when the folder moves,
/// and its size.
struct ListedFile {
  std::string path;
  int64_t size_bytes = 0;  ///< −1: there is no such file
};

/// A file that holds a whole set or a part of it: its name without folders, and its size; −1: there
/// is no such file.
ListedFile listed_file(const std::string& path);

/// A list of images with annotations, all of one kind. All methods are const; several threads may
/// call them at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// Decodes no image.
  virtual Annotation annotation(int64_t i) const = 0;
  virtual AnnotationKind annotation_kind() const {
    return size() > 0 ? kind_of(annotation(0)) : AnnotationKind::none;
  }
  /// What fractions and replacements of bad images keep in balance, in [0, num_classes()): the
  /// class of the image, of several the first; else 0.
  virtual int64_t stratum(int64_t i) const;
  /// (height, width) of what load(i) returns, without decoding the pixels of an image file.
  /// @throws DataError naming the file.
  virtual base::Size2 size(int64_t i) const;
  /// Loads the image, with DatasetOptions::channels channels; reuses the memory of `image`.
  /// @throws DataError naming the file.
  virtual void load(int64_t i, Image& image) const = 0;
  Image load(int64_t i) const {
    Image image;
    load(i, image);
    return image;
  }
  /// For messages: a path, or "train #123".
  virtual std::string name(int64_t i) const = 0;
  /// Whether the set consists of image files, whose bytes encoded() returns, rather than pixels.
  virtual bool holds_files() const { return false; }
  /// The bytes of the image file: a view of `memory`, which is reused, or of memory of the set.
  /// @throws DataError naming the file if it cannot be read.
  virtual std::span<const uint8_t> encoded(int64_t, std::vector<uint8_t>&) const { return {}; }
  /// What load() does with these bytes.
  virtual void decode(int64_t, std::span<const uint8_t>, Image&) const {}
  /// The files of the set, in its order; the images of an archive are files, too. If holds_files(),
  /// file i is image i. Empty for synthetic images.
  virtual std::vector<ListedFile> files() const { return {}; }
  /// How the values in files of label maps become classes; null for other sets.
  virtual const LabelValues* label_values() const { return nullptr; }
  /// The values in such a file, (height, width), before they become classes.
  /// @throws DataError naming the file.
  virtual std::vector<uint16_t> read_label_values(int64_t) const { return {}; }
  /// Objects of an image where they are known without reading its annotation, else −1.
  virtual int64_t num_objects(int64_t) const { return -1; }
  /// The ids of images and classes in lists of objects, by which other programs compare results:
  /// those of a COCO file, else the numbers from 1 on.
  virtual CocoId image_id(int64_t i) const;
  virtual int64_t category_id(int64_t index) const { return index + 1; }
  /// What annotation(i) leaves out, by reason, where that is found while it is read.
  virtual std::vector<PassedOver> left_out(int64_t) const { return {}; }
  /// What a class is drawn in.
  Color class_color(int64_t index) const;
  /// What was found beside them, by reason.
  const std::vector<PassedOver>& passed_over() const { return passed_over_; }
  /// What is likely a slip, a sentence each: "…: found the classes train and val; is it meant?"
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  int64_t num_classes() const { return static_cast<int64_t>(class_names_.size()); }
  /// SHA-256, in hex, of what identifies the data: the contents of binary files, the relative paths
  /// and sizes of an image folder, the parameters of synthetic images; and the fraction.
  const std::string& fingerprint() const { return fingerprint_; }

 protected:
  std::vector<std::string> class_names_;
  std::vector<Color> class_colors_;  // empty: those of palette.h
  std::string fingerprint_;
  std::vector<PassedOver> passed_over_;
  std::vector<std::string> warnings_;
};

/// The images of `whole` that the fraction of `options` keeps.
/// @throws DataError where the fraction keeps none.
std::unique_ptr<Dataset> take_fraction(std::unique_ptr<Dataset> whole,
                                       const DatasetOptions& options);

/// The images of `whole` that have none of the classes for which `left_out` is true; possibly none.
/// The class names stay.
std::unique_ptr<Dataset> leave_out_classes(std::unique_ptr<Dataset> whole,
                                           const std::vector<bool>& left_out);

/// The indices of the images that a fraction [begin, end) keeps, ascending. Stratified: of the n
/// images of a class, in a shuffled order, the positions [round(begin·n), round(end·n)).
std::vector<int64_t> stratified_fraction(const std::vector<int64_t>& labels, int64_t num_classes,
                                         double begin, double end, uint64_t seed);

}  // namespace swin::data
