// A preview of a batch: the images as the model sees them, with their labels.
#pragma once
#include <string>
#include <vector>

#include "data/annotation.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/loader.h"

namespace swin::data {

/// Names and colors of classes.
struct Legend {
  std::vector<std::string> names;
  std::vector<Color> colors;
};
/// Of a data set; class numbers where it has no names.
Legend legend_of(const Dataset& dataset);

/// Image i of a batch with its padding, in three channels: without the normalization, rounded to
/// bytes.
Image denormalized(const Batch& batch, int64_t i, const Preprocess& preprocess);
/// The image at most `most` pixels a side, in its ratio.
Image shrunk(const Image& image, int64_t most);

/// A grid of the first texts.size() images of a batch, de-normalized, each with its text below it.
/// "\n" starts another line, lines that are too long are cut, lower case is drawn as upper case.
/// Small images are enlarged by an integer factor. Label maps and objects are drawn over the
/// images, and the classes that an image has are listed below it, the largest first.
/// @return an image of three channels.
Image draw_preview(const Batch& batch, const Preprocess& preprocess,
                   const std::vector<std::string>& texts, const Legend& legend = {});

/// Draws an annotation over an image of three channels and the same size, each class in its color:
/// label maps and masks half transparent, boxes as outlines in a lighter one. Crowds have their
/// outline alone.
void draw_annotation(const Annotation& annotation, const std::vector<Color>& colors, Image& image);
/// The two parts of it for objects.   @param line pixels of an outline, inwards
void draw_masks(const Objects& objects, const std::vector<Color>& colors, Image& image);
void draw_boxes(const Objects& objects, const std::vector<Color>& colors, int64_t line,
                Image& image);
/// The classes of a label map by their pixels, of objects by their number, the most first.
std::vector<int64_t> classes_by_share(const Annotation& annotation);

/// The image with every pixel as `factor` × `factor` ones.
Image enlarged(const Image& image, int64_t factor);

/// Writes a text of one line on a ground of this color: above the upper left corner of a
/// box where there is room, else inside; moved left where it would leave the image.
/// @param scale as of draw_text
void draw_label(const std::string& text, const Color& color, const BoundingBox& box, int64_t scale,
                Image& image);

/// Writes one line of text, up to column `right`, in letters of 5 × 7 dots; a dot is `scale` ×
/// `scale` pixels. They are white.
void draw_text(const std::string& text, int64_t top, int64_t left, int64_t right, int64_t scale,
               Image& image);
inline constexpr int64_t kLetterHeight = 7;  ///< in dots
/// Pixels from the first to the last dot of a line.
int64_t text_width(const std::string& text, int64_t scale);

}  // namespace swin::data
