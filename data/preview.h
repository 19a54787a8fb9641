// An image of a batch: what the model sees, with what it is told about it.
#pragma once
#include <string>
#include <vector>

#include "data/image.h"
#include "data/loader.h"

namespace swin::data {

/// A grid of the first texts.size() images of a batch, de-normalized, each with its text below it
/// ("\n" begins another line; what is too long is cut; small letters are drawn as capitals). Small
/// images are enlarged by whole numbers. @return three channels.
Image draw_preview(const Batch& batch, const Preprocess& preprocess,
                   const std::vector<std::string>& texts);

/// Writes one line of text in letters of 5 × 7 pixels, each `scale` × `scale` large, until `right`.
void draw_text(const std::string& text, int64_t top, int64_t left, int64_t right, int64_t scale,
               Image& image);

}  // namespace swin::data
