// SegmentationObject of Pascal VOC: a PNG whose values are the objects of an image.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/annotation.h"
#include "data/decode/decode.h"
#include "data/formats/passed_over.h"

namespace swin::data {

/// Gives objects their masks. A value of a palette or of gray is an object, 0 the background and
/// 255 the border between them, which is of none; of an RGB file a color is, but black and
/// (224, 224, 192). Objects and values are matched one to one by the IoU of their boxes, the best
/// pair first, down to 0.25: borders make small masks smaller. The boxes stay as they are.
/// @param name of the PNG.   @param left_out gets the values without an object.
/// @throws DataError for a PNG of another size than the image.
void add_voc_masks(const LabelPixels& pixels, const std::string& name, Objects& all,
                   PassedOverList& left_out);

}  // namespace swin::data
