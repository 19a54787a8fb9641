// Writes a data set as files that other programs read.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "data/dataset.h"

namespace swin::data {

/// What was written.
struct Converted {
  int64_t images = 0, label_maps = 0, objects = 0;
};

/// Writes images/NAME.png; the label maps as masks/NAME.png, whose values are the classes and 255
/// what is ignored, with the palette of the classes (of more than 255 classes 16 bits of gray, and
/// 65535); classes.txt with the names of their classes; and the objects as annotations.json, as
/// COCO has them, with ids from 1 on. A NAME is that of the file without folders and ending if it
/// occurs once, else the number of the image. An image with an object that has no mask gets no
/// label map.
/// @param maps, objects the same images with label maps and with objects; either may be null.
/// @param progress gets the number of images done.   @throws DataError, DiskError.
Converted convert_dataset(const Dataset* maps, const Dataset* objects, const std::string& folder,
                          const std::function<void(int64_t)>& progress = {});

}  // namespace swin::data
