#include "trainers/explain/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/counts.h"
#include "base/errors.h"

namespace swin::trainers {

using base::size_text;
using data::Box;
using data::Image;

namespace {

constexpr double kMasked = std::numeric_limits<double>::quiet_NaN();

// `range` names what is counted: "the stages".
void check_index(const char* option, int64_t found, int64_t count, const std::string& range) {
  if (found >= 0 && found < count) return;
  throw base::UsageError(option,
                         "found " + std::to_string(found) + ", expected " +
                             (count == 1 ? "0" : "0 to " + std::to_string(count - 1)) + ", " +
                             range,
                         "choose one of them");
}

std::string place_text(Size2 place) {
  return std::to_string(place[0]) + "," + std::to_string(place[1]);
}

// The last block that shifts, of the stage or of the model; without one the last block.
BlockPlace default_place(const layers::ModelConfig& model, Size2 map, std::optional<int64_t> only) {
  const int64_t last = model.num_stages() - 1;
  const auto depth = [&](int64_t stage) { return model.depths[static_cast<size_t>(stage)]; };
  for (int64_t stage = only.value_or(last); stage >= only.value_or(0); --stage)
    for (int64_t block = depth(stage) - 1; block >= 0; --block)
      if (layers::window_layout(model, stage, block, map_of(map, stage)).shift != Size2{0, 0})
        return {stage, block};
  return {only.value_or(last), depth(only.value_or(last)) - 1};
}

// Where a pixel of the image file is along an axis of the model's input; it may be outside.
int64_t input_place(int64_t pixel, int64_t begin, int64_t length, int64_t resized, int64_t window) {
  return static_cast<int64_t>(
             std::floor((static_cast<double>(pixel - begin) + 0.5) * static_cast<double>(resized) /
                        static_cast<double>(length))) -
         window;
}

Size2 token_of_pixel(const ModelInput& input, Size2 pixel, int64_t side) {
  const auto& [crop, size, visible, window, flip] = input.geometry;
  const Size2 begin = {crop.top, crop.left}, length = {crop.height, crop.width},
              corner = {window.top, window.left}, seen = {window.height, window.width},
              &image = input.prepared.original_size;
  Size2 token{};
  std::array<std::string, 2> range;
  bool inside = true;
  for (const size_t axis : {0u, 1u}) {
    const auto place = [&](int64_t at) {
      const int64_t in = input_place(at, begin[axis], length[axis], size[axis], corner[axis]);
      return in >= 0 && in < seen[axis] ? in : -1;
    };
    int64_t first = 0, last = image[axis] - 1;
    while (first < last && place(first) < 0) ++first;
    while (first < last && place(last) < 0) --last;
    range[axis] = std::to_string(first) + " to " + std::to_string(last);
    inside = inside && pixel[axis] >= first && pixel[axis] <= last;
    token[axis] = std::max<int64_t>(place(pixel[axis]), 0) / side;
  }
  if (!inside)
    throw base::UsageError("--pixel",
                           "found " + place_text(pixel) + ", expected a row from " + range[0] +
                               " and a column from " + range[1] +
                               ": what the model sees of this image",
                           "choose one of them");
  return token;
}

std::string place_name(const Query& query) {
  return "stage " + std::to_string(query.place.stage) + ", block " +
         std::to_string(query.place.block);
}

std::string head_name(const Query& query, int64_t heads) {
  return query.head ? "head " + std::to_string(*query.head)
                    : "the mean over " + base::counted(heads, "head");
}

// Tokens that stand before those of the map: the class token of a ViT.
int64_t tokens_before(int64_t tokens, const Query& query) { return tokens - query.layout.tokens(); }

// Where key j of the query's window is: its row in the padded map.
std::vector<int32_t> key_rows(const Query& query) {
  const std::vector<int32_t> rows = autograd::window_rows(query.layout);
  const auto first = rows.begin() + query.at.window * query.layout.tokens();
  return {first, first + query.layout.tokens()};
}

// Whether the query may attend to each key of its window.
std::vector<bool> visible_keys(const Query& query) {
  const int64_t tokens = query.layout.tokens(), first = query.at.window * tokens;
  const std::vector<int32_t> labels = autograd::window_labels(query.layout);
  std::vector<bool> visible(static_cast<size_t>(tokens), true);
  for (int64_t j = 0; j < tokens && !labels.empty(); ++j)
    visible[static_cast<size_t>(j)] = labels[static_cast<size_t>(first + j)] ==
                                      labels[static_cast<size_t>(first + query.at.index)];
  return visible;
}

// A small picture of each head, for values (heads, size).
Image draw_heads(const std::vector<std::vector<double>>& heads, Size2 size,
                 const ColorScale& scale) {
  constexpr int64_t kSide = 104, kColumns = 8;
  const int64_t cell = std::max<int64_t>(1, kSide / std::max(size[0], size[1]));
  std::vector<Panel> panels;
  for (const std::vector<double>& values : heads)
    panels.push_back(
        {"head " + std::to_string(panels.size()), draw_numbers(values, size, cell, scale)});
  return with_scale(draw_panels(panels, kColumns), scale);
}

ColorScale scale_of_all(const std::vector<std::vector<double>>& lists) {
  std::vector<double> all;
  for (const std::vector<double>& list : lists) all.insert(all.end(), list.begin(), list.end());
  return scale_of(all);
}

base::Json lists_json(const std::vector<std::vector<double>>& lists) {
  base::Json json = base::Json::array();
  for (const std::vector<double>& list : lists) json.push_back(base::Json::array_of(list));
  return json;
}

std::string equation_of(const std::string& model) {
  if (model == "vit") return "SoftMax(QKᵀ/√d)V, equation 4 of the Swin paper without B";
  if (model == "swin_v2")
    return "SoftMax(cos(q, k)/τ + B)V with equation 2 of the Swin V2 paper (arXiv:2111.09883)";
  return "Equation 4 of the Swin paper, SoftMax(QKᵀ/√d + B)V";
}

// Where the query of a Swin-MLP is: the zeros that it pads above and left move the token.
WindowPlace mixed_place(const layers::ModelConfig& model, const Query& query) {
  const WindowLayout& layout = query.layout;
  const Size2 grid = window_grid(model, layout);
  WindowPlace place;
  for (const size_t axis : {0u, 1u}) {
    const int64_t side = layout.window[axis], shift = layout.shift[axis], map = layout.map[axis];
    const int64_t at =
        (layout.rolled ? (query.token[axis] - shift + map) % map : query.token[axis]) +
        (shift > 0 ? side - shift : 0);
    place.window = place.window * grid[axis] + at / side;
    place.index = place.index * side + at % side;
  }
  return place;
}

base::Json query_json(const Query& query) {
  base::Json json = base::Json::object();
  json["stage"] = query.place.stage;
  json["block"] = query.place.block;
  json["token"] = to_json(query.token);
  json["window"] = query.at.window;
  json["index"] = query.at.index;
  return json;
}

}  // namespace

Query query_of(const layers::ModelConfig& model, const ModelInput& input, Size2 map,
               const ExplainOptions& options) {
  if (options.stage)
    check_index("--stage", *options.stage, model.num_stages(), "the stages of this model");
  Query query;
  query.place = default_place(model, map, options.stage);
  const auto stage = static_cast<size_t>(query.place.stage);
  if (options.block) {
    check_index("--block", *options.block, model.depths[stage],
                "the blocks of stage " + std::to_string(stage));
    query.place.block = *options.block;
  }
  if (options.head && model.name == "swin_mlp")
    throw base::UsageError("--head",
                           "found a head of attention, expected none: Swin-MLP mixes tokens by "
                           "fixed matrices, which are drawn for all heads",
                           "remove it");
  if (options.head)
    check_index("--head", *options.head, model.num_heads[stage],
                "the heads of stage " + std::to_string(stage));
  query.head = options.head;
  query.layout = layers::window_layout(model, query.place.stage, query.place.block,
                                       map_of(map, query.place.stage));
  const Size2& size = query.layout.map;
  query.token = {size[0] / 2, size[1] / 2};
  if (options.token) query.token = *options.token;
  if (options.pixel)
    query.token = token_of_pixel(input, *options.pixel, model.patch_size << query.place.stage);
  for (const size_t axis : {0u, 1u})
    if (query.token[axis] < 0 || query.token[axis] >= size[axis])
      throw base::UsageError("--token",
                             "found " + place_text(query.token) + ", expected a row from 0 to " +
                                 std::to_string(size[0] - 1) + " and a column from 0 to " +
                                 std::to_string(size[1] - 1) + ": the map of stage " +
                                 std::to_string(stage),
                             "choose one of them");
  query.at = place_in_window(query.layout, query.token);
  return query;
}

std::vector<std::vector<double>> attention_rows(const SeenAttention& seen, const Query& query) {
  const Tensor& p = seen.probabilities;
  const int64_t heads = p.dim(1), tokens = p.dim(2);
  const int64_t index = query.at.index + tokens_before(tokens, query);
  std::vector<std::vector<double>> rows;
  for (int64_t h = 0; h < heads; ++h) {
    const real* row = p.data() + ((query.at.window * heads + h) * tokens + index) * tokens;
    rows.emplace_back(row, row + tokens);
  }
  return rows;
}

std::vector<double> chosen_row(const SeenAttention& seen, const Query& query) {
  const std::vector<std::vector<double>> rows = attention_rows(seen, query);
  if (query.head) return rows[static_cast<size_t>(*query.head)];
  std::vector<double> mean(rows[0].size());
  for (const std::vector<double>& row : rows)
    for (size_t j = 0; j < row.size(); ++j) mean[j] += row[j] / static_cast<double>(rows.size());
  return mean;
}

Image draw_attention(const View& whole, const Query& query, const std::vector<double>& row,
                     const ColorScale& scale) {
  constexpr double kShare = 0.75;
  const View view = fit_to(whole, drawn_map(query.layout), query.place.stage);
  const int64_t cell = view.cell_of(query.place.stage),
                before = tokens_before(std::ssize(row), query);
  Image image = dimmed(draw_map(view, query.layout, query.place.stage));
  const Size2 size = drawn_map(query.layout);
  const std::vector<int32_t> rows = key_rows(query);
  const std::vector<bool> visible = visible_keys(query);
  std::vector<int64_t> groups(static_cast<size_t>(size[0] * size[1]));
  for (size_t j = 0; j < rows.size(); ++j) {
    const auto at = drawn_position(query.layout, rows[j]);
    if (!at) continue;
    const auto [y, x] = *at;
    groups[static_cast<size_t>(y * size[1] + x)] = visible[j] ? 1 : 2;
    if (visible[j])
      blend({y * cell, x * cell, cell, cell}, scale.of(row[j + static_cast<size_t>(before)]),
            kShare, image);
  }
  draw_lines(size, cell, groups, image);
  const Box own = {query.token[0] * cell, query.token[1] * cell, cell, cell};
  outline({own.top - 2, own.left - 2, cell + 4, cell + 4}, kPanelWhite, 2, image);
  return image;
}

ExplainedPart attention_part(const layers::ModelConfig& model, const View& view,
                             const SeenAttention& seen, const Query& query, base::Json& json) {
  const std::vector<std::vector<double>> rows = attention_rows(seen, query);
  const std::vector<double> chosen = chosen_row(seen, query);
  const std::vector<int32_t> places = key_rows(query);
  const std::vector<bool> visible = visible_keys(query);
  const int64_t tokens = std::ssize(chosen), before = tokens_before(tokens, query);
  const double difference = difference_to_kernel(seen, query.layout);

  base::Json entry = query_json(query);
  entry["index"] = query.at.index + before;
  entry["head"] = query.head ? base::Json(*query.head) : base::Json("mean");
  base::Json keys = base::Json::array(), seen_keys = base::Json::array();
  double padding = 0;
  // Without the class token, and with what is masked as gaps.
  std::vector<std::vector<double>> maps(rows.size());
  for (int64_t j = 0; j < tokens; ++j) {
    const auto key = static_cast<size_t>(std::max<int64_t>(j - before, 0));
    const auto position = j < before ? std::nullopt : map_position(query.layout, places[key]);
    keys.push_back(position ? to_json(*position) : base::Json());
    seen_keys.push_back(j < before || visible[key]);
    if (j < before) continue;
    if (!position) padding += chosen[static_cast<size_t>(j)];
    for (size_t h = 0; h < rows.size(); ++h)
      maps[h].push_back(visible[key] ? rows[h][static_cast<size_t>(j)] : kMasked);
  }
  entry["keys"] = std::move(keys);
  entry["visible"] = std::move(seen_keys);
  entry["row"] = base::Json::array_of(chosen);
  entry["rows"] = lists_json(rows);
  entry["padding"] = padding;
  entry["difference_to_kernel"] = difference;
  json["attention"] = std::move(entry);

  const std::string where = "token (" + place_text(query.token) + ") in " + place_name(query);
  ExplainedPart part;
  part.title = "Attention of one token";
  part.text = {equation_of(model.name) + ", for " + where + ", " +
               head_name(query, std::ssize(rows)) +
               ". The probabilities are those of the plain composition (autograd::PlainOps). "
               "Multiplied with v they differ from the result of the fused kernel by at most " +
               short_text(difference) + " of its largest entry."};
  const ColorScale scale = scale_of(chosen);
  const bool global = model.name == "vit", shifted = query.layout.shift != Size2{0, 0},
             hides = std::ranges::find(visible, false) != visible.end();
  std::string caption =
      "Each key is colored by its probability, where its pixels are. The white "
      "square is the token itself.";
  if (!global) {
    if (shifted) caption += " The roll is undone.";
    caption += " Gray is what the token cannot see in this block";
    caption += hides ? ", also the masked part of its window, which has a line around it." : ".";
  }
  if (before > 0)
    caption += " The class token, which has no pixels, gets " + short_text(chosen[0]) + " of 1.";
  if (padding > 0) caption += " Padding gets " + short_text(padding) + " of 1.";
  part.pictures.push_back({"attention.png",
                           with_scale(draw_attention(view, query, chosen, scale), scale),
                           "The image with the attention of " + where + " as colors", caption});
  const ColorScale common = scale_of_all(maps);
  part.pictures.push_back(
      {"attention_heads.png", draw_heads(maps, query.layout.window, common),
       "The same row of attention for each head, as squares of the window",
       std::string("The same row for each head") +
           (global    ? "."
            : shifted ? ", on the tokens of its window as they lie after the roll."
                      : ", on the tokens of its window.") +
           (hides ? " What the mask hides is gray." : "") +
           " Heads that look alike in the mean may look at different keys."});
  return part;
}

ExplainedPart bias_part(const layers::ModelConfig& model, const Tensor& table, const Query& query,
                        base::Json& json) {
  const Size2& window = query.layout.window;
  const Size2 size = {2 * window[0] - 1, 2 * window[1] - 1};
  const int64_t positions = table.dim(0), heads = table.dim(1);
  std::vector<std::vector<double>> values(static_cast<size_t>(heads));
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t h = 0; h < heads; ++h)
      values[static_cast<size_t>(h)].push_back(static_cast<double>(table.data()[p * heads + h]));
  base::Json entry = base::Json::object();
  entry["stage"] = query.place.stage;
  entry["block"] = query.place.block;
  entry["size"] = to_json(size);
  entry["heads"] = lists_json(values);
  json["relative_position_bias"] = std::move(entry);
  // The table counts query minus key; the picture shows the keys around the query.
  for (std::vector<double>& list : values) std::reverse(list.begin(), list.end());

