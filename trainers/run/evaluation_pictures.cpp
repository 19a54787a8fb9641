#include "trainers/run/evaluation_pictures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "data/preview.h"
#include "trainers/run/data_options.h"
#include "trainers/run/draw_maps.h"
#include "trainers/run/draw_objects.h"

namespace swin::trainers {
namespace {

using Picture = EvaluationReport::Picture;

// What is drawn of the objects that were found: mmdetection's pred_score_thr of its visualizer.
constexpr double kDrawnScore = 0.3;
constexpr int64_t kGap = 4;  // pixels between two pictures

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", 100 * share);
  return text;
}

double rank_of(double loss) {
  return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
}

/// An image of a batch as the model saw it, without the padding.
data::Image seen(const data::Batch& batch, int64_t row, const data::Preprocess& preprocess) {
  const data::Image padded = data::denormalized(batch, row, preprocess);
  data::Image image;
  const auto [height, width] = batch.real_sizes.empty()
                                   ? base::Size2{padded.height, padded.width}
                                   : batch.real_sizes[static_cast<size_t>(row)];
  image.reshape(height, width, padded.channels);
  for (int64_t y = 0; y < height; ++y) std::copy_n(padded.row(y), image.row_bytes(), image.row(y));
  return data::shrunk(image, kPictureSide);
}

data::Image beside(const data::Image& left, const data::Image& right) {
  data::Image both;
  both.reshape(left.height, left.width + kGap + right.width, left.channels);
  std::fill(both.pixels.begin(), both.pixels.end(), uint8_t{255});
  for (int64_t y = 0; y < left.height; ++y) {
    std::copy_n(left.row(y), left.row_bytes(), both.row(y));
    std::copy_n(right.row(y), right.row_bytes(), both.row(y) + (left.width + kGap) * left.channels);
  }
  return both;
}

/// "93.2% of the pixels are right".
std::string share_of_right(const data::LabelMap& found, const data::LabelMap& truth) {
  int64_t labeled = 0, right = 0;
  for (size_t p = 0; p < truth.classes.size(); ++p) {
    if (truth.classes[p] == data::LabelMap::kIgnored) continue;
    ++labeled;
    right += found.classes[p] == truth.classes[p];
  }
  return labeled == 0 ? "no pixel is labeled"
                      : percent(static_cast<double>(right) / static_cast<double>(labeled)) +
                            " of the pixels are right";
}

}  // namespace

PictureOptions picture_options(const Config& config, const std::vector<std::string>& class_names) {
  return {preprocess_of(config), class_names, colors_of(config), has_label_rows(config)};
}

EvaluationPictures::EvaluationPictures(const tasks::Task& task, const data::Dataset& dataset,
                                       PictureOptions options)
    : task_(task), dataset_(dataset), options_(std::move(options)) {}

bool EvaluationPictures::worse(const Mistake& a, const Mistake& b) {
  const double loss = rank_of(a.judged.loss), other = rank_of(b.judged.loss);
  return loss != other ? loss > other : a.index < b.index;
}

void EvaluationPictures::add(const tasks::Outputs& outputs, const data::Batch& batch,
                             std::span<const int64_t> indices,
                             std::span<const tasks::Judged> judged) {
  for (size_t k = 0; k < judged.size(); ++k)
    if (!judged[k].right) keep_worst(batch, static_cast<int64_t>(k), indices[k], judged[k]);
  if (data::has_pixels_or_objects(dataset_.annotation_kind()) && answers_.size() < kMostAnswers)
    draw_answers(outputs, batch, indices);
}

void EvaluationPictures::keep_worst(const data::Batch& batch, int64_t row, int64_t index,
                                    const tasks::Judged& judged) {
  Mistake mistake{index, judged, {}};
  if (mistakes_.size() == kMostMistakes) {
    if (!worse(mistake, mistakes_.front())) return;
    std::pop_heap(mistakes_.begin(), mistakes_.end(), worse);
    mistakes_.pop_back();
  }
  mistake.image = seen(batch, row, options_.preprocess);
  mistakes_.push_back(std::move(mistake));
  std::push_heap(mistakes_.begin(), mistakes_.end(), worse);
}

