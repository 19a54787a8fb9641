// A preview of a batch: the images as the model sees them, with their labels.
#pragma once
#include <string>
#include <vector>

#include "data/image.h"
#include "data/loader.h"

namespace swin::data {

/// A grid of the first texts.size() images of a batch, de-normalized, each with its text below it.
/// "\n" starts another line, lines that are too long are cut, lower case is drawn as upper case.
/// Small images are enlarged by an integer factor. @return an image of three channels.
Image draw_preview(const Batch& batch, const Preprocess& preprocess,
                   const std::vector<std::string>& texts);

/// Writes one line of text, up to column `right`, in letters of 5 × 7 dots; a dot is `scale` ×
/// `scale` pixels.
void draw_text(const std::string& text, int64_t top, int64_t left, int64_t right, int64_t scale,
               Image& image);

}  // namespace swin::data
