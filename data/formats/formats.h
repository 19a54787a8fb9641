// The table of formats, and the one way to open a data set in any of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

/// Opens and checks a data set: of an image folder the listing, of binary files every byte.
/// @throws DataError naming the file, what was found, what was expected and what to do;
///         UsageError where the options themselves make no sense.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

/// The most likely format of a path. A folder with the files of MNIST or CIFAR, or with images and
/// label maps or objects, is that, any other image_folder. Of files, .csv, .json and .jsonl are
/// manifest (a .json that starts as COCO's lists do is coco), .yaml yolo, .h5 and .hdf5 packed or
/// hdf5, .tar (also compressed) and paths with a range in braces webdataset.
/// @param path_field what names the path, for the error: "--data".
/// @throws DataError for other paths.
std::string format_of_path(const std::string& path, const std::string& path_field = "the path");

/// The part of a path that is measured where no config says which: `test` where a format has both
/// parts; of folders test, else validation, as they have them; none of sets without parts.
Split measured_split(const std::string& format, const std::string& path);

// What the rows of the table call, each in the file of its format. (packed.h has that of packed
// sets.)
// @throws DataError naming the file.

/// MNIST and the sets in its format, such as Fashion-MNIST.
std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options);
/// CIFAR-10 and CIFAR-100 in their binary version.
std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options);
std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options);
/// Whether a folder has files of either split, by their names.
bool holds_mnist(const std::string& folder);
bool holds_cifar10(const std::string& folder);
bool holds_cifar100(const std::string& folder);
/// One folder of images for each class. Lists the files; reads none of them.
std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options);
/// A CSV or JSON Lines file of paths and labels. Reads the list, and no image.
std::unique_ptr<Dataset> open_manifest(const DatasetOptions& options);
/// HDF5 files of other programs. Images that fit into a quarter of the memory are read at once,
/// those of larger sets on demand.
std::unique_ptr<Dataset> open_hdf5(const DatasetOptions& options);
/// Generated images of ten shapes; needs no file. @throws UsageError for a size or a number of
/// samples that makes no sense.
std::unique_ptr<Dataset> open_synthetic(const DatasetOptions& options);
/// Images with the classes of their pixels, as PNGs in a folder of their own. Lists the files, and
/// reads the label maps where nothing says how many classes there are.
std::unique_ptr<Dataset> open_label_maps(const DatasetOptions& options);
bool holds_label_maps(const std::string& folder);
/// The same in the folders of ADE20K's benchmark and of Cityscapes.
std::unique_ptr<Dataset> open_ade20k(const DatasetOptions& options);
std::unique_ptr<Dataset> open_cityscapes(const DatasetOptions& options);
bool holds_ade20k(const std::string& folder);
bool holds_cityscapes(const std::string& folder);
/// Objects as COCO's JSON has them, or label maps of their masks. Reads the list, and no image.
std::unique_ptr<Dataset> open_coco(const DatasetOptions& options);
/// Whether a JSON file starts as such a list does.
bool is_coco(const std::string& path);
/// Images with a PNG for the mask of each object: objects of one class, or label maps of two.
std::unique_ptr<Dataset> open_instance_masks(const DatasetOptions& options);
bool holds_instance_masks(const std::string& folder);
/// Pascal VOC: objects of XML files, with masks where there are PNGs of them, or label maps. Reads
/// every XML file, and no image. (voc_files.h and yolo_files.h have how their folders look.)
std::unique_ptr<Dataset> open_voc(const DatasetOptions& options);
/// YOLO: objects of text files, boxes or polygons, or the label maps of these. Reads every text
/// file, and no image.
std::unique_ptr<Dataset> open_yolo(const DatasetOptions& options);
/// Generated scenes of the items of a folder in the format mnist. @throws UsageError for a size or
/// a number of samples that makes no sense.
std::unique_ptr<Dataset> open_fashion_scenes(const DatasetOptions& options);
/// Tar shards of images and labels, as the package webdataset writes them. Reads the index and the
/// labels of every shard, and no image. @throws UsageError for a wrong pattern.
std::unique_ptr<Dataset> open_webdataset(const DatasetOptions& options);
/// The shards that a path with a range in braces names: "a-{08..10}.tar" names three.
/// @throws UsageError for other braces.
std::vector<std::string> shard_paths(const std::string& pattern);
/// Refuses a path that is not a valid pattern of shards. @throws UsageError, always.
[[noreturn]] void refuse_pattern(const std::string& pattern, const std::string& expected);

}  // namespace swin::data