void EvaluationPictures::draw_answers(const tasks::Outputs& outputs, const data::Batch& batch,
                                      std::span<const int64_t> indices) {
  const std::vector<tasks::Answer> found = task_.answers(outputs);
  for (size_t k = 0; k < indices.size() && answers_.size() < kMostAnswers; ++k) {
    // Answers are of the image as loaded, so it is loaded again.
    data::Image image;
    try {
      dataset_.load(indices[k], image);
    } catch (const base::DataError&) {
      continue;  // it was removed meanwhile
    }
    Picture picture{dataset_.name(indices[k]), "", {}};
    const data::Annotation& annotation = batch.annotations[k];
    if (const auto* truth = std::get_if<data::LabelMap>(&annotation); truth && found[k].map) {
      const auto drawn = [&](const data::LabelMap& map) {
        return data::shrunk(draw_over(image, map, options_.colors), kPictureSide);
      };
      picture.image = beside(drawn(*found[k].map), drawn(*truth));
      picture.caption = "found, and beside it the truth: " + share_of_right(*found[k].map, *truth);
    } else if (const auto* objects = std::get_if<data::Objects>(&annotation);
               objects && found[k].objects) {
      std::vector<tasks::Detected> shown = *found[k].objects;
      std::erase_if(shown, [](const tasks::Detected& one) { return one.score < kDrawnScore; });
      picture.image = draw_objects(image, shown, options_.class_names, kPictureSide);
      const int64_t there = std::count_if(objects->objects.begin(), objects->objects.end(),
                                          [](const data::Object& one) { return !one.crowd; });
      picture.caption = "found " + base::counted(std::ssize(shown), "object") +
                        " of a score from 0.3 on; " + base::grouped(there) +
                        (there == 1 ? " is there" : " are there");
    } else {
      continue;
    }
    answers_.push_back(std::move(picture));
  }
}

std::string EvaluationPictures::names_of(const std::vector<int64_t>& classes,
                                         const char* separator) const {
  std::vector<std::string> names;
  for (const int64_t k : classes) names.push_back(options_.class_names[static_cast<size_t>(k)]);
  return base::joined(names, separator);
}

Picture EvaluationPictures::picture_of(const Mistake& mistake) const {
  const tasks::Judged& judged = mistake.judged;
  Picture picture{dataset_.name(mistake.index),
                  "",
                  mistake.image,
                  names_of(judged.labels, ";"),
                  names_of(judged.predictions, ";"),
                  judged.probability,
                  judged.loss};
  const std::string probability =
      std::isnan(judged.probability) ? "no number" : percent(judged.probability);
  const auto listed = [&](const std::vector<int64_t>& classes) {
    return classes.empty() ? "none" : names_of(classes, ", ");
  };
  if (options_.several)
    picture.caption = listed(judged.labels) + "; answered " + listed(judged.predictions) +
                      "; most wrong: " + listed({judged.class_index}) + " (" + probability + ")";
  else
    picture.caption =
        picture.label + ", " +
        (judged.predictions.empty() ? "without an answer"
                                    : "taken for " + picture.prediction + " (" + probability + ")");
  return picture;
}

std::vector<Picture> EvaluationPictures::worst() const {
  std::vector<const Mistake*> order;
  for (const Mistake& mistake : mistakes_) order.push_back(&mistake);
  std::sort(order.begin(), order.end(),
            [](const Mistake* a, const Mistake* b) { return worse(*a, *b); });
  std::vector<Picture> pictures;
  for (const Mistake* mistake : order) pictures.push_back(picture_of(*mistake));
  return pictures;
}

}  // namespace swin::trainers
