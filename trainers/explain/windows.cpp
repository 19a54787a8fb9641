#include "trainers/explain/windows.h"

#include <algorithm>
#include <map>

#include "base/counts.h"
#include "base/integer.h"
#include "data/palette.h"

namespace swin::trainers {

using std::string_literals::operator""s;

using base::size_text;
using data::Box;
using data::Image;

namespace {

constexpr Size2 kNoShift = {0, 0};

Box cell_box(int64_t y, int64_t x, int64_t cell) { return {y * cell, x * cell, cell, cell}; }

int64_t places(const WindowLayout& layout) { return layout.padded[0] * layout.padded[1]; }

// Whether a window has one token, of which there is no half, and does not cover the map.
bool too_small_to_shift(const WindowLayout& layout) {
  return layout.tokens() == 1 && layout.windows() > 1;
}

std::string shift_sentence(const layers::ModelConfig& model, const WindowLayout& even,
                           const WindowLayout& odd, int64_t depth) {
  if (depth < 2) return "The stage has one block, so none is shifted.";
  if (odd.shift == kNoShift && too_small_to_shift(odd))
    return "Half a window of " + size_text(even.window) +
           ", rounded down, is no token: nothing is shifted, and all blocks have these windows.";
  if (odd.shift == kNoShift)
    return "One window of " + size_text(even.window) +
           " covers a side of the map: the shift of odd blocks is dropped, so all blocks have "
           "these windows.";
  const bool mixes = model.name == "swin_mlp", alone = odd.windows() == 1;
  std::string text = "Odd blocks shift " + std::string(alone ? "the map" : "the windows") + " by " +
                     size_text(odd.shift) + (mixes ? " tokens (right)" : " tokens (SW-MSA, right)");
  if (alone)
    text +=
        ", though one window covers it: the shift brings no tokens together that were apart, and "
        "only splits the window into regions that do not see each other.";
  else
    text += ", so that tokens on both sides of a line of the left share a window.";
  for (const size_t axis : {0u, 1u})
    if (odd.shift[axis] == 0)
      text += odd.padded[axis] == odd.window[axis]
                  ? " Along the other side one window covers the map, and nothing is shifted."
                  : " Along the other side a window is one token, and nothing is shifted.";
  if (mixes)
    text += " Swin-MLP pads the map on all sides instead of rolling it; the windows are these.";
  return text;
}

std::string padding_sentence(const layers::ModelConfig& model, const WindowLayout& even,
                             const WindowLayout& odd) {
  if (even.padded == even.map) return "";
  std::string text = " The window does not divide the map, which is padded with zeros to " +
                     size_text(even.padded) + " tokens (striped); ";
  text += model.name == "swin_mlp" ? "tokens are mixed with the padding, too, as published."
          : even.valid == kNoShift ? "tokens attend to the padding, too, as published."
                                   : "no token attends to the padding.";
  if (odd.rolled)
    text +=
        " Odd blocks roll the map before they pad it: their padding has no place in the "
        "picture.";
  return text;
}

base::Json layout_json(const layers::ModelConfig& model, const WindowLayout& layout) {
  base::Json json = base::Json::object();
  json["window"] = to_json(layout.window);
  json["shift"] = to_json(layout.shift);
  json["padded"] = to_json(layout.padded);
  json["rolled"] = layout.rolled;
  const Size2 grid = window_grid(model, layout);
  json["windows"] = grid[0] * grid[1];
  return json;
}

// Tints the tokens by their label, and writes it in the middle of those that have it.
void draw_labels(Size2 size, int64_t cell, const std::vector<int32_t>& labels, Image& image) {
  std::map<int32_t, Box> boxes;
  for (int64_t y = 0; y < size[0]; ++y)
    for (int64_t x = 0; x < size[1]; ++x) {
      const int32_t label = labels[static_cast<size_t>(y * size[1] + x)];
      if (label < 0) continue;
      blend(cell_box(y, x, cell), data::palette_color(label + 1), 0.4, image);
      Box& box = boxes.try_emplace(label, Box{y, x, 1, 1}).first->second;
      box.left = std::min(box.left, x);
      box.height = y + 1 - box.top;
      box.width = std::max(box.width, x + 1 - box.left);
    }
  for (const auto& [label, box] : boxes)
    draw_centered(std::to_string(label),
                  {box.top * cell, box.left * cell, box.height * cell, box.width * cell}, 2, image);
}

// What the windows hold after the roll, and what the mask does with it.
std::string masking_sentence(const WindowLayout& layout, bool mixes) {
  const std::string apart = mixes ? "apart" : "from attending to each other";
  if (layout.windows() == 1)
    return "The one window, which covers the map, holds the same tokens as before; all the same a "
           "mask splits it into regions and keeps their tokens " +
           apart + ".";
  const char* edge = layout.shift[1] == 0   ? "row"
                     : layout.shift[0] == 0 ? "column"
                                            : "row and column";
  return "The windows of the last "s + edge +
         " then hold regions that are no neighbors in the image; a mask keeps their tokens " +
         apart + ".";
}

// Which windows look alike in a mask: "inside", "right edge", …
std::string kind_of_window(const WindowLayout& layout, int64_t window) {
  const int64_t columns = layout.padded[1] / layout.window[1],
                rows = layout.padded[0] / layout.window[0];
  if (layout.windows() == 1) return "the one window";
  const bool bottom = window / columns == rows - 1, right = window % columns == columns - 1;
  return bottom && right ? "corner" : bottom ? "bottom edge" : right ? "right edge" : "inside";
}

// The masks of the windows, each kind once. Black: −∞.
Image draw_masks(const WindowLayout& layout) {
  constexpr int64_t kSide = 200;
  const int64_t tokens = layout.tokens();
  const autograd::Tensor mask = autograd::attention_mask(layout, 1);
  std::map<std::vector<float>, std::pair<int64_t, int64_t>> kinds;  // first window, and how many
  std::vector<const std::vector<float>*> order;
  for (int64_t w = 0; w < layout.windows(); ++w) {
    const real* first = mask.data() + w * tokens * tokens;
    const auto [kind, added] =
        kinds.try_emplace(std::vector<float>(first, first + tokens * tokens), w, 0);
    ++kind->second.second;
    if (added) order.push_back(&kind->first);
  }
  std::vector<Panel> panels;
  const int64_t cell = std::max<int64_t>(1, kSide / tokens);
  for (const std::vector<float>* kind : order) {
    const auto [window, count] = kinds.at(*kind);
    Image image = blank({tokens * cell, tokens * cell}, kPanelWhite);
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t j = 0; j < tokens; ++j)
        if ((*kind)[static_cast<size_t>(i * tokens + j)] > 0)
          fill(cell_box(i, j, cell), {0, 0, 0}, image);
    panels.push_back(
        {kind_of_window(layout, window) + " (" + std::to_string(count) + ")", std::move(image)});
  }
  return draw_panels(panels, 4);
}

}  // namespace

