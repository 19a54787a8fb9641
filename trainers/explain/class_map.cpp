#include "trainers/explain/class_map.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "base/text.h"
#include "trainers/run/classes.h"

namespace swin::trainers {

using base::size_text;
using data::Image;

int64_t class_index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find_if(
      names, [&](const std::string& known) { return same_names({known}, {name}); });
  if (found != names.end()) return found - names.begin();
  // An index is near to every other: only words can be meant.
  std::vector<std::string> words;
  for (size_t k = 0; k < names.size(); ++k)
    if (names[k] != std::to_string(k)) words.push_back(names[k]);
  const std::string nearest = base::nearest_if_close(name, words, 2);
  throw base::UsageError(
      "--class",
      "found \"" + base::printable(name) +
          "\", expected a class of the checkpoint: " + base::listing(names, 8),
      nearest.empty() ? "name one of them" : "did you mean " + base::printable(nearest) + "?");
}

Image draw_smooth(const View& view, std::span<const double> values, Size2 size, int64_t cell,
                  const ColorScale& scale) {
  constexpr double kShare = 0.6;
  Image image = dimmed(view.image);
  // The two neighbors along an axis, and the share of the second.
  const auto between = [&](int64_t pixel, int64_t side) {
    const double at =
        std::clamp((static_cast<double>(pixel) + 0.5) / static_cast<double>(cell) - 0.5, 0.0,
                   static_cast<double>(side - 1));
    const auto first = static_cast<int64_t>(at);
    return std::tuple{first, std::min(first + 1, side - 1), at - static_cast<double>(first)};
  };
  const auto value = [&](int64_t y, int64_t x) {
    return values[static_cast<size_t>(y * size[1] + x)];
  };
  for (int64_t y = 0; y < image.height; ++y) {
    const auto [top, bottom, down] = between(y, size[0]);
    for (int64_t x = 0; x < image.width; ++x) {
      const auto [left, right, across] = between(x, size[1]);
      const double upper = value(top, left) * (1 - across) + value(top, right) * across,
                   lower = value(bottom, left) * (1 - across) + value(bottom, right) * across;
      blend({y, x, 1, 1}, scale.of(upper * (1 - down) + lower * down), kShare, image);
    }
  }
  return image;
}

Image draw_class_map(const View& view, const ClassMap& map, int64_t stage) {
  return draw_smooth(view, map.values, map.map, view.cell_of(stage), scale_of(map.values));
}

ExplainedPart class_map_part(const layers::ModelConfig& model, const View& view,
                             const ClassMap& map, const std::string& class_name, base::Json& json) {
  base::Json entry = base::Json::object();
  entry["layer"] = map.layer;
  entry["class_index"] = map.class_index;
  entry["class_name"] = class_name;
  entry["logit"] = map.logit;
  entry["map"] = to_json(map.map);
  entry["values"] = base::Json::array_of(map.values);
  json["class_map"] = std::move(entry);

  const ColorScale scale = scale_of(map.values);
  ExplainedPart part;
  part.title = "Class-activation map";
  std::string what =
      "Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2) for the class \"" +
      class_name + "\" on the output of " + map.layer + ", a map of " + size_text(map.map) +
      " tokens: each channel is weighted by the mean over the map of the gradient of the class's "
      "logit, and what is negative in the sum is left out.";
  if (map.layer.ends_with("norm1"))
    what +=
        " It is norm1 because this ViT answers from its class token: behind the last attention the "
        "other tokens have no influence, and at norm2 their gradient would be zero.";
  else
    what += model.name == "swin_v2"
                ? " In Swin V2 the norm follows the MLP, so this is what the MLP adds to the map."
                : " In this block the MLP follows the norm; the way past the MLP is not counted.";
  part.text = {what};
  std::string caption =
      "Light is what raises the logit of \"" + class_name +
      "\". A token of the map covers many pixels, and between their middles the colors are "
      "interpolated: edges in the colors are not edges in the image.";
  if (scale.high == 0)
    caption += " Here the map is zero everywhere: no token speaks for this class.";
  part.pictures.push_back(
      {"class_map.png", with_scale(draw_class_map(view, map, model.num_stages() - 1), scale),
       "The image with the class-activation map of " + class_name + " as colors", caption});
  return part;
}

ExplainedPart rollout_part(const layers::ModelConfig& model, const View& view,
                           const std::vector<double>& values, base::Json& json) {
  base::Json entry = base::Json::object();
  entry["map"] = to_json(view.map);
  entry["values"] = base::Json::array_of(values);
  json["rollout"] = std::move(entry);

  const bool token = model.global_pool == "token";
  const ColorScale scale = scale_of(values);
  ExplainedPart part;
  part.title = "Attention rollout";
  part.text = {
      "Abnar and Zuidema 2020 (arXiv:2005.00928, section 3): the attention of every block, the "
      "mean over its heads, is averaged with the identity for the residual connection, and the "
      "matrices of all " +
      std::to_string(model.depths[0]) + " blocks are multiplied. Shown is " +
      (token ? "the row of the class token without its own share."
             : "the mean of the rows of all tokens, because this ViT answers with their mean.")};
  part.pictures.push_back(
      {"rollout.png", with_scale(draw_smooth(view, values, view.map, view.cell, scale), scale),
       "The image with the attention rollout as colors",
       "How much of each patch has reached the answer through all blocks, if attention alone "
       "moved it. It knows of no class and no values v: compare it with the class-activation "
       "map."});
  return part;
}

}  // namespace swin::trainers