  ExplainedPart part;
  part.title = "Relative position bias";
  part.text = {
      model.name == "swin_v2"
          ? "B of equation 2 of the Swin V2 paper (arXiv:2111.09883), for " + place_name(query) +
                ": 16 · sigmoid of the MLP on log-spaced distances (equations 3 and 4, and the "
                "figures of its appendix)."
          : "The table B̂ from which equation 4 takes B (section 3.2), for " + place_name(query) +
                "."};
  part.pictures.push_back(
      {"position_bias.png", draw_heads(values, size, scale_of_all(values)),
       "Relative position bias of each head by the place of the key",
       "What is added to the score of a key at each distance, for each head: a square of "
       "(2M − 1) × (2M − 1) distances in a window of " +
           size_text(window) +
           ". The middle is the token itself; above it are keys above it. explain.json has the "
           "table in its own order, query minus key."});
  return part;
}

ExplainedPart mixing_part(const layers::ModelConfig& model, const Tensor& weight,
                          const Query& query, base::Json& json) {
  const int64_t tokens = query.layout.tokens(), heads = weight.dim(0) / tokens;
  const WindowPlace place = mixed_place(model, query);
  std::vector<std::vector<double>> rows;
  for (int64_t h = 0; h < heads; ++h) {
    const real* row = weight.data() + (h * tokens + place.index) * tokens;
    rows.emplace_back(row, row + tokens);
  }
  base::Json entry = query_json(query);
  entry["window"] = place.window;
  entry["index"] = place.index;
  entry["rows"] = lists_json(rows);
  json["mixing"] = std::move(entry);

  ExplainedPart part;
  part.title = "Mixing weights of one token";
  part.text = {
      "Swin-MLP has one matrix for each head instead of attention (table 10 of the Swin "
      "paper): the weights are the same for every image and every window. This is the "
      "row of token (" +
      place_text(query.token) + ") in " + place_name(query) + ", number " +
      std::to_string(place.index) + " of its window."};
  part.pictures.push_back({"mixing.png", draw_heads(rows, query.layout.window, scale_of_all(rows)),
                           "A row of the mixing matrix of each head, as squares of the window",
                           "Each square is the window; its color is the weight with which a token "
                           "there enters the result, blue where it is subtracted."});
  return part;
}

}  // namespace swin::trainers