base::Json to_json(Size2 size) {
  return base::Json::array_of(std::vector<int64_t>{size[0], size[1]});
}

Size2 map_of(Size2 first, int64_t stage) {
  for (; stage > 0; --stage) first = {base::divide_up(first[0], 2), base::divide_up(first[1], 2)};
  return first;
}

Size2 window_grid(const layers::ModelConfig& model, const WindowLayout& layout) {
  Size2 grid{};
  for (const size_t axis : {0u, 1u})
    grid[axis] = layout.padded[axis] / layout.window[axis] +
                 (model.name == "swin_mlp" && layout.shift[axis] > 0 ? 1 : 0);
  return grid;
}

std::string why_none_shifts(const layers::ModelConfig& model, Size2 first) {
  bool second = false, small = false, covered = false;
  for (int64_t stage = 0; stage < model.num_stages(); ++stage) {
    if (model.depths[static_cast<size_t>(stage)] < 2) continue;
    second = true;
    const bool tiny =
        too_small_to_shift(layers::window_layout(model, stage, 1, map_of(first, stage)));
    small = small || tiny;
    covered = covered || !tiny;
  }
  const std::string none = "no block of this model shifts: ";
  if (!second) return none + "odd blocks do, and no stage has a second block";
  if (!small) return none + "one window covers a side of each map that has an odd block";
  return none + "half a window of one token, rounded down, is no token" +
         (covered ? ", and where windows are larger, one covers a side of the map" : "");
}

Size2 drawn_map(const WindowLayout& layout) { return layout.rolled ? layout.map : layout.padded; }

std::optional<Size2> drawn_position(const WindowLayout& layout, int64_t row) {
  if (layout.rolled) return map_position(layout, row);
  return Size2{row / layout.padded[1], row % layout.padded[1]};
}

std::optional<Size2> map_position(const WindowLayout& layout, int64_t row) {
  const Size2 at = {row / layout.padded[1], row % layout.padded[1]}, &map = layout.map;
  if (at[0] >= map[0] || at[1] >= map[1]) return std::nullopt;
  if (!layout.rolled) return at;
  return Size2{(at[0] + layout.shift[0]) % map[0], (at[1] + layout.shift[1]) % map[1]};
}

WindowPlace place_in_window(const WindowLayout& layout, Size2 token) {
  const std::vector<int32_t> rows = autograd::window_rows(layout);
  const auto found = std::ranges::find_if(
      rows, [&](int32_t row) { return map_position(layout, row) == std::optional(token); });
  const int64_t place = found - rows.begin();
  return {place / layout.tokens(), place % layout.tokens()};
}

Image draw_map(const View& view, const WindowLayout& layout, int64_t stage) {
  const int64_t cell = view.cell_of(stage);
  const Size2 size = drawn_map(layout);
  Image image = blank({size[0] * cell, size[1] * cell}, {0, 0, 0});
  paste(view.image, 0, 0, image);
  const int64_t bottom = layout.map[0] * cell, right = layout.map[1] * cell;
  fill_padding({bottom, 0, image.height - bottom, image.width}, image);
  fill_padding({0, right, image.height, image.width - right}, image);
  return image;
}

void draw_lines(Size2 size, int64_t cell, const std::vector<int64_t>& groups, Image& image) {
  constexpr int64_t kLeastToken = 14, kLineWidth = 2;
  const auto group = [&](int64_t y, int64_t x) {
    return groups[static_cast<size_t>(y * size[1] + x)];
  };
  if (cell >= kLeastToken)
    for (int64_t y = 0; y < size[0]; ++y)
      for (int64_t x = 0; x < size[1]; ++x) {
        blend({y * cell, x * cell, 1, cell}, kPanelWhite, 0.35, image);
        blend({y * cell, x * cell, cell, 1}, kPanelWhite, 0.35, image);
      }
  for (int64_t y = 0; y < size[0]; ++y)
    for (int64_t x = 0; x < size[1]; ++x) {
      if (y > 0 && group(y, x) != group(y - 1, x))
        fill({y * cell - 1, x * cell - 1, kLineWidth, cell + 2}, kPanelLine, image);
      if (x > 0 && group(y, x) != group(y, x - 1))
        fill({y * cell - 1, x * cell - 1, cell + 2, kLineWidth}, kPanelLine, image);
    }
  outline({0, 0, image.height, image.width}, kPanelLine, kLineWidth, image);
}

Image draw_windows(const View& view, const WindowLayout& layout, int64_t stage) {
  const std::vector<int32_t> rows = autograd::window_rows(layout),
                             labels = autograd::window_labels(layout);
  const Size2 size = drawn_map(layout);
  constexpr int64_t kLabels = 16;  // more than there are
  std::vector<int64_t> groups(static_cast<size_t>(size[0] * size[1]), -1);
  for (int64_t i = 0; i < places(layout); ++i) {
    const auto at = drawn_position(layout, rows[static_cast<size_t>(i)]);
    if (!at) continue;
    const int64_t label = labels.empty() ? 0 : labels[static_cast<size_t>(i)];
    groups[static_cast<size_t>((*at)[0] * size[1] + (*at)[1])] =
        i / layout.tokens() * kLabels + label + 1;
  }
  const View fitting = fit_to(view, layout.padded, stage);
  Image image = draw_map(fitting, layout, stage);
  draw_lines(size, fitting.cell_of(stage), groups, image);
  return image;
}

ExplainedPart windows_part(const layers::ModelConfig& model, const View& view, base::Json& json) {
  ExplainedPart part;
  part.title = "Windows and shifted windows";
  const bool mixes = model.name == "swin_mlp";
  part.text = {
      (mixes ? "Tokens are mixed"s : "Attention is computed"s) +
      " within windows alone (section 3.2 and figure 2 of the Swin paper). Even blocks cut the map "
      "into regular windows" +
      (mixes ? "" : " (W-MSA)") + "; odd blocks shift them by half a window" +
      (mixes ? "" : " (SW-MSA)") +
      ", so that what was apart comes together. Between stages patch merging halves the map, and "
      "a window of as many tokens covers four times the pixels (figure 1a)."};
  json["stages"] = base::Json::array();
  for (int64_t stage = 0; stage < model.num_stages(); ++stage) {
    const int64_t depth = model.depths[static_cast<size_t>(stage)];
    const Size2 map = map_of(view.map, stage);
    const WindowLayout even = layers::window_layout(model, stage, 0, map),
                       odd = layers::window_layout(model, stage, 1, map);
    base::Json entry = base::Json::object();
    entry["stage"] = stage;
    entry["map"] = to_json(map);
    entry["blocks"] = base::Json::array();
    for (int64_t block = 0; block < depth; ++block) {
      base::Json row = layout_json(model, block % 2 == 0 ? even : odd);
      row["block"] = block;
      entry["blocks"].push_back(std::move(row));
    }
    json["stages"].push_back(std::move(entry));

    std::vector<Panel> panels = {
        {mixes ? "regular windows" : "W-MSA", draw_windows(view, even, stage)}};
    if (depth > 1 && odd.shift != kNoShift)
      panels.push_back({mixes ? "shifted windows" : "SW-MSA", draw_windows(view, odd, stage)});
    const std::string number = std::to_string(stage);
    const int64_t pixels = view.patch << stage;
    Picture picture;
    picture.file = "windows_stage" + number + ".png";
    picture.image = draw_panels(panels, 2);
    picture.alternative = "The image under the windows of stage " + number;
    picture.caption =
        "Stage " + number + ": a map of " + size_text(map) + " tokens, each of " +
        size_text(pixels, pixels) + " pixels, in windows of " + size_text(even.window) +
        " tokens: " + base::counted(even.windows(), "window") + "." +
        padding_sentence(model, even, odd) + " " + shift_sentence(model, even, odd, depth);
    part.pictures.push_back(std::move(picture));
  }
  return part;
}

ExplainedPart shift_part(const layers::ModelConfig& model, const View& whole,
                         const WindowLayout& layout, int64_t stage, int64_t block,
                         base::Json& json) {
  const View view = fit_to(whole, layout.padded, stage);
  const int64_t cell = view.cell_of(stage);
  const std::vector<int32_t> rows = autograd::window_rows(layout),
                             labels = autograd::window_labels(layout);
  const Size2 size = drawn_map(layout), &padded = layout.padded, &window = layout.window;
  const auto count = static_cast<size_t>(padded[0] * padded[1]);
  std::vector<int32_t> before(static_cast<size_t>(size[0] * size[1]), -1), after(count, -1);
  std::vector<int64_t> windows(count);
  const Image map = draw_map(view, layout, stage);
  Image regions = map, rolled = blank({padded[0] * cell, padded[1] * cell});
  for (int64_t i = 0; i < places(layout); ++i) {
    const int32_t label = labels[static_cast<size_t>(i)];
    const int64_t w = i / layout.tokens(), index = i % layout.tokens(),
                  columns = padded[1] / window[1];
    const int64_t y = w / columns * window[0] + index / window[1],
                  x = w % columns * window[1] + index % window[1];
    after[static_cast<size_t>(y * padded[1] + x)] = label;
    windows[static_cast<size_t>(y * padded[1] + x)] = w;
    const Box to = cell_box(y, x, cell);
    const auto from = drawn_position(layout, rows[static_cast<size_t>(i)]);
    if (!from) {
      fill_padding(to, rolled);
      continue;
    }
    before[static_cast<size_t>((*from)[0] * size[1] + (*from)[1])] = label;
    const auto [from_y, from_x] = *from;
    for (int64_t line = 0; line < cell; ++line)
      std::copy_n(map.row(from_y * cell + line) + 3 * from_x * cell, 3 * cell,
                  rolled.row(y * cell + line) + 3 * x * cell);
  }
  draw_labels(size, cell, before, regions);
  draw_labels(padded, cell, after, rolled);
  draw_lines(padded, cell, windows, rolled);

  base::Json shift = base::Json::object();
  shift["stage"] = stage;
  shift["block"] = block;
  shift["shift"] = to_json(layout.shift);
  base::Json table = base::Json::array();
  for (int64_t y = 0; y < size[0]; ++y) {
    const auto first = before.begin() + y * size[1];
    table.push_back(base::Json::array_of(std::vector<int64_t>(first, first + size[1])));
  }
  shift["regions"] = std::move(table);
  json["shift"] = std::move(shift);

  const std::string name = "stage " + std::to_string(stage) + ", block " + std::to_string(block);
  ExplainedPart part;
  part.title = "Cyclic shift, regions and mask";
  const bool mixes = model.name == "swin_mlp";
  part.text = {
      "Figure 4 of the Swin paper, for " + name +
      ". Cutting a shifted map makes more and smaller windows. Instead the map is rolled by the "
      "shift, " +
      size_text(layout.shift) + " tokens up and left, and cut into regular windows. " +
      masking_sentence(layout, mixes) + " Afterwards the map is rolled back."};
  if (mixes)
    part.text.push_back(
        "Swin-MLP itself reaches the same windows by padding the map with zeros on all sides, "
        "without roll and mask.");
  part.pictures.push_back(
      {"shift.png",
       draw_panels({{"before: regions", regions}, {"after the roll: windows", rolled}}, 2),
       "The map with its regions before the cyclic shift, and rolled, under its windows",
       "Left: the map, with the numbers that the published code gives to its regions (img_mask). "
       "Right: the same tokens after the roll, under the lines of the windows. A token " +
           std::string(mixes ? "is mixed with" : "attends to") +
           " those of its number in its window."});
  if (!mixes)
    part.pictures.push_back(
        {"mask.png", draw_masks(layout),
         "The attention masks of the kinds of windows as squares of queries and keys",
         "The mask of each kind of window and, in brackets, how many windows have it. A row is a "
         "query, a column a key, in the order of the window's rows. White: 0 is added to the "
         "score. Black: −∞ is, so the probability is exactly 0 (equation 4 with the mask of "
         "figure 4)."});
  return part;
}

}  // namespace swin::trainers
