// The rows of movement ops: those that reorder, cut, join or repeat, and those on patches.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::Size2;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

std::string text_of(const Size2& s) { return std::to_string(s[0]) + "x" + std::to_string(s[1]); }

OpRow reshape_row() {
  const auto one = [](std::initializer_list<int64_t> x, Shape to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::reshape(t, to); },
        [to](const Array& a) { return ref::reshape(a, dims_of(to)); }, " to " + to.text());
  };
  OpRow row{"reshape", {}, {}, {}};
  row.cases = {one({6}, {2, 3}), one({2, 3, 4}, {24}), one({1}, {}), one({2, 3, 4}, {4, 3, 2})};
  row.parallel = {one({6, 5000}, {30, 1000})};
  row.rejects = {{"reshape: found (2, 3), expected as many elements as (5)", [] {
                    ops::reshape(zeros({2, 3}), {5});
                  }}};
  return row;
}

OpRow concat_row() {
  const auto one = [](const std::vector<Shape>& shapes, int axis) {
    OpCase c;
    for (const Shape& shape : shapes) {
      c.inputs.push_back(Input({}));
      c.inputs.back().shape = shape;
      c.name += shape.text() + " ";
    }
    c.name += "axis " + std::to_string(axis);
    const int at = axis < 0 ? axis + shapes[0].rank() : axis;
    c.call = [axis](const Tensors& t) { return ops::concat(t, axis); };
    c.reference = [at](const Arrays& a) { return ref::concat(a, static_cast<size_t>(at)); };
    return c;
  };
  OpRow row{"concat", {}, {}, {}};
  row.cases = {one({{3}}, 0), one({{2}, {3}}, 0), one({{2, 1, 5}, {2, 3, 5}}, 1),
               one({{2, 3}, {2, 17}, {2, 1}}, -1), one({{2, 3, 4}, {1, 3, 4}}, -3)};
  row.parallel = {one({{70, 300}, {70, 1000}}, 1), one({{40000}, {35000}}, 0),
                  one({{3, 1, 17}, {3, 6000, 17}}, 1)};
  row.rejects = {
      {"concat: found 0 parts of rank 0 and axis 0, expected parts that have this axis",
       [] { ops::concat({}, 0); }},
      {"concat: found 1 parts of rank 2 and axis 2",
       [] {
         ops::concat({zeros({2, 3})}, 2);
       }},
      {"concat: found",
       [] {
         ops::concat({zeros({2, 3})}, -3);
       }},
      {"concat: found parts (2, 3) and (3, 3), expected dims that differ in axis 1 alone",
       [] {
         ops::concat({zeros({2, 3}), zeros({3, 3})}, 1);
       }},
      {"concat: found parts (2, 3) and (2, 3, 1)",
       [] {
         ops::concat({zeros({2, 3}), zeros({2, 3, 1})}, 1);
       }},
      {"concat: found parts (2, 3) and ()", [] {
         ops::concat({zeros({2, 3}), Tensor()}, 1);
       }}};
  return row;
}

OpRow slice_row() {
  const auto one = [](std::initializer_list<int64_t> x, int axis, int64_t begin, int64_t end) {
    const Input input(x);
    const int at = axis < 0 ? axis + input.shape.rank() : axis;
    return unary(
        input, [=](const Tensor& t) { return ops::slice(t, axis, begin, end); },
        [=](const Array& a) { return ref::slice(a, static_cast<size_t>(at), begin, end); },
        " axis " + std::to_string(axis) + " " + std::to_string(begin) + " to " +
            std::to_string(end));
  };
  OpRow row{"slice", {}, {}, {}};
  row.cases = {one({5}, 0, 0, 5),       one({5}, 0, 1, 3),          one({2, 4, 3}, 1, 0, 1),
               one({2, 4, 3}, 1, 2, 4), one({2, 3, 17}, -1, 1, 17), one({3, 2, 5}, -3, 1, 2)};
  row.parallel = {one({70, 1300}, 1, 300, 1100), one({90000}, 0, 20000, 85000),
                  one({3, 6001, 17}, 1, 1, 6001)};
  row.rejects = {{"slice: found indices 1 … 4 of axis 1 of (2, 3), expected 0 ≤ begin < end ≤ dim",
                  [] {
                    ops::slice(zeros({2, 3}), 1, 1, 4);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 1, -1, 2);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 1, 2, 2);
                  }},
                 {"slice: found",
                  [] {
                    ops::slice(zeros({2, 3}), 2, 0, 1);
                  }},
                 {"slice: found", [] {
                    ops::slice(zeros({2, 3}), -3, 0, 1);
                  }}};
  return row;
}

OpRow broadcast_row() {
  const auto one = [](std::initializer_list<int64_t> x, Shape to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::broadcast_to(t, to); },
        [to](const Array& a) { return ref::broadcast_to(a, dims_of(to)); }, " to " + to.text());
  };
  OpRow row{"broadcast_to", {}, {}, {}};
  row.cases = {one({}, {3}),
               one({5}, {3, 5}),
               one({1, 1, 5}, {3, 1, 5}),
               one({3, 1}, {2, 3, 4}),
               one({2, 3, 17}, {2, 3, 17}),
               one({2, 1, 3, 1}, {2, 4, 3, 5})};
  row.parallel = {one({1000}, {70, 1000}), one({70, 1}, {70, 1000})};
  row.rejects = {{"broadcast_to: found (2, 3) for (2, 4), expected an axis or more, and dims that "
                  "are equal or 1",
                  [] {
                    ops::broadcast_to(zeros({2, 3}), {2, 4});
                  }},
                 {"broadcast_to: found",
                  [] {
                    ops::broadcast_to(zeros({2, 1}), {2});
                  }},
                 {"broadcast_to: found () for ()", [] { ops::broadcast_to(zeros({}), {}); }}};
  return row;
}

OpRow replace_row() {
  const auto one = [](std::initializer_list<int64_t> x, double low, double high) {
    OpCase c;
    const Input input(x);
    const int64_t dim = input.shape[3];
    Input mask({input.shape[0], input.shape[1], input.shape[2]}, false);
    mask.low = low, mask.high = high;
    c.name = input.shape.text() + " mask from " + std::to_string(low);
    c.inputs = {input, Input({1, 1, dim}), mask};
    c.call = [](const Tensors& t) { return ops::replace_tokens(t[0], t[1], t[2]); };
    c.reference = [](const Arrays& a) { return ref::replace_tokens(a[0], a[1], a[2]); };
    return c;
  };
  OpRow row{"replace_tokens", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 0, 1), one({2, 3, 4, 5}, 0, 1), one({1, 2, 3, 17}, 0, 0),
               one({1, 2, 3, 16}, 1, 1), one({9, 7, 2, 3}, 0, 1)};
  row.parallel = {one({3, 41, 30, 33}, 0, 1)};
  row.rejects = {
      {"replace_tokens: found (2, 3), expected (B, H, W, C)",
       [] {
         ops::replace_tokens(zeros({2, 3}), zeros({3}), zeros({2}));
       }},
      {"replace_tokens: found x (1, 2, 2, 3), token (4), mask (1, 2, 2), expected (B, H, W, C), C "
       "elements, (B, H, W)",
       [] {
         ops::replace_tokens(zeros({1, 2, 2, 3}), zeros({4}), zeros({1, 2, 2}));
       }},
      {"replace_tokens: found x", [] {
         ops::replace_tokens(zeros({1, 2, 2, 3}), zeros({3}), zeros({1, 4}));
       }}};
  return row;
}

OpRow permute_row() {
  const auto one = [](std::initializer_list<int64_t> x, std::vector<int> axes) {
    std::string text = " axes";
    for (int axis : axes) text.append(" ").append(std::to_string(axis));
    return unary(
        Input(x), [axes](const Tensor& t) { return ops::permute(t, axes); },
        [axes](const Array& a) { return ref::permute(a, axes); }, text);
  };
  OpRow row{"permute", {}, {}, {}};
  row.cases = {one({5}, {0}),
               one({2, 3}, {1, 0}),
               one({2, 3, 4}, {2, 0, 1}),
               one({2, 3, 4, 5}, {0, 2, 1, 3}),
               one({2, 3, 2, 4, 3}, {2, 0, 3, 1, 4}),
               one({3, 4}, {0, 1})};
  row.parallel = {one({6, 50, 49, 8}, {0, 2, 1, 3}), one({300, 400}, {1, 0})};
  row.rejects = {{"permute: found axes that do not permute (2, 3), expected each axis once",
                  [] {
                    ops::permute(zeros({2, 3}), {0, 0});
                  }},
                 {"permute: found",
                  [] {
                    ops::permute(zeros({2, 3}), {0});
                  }},
                 {"permute: found",
                  [] {
                    ops::permute(zeros({2, 3}), {0, 2});
                  }},
                 {"permute: found", [] {
                    ops::permute(zeros({2, 3}), {-1, 0});
                  }}};
  return row;
}

OpRow roll_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 shift) {
    return unary(
        Input(x), [shift](const Tensor& t) { return ops::roll(t, shift); },
        [shift](const Array& a) { return ref::roll(a, shift); }, " by " + text_of(shift));
  };
  OpRow row{"roll", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {0, 0}), one({2, 4, 5, 3}, {1, 2}), one({2, 4, 5, 3}, {-1, -2}),
               one({1, 3, 2, 17}, {7, -5}), one({2, 4, 4, 2}, {0, 3})};
  row.parallel = {one({3, 40, 30, 33}, {-3, 2})};
  row.rejects = {{"roll: found (2, 3), expected (B, H, W, C)", [] {
                    ops::roll(zeros({2, 3}), {1, 1});
                  }}};
  return row;
}

OpRow pad_or_crop_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 to) {
    return unary(
        Input(x), [to](const Tensor& t) { return ops::pad_or_crop(t, to); },
        [to](const Array& a) { return ref::pad_or_crop(a, to); }, " to " + text_of(to));
  };
  OpRow row{"pad_or_crop", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {1, 1}), one({2, 3, 4, 5}, {5, 6}),  one({2, 3, 4, 5}, {2, 2}),
               one({2, 3, 4, 5}, {4, 3}), one({1, 3, 4, 17}, {2, 9}), one({2, 3, 4, 2}, {3, 4})};
  row.parallel = {one({3, 39, 28, 33}, {40, 28}), one({3, 40, 40, 33}, {39, 35})};
  row.rejects = {{"pad_or_crop: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::pad_or_crop(zeros({2, 3}), {1, 1});
                  }},
                 {"pad_or_crop: found an empty map", [] {
                    ops::pad_or_crop(zeros({1, 2, 2, 1}), {0, 1});
                  }}};
  return row;
}

OpRow partition_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 window) {
    return unary(
        Input(x), [window](const Tensor& t) { return ops::window_partition(t, window); },
        [window](const Array& a) { return ref::window_partition(a, window); },
        " windows " + text_of(window));
  };
  OpRow row{"window_partition", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, {1, 1}), one({2, 4, 6, 3}, {2, 3}), one({1, 4, 4, 17}, {4, 4}),
               one({2, 3, 6, 2}, {3, 2})};
  row.parallel = {one({3, 42, 28, 33}, {7, 7})};
  row.rejects = {{"window_partition: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::window_partition(zeros({2, 3}), {1, 1});
                  }},
                 {"window_partition: found a map of (1, 4, 4, 1) and windows of (3, 2), expected "
                  "dims that the window divides",
                  [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {3, 2});
                  }},
                 {"windows of (2, 3)",
                  [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {2, 3});
                  }},
                 {"windows of (0, 2)", [] {
                    ops::window_partition(zeros({1, 4, 4, 1}), {0, 2});
                  }}};
  return row;
}

OpRow reverse_row() {
  const auto one = [](std::initializer_list<int64_t> x, Size2 window, Size2 map) {
    return unary(
        Input(x), [=](const Tensor& t) { return ops::window_reverse(t, window, map); },
        [=](const Array& a) { return ref::window_reverse(a, window, map); },
        " windows " + text_of(window) + " map " + text_of(map));
  };
  OpRow row{"window_reverse", {}, {}, {}};
  row.cases = {one({1, 1, 1}, {1, 1}, {1, 1}), one({8, 6, 3}, {2, 3}, {4, 6}),
               one({1, 16, 17}, {4, 4}, {4, 4}), one({6, 6, 2}, {3, 2}, {3, 6})};
  row.parallel = {one({72, 49, 33}, {7, 7}, {42, 28})};
  row.rejects = {
      {"window_reverse: found windows (3, 4, 1) for a map of (4, 4), expected (B · windows, 4, C)",
       [] {
         ops::window_reverse(zeros({3, 4, 1}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 3, 1}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4}), {2, 2}, {4, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4, 1}), {2, 2}, {5, 4});
       }},
      {"window_reverse: found",
       [] {
         ops::window_reverse(zeros({4, 4, 1}), {0, 2}, {4, 4});
       }},
      {"window_reverse: found", [] {
         ops::window_reverse(zeros({4, 4, 1}), {2, 2}, {0, 4});
       }}};
  return row;
}

OpRow merging_row() {
  const auto one = [](std::initializer_list<int64_t> x) {
    return unary(
        Input(x), [](const Tensor& t) { return ops::patch_merging(t); },
        [](const Array& a) { return ref::patch_merging(a); });
  };
  OpRow row{"patch_merging", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}), one({2, 2, 2, 3}), one({2, 4, 6, 5}),
               one({1, 3, 4, 2}), one({2, 4, 5, 3}), one({1, 5, 3, 17})};
  row.parallel = {one({3, 41, 30, 33})};
  row.rejects = {{"patch_merging: found (2, 3), expected (B, H, W, C)", [] {
                    ops::patch_merging(zeros({2, 3}));
                  }}};
  return row;
}

OpRow embed_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t dim, int64_t patch) {
    OpCase c;
    const Input input(x);
    c.name = input.shape.text() + " to " + std::to_string(dim) + " patch " + std::to_string(patch);
    c.inputs = {input, Input({dim, input.shape[3], patch, patch}), Input({dim})};
    c.call = [](const Tensors& t) { return ops::patch_embed(t[0], t[1], t[2]); };
    c.reference = [](const Arrays& a) { return ref::patch_embed(a[0], a[1], a[2]); };
    return c;
  };
  OpRow row{"patch_embed", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}, 1, 1), one({2, 4, 6, 3}, 5, 2), one({1, 8, 4, 1}, 17, 4),
               one({2, 3, 6, 2}, 7, 3)};
  row.parallel = {one({2, 96, 92, 3}, 96, 2)};
  row.rejects = {{"patch_embed: found (2, 3), expected (B, H, W, C)",
                  [] {
                    ops::patch_embed(zeros({2, 3}), zeros({1, 1, 1, 1}), zeros({1}));
                  }},
                 {"patch_embed: found x (1, 5, 4, 1), weight (3, 1, 2, 2), bias (3)",
                  [] {
                    ops::patch_embed(zeros({1, 5, 4, 1}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch dividing H and W",
                  [] {
                    ops::patch_embed(zeros({1, 4, 5, 1}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 2}), zeros({3, 1, 2, 2}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 1, 2, 1}), zeros({3}));
                  }},
                 {"patch_embed: found",
                  [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 4}), zeros({3}));
                  }},
                 {"patch_embed: found", [] {
                    ops::patch_embed(zeros({1, 4, 4, 1}), zeros({3, 1, 2, 2}), zeros({4}));
                  }}};
  return row;
}

OpRow mean_row() {
  const auto one = [](std::initializer_list<int64_t> x) {
    return unary(
        Input(x), [](const Tensor& t) { return ops::mean_tokens(t); },
        [](const Array& a) { return ref::mean_tokens(a); });
  };
  OpRow row{"mean_tokens", {}, {}, {}};
  row.cases = {one({1, 1, 1, 1}), one({2, 3, 4, 5}), one({3, 1, 2, 17}), one({2, 7, 7, 16})};
  row.parallel = {one({6, 7, 7, 40})};
  row.rejects = {{"mean_tokens: found (2, 3), expected (B, H, W, C)", [] {
                    ops::mean_tokens(zeros({2, 3}));
                  }}};
  return row;
}

}  // namespace

void append_movement_rows(std::vector<OpRow>& table) {
  for (OpRow (*row)() :
       {reshape_row, concat_row, slice_row, broadcast_row, replace_row, permute_row, roll_row,
        pad_or_crop_row, partition_row, reverse_row, merging_row, embed_row, mean_row})
    table.push_back(row());
}

}  // namespace swin::oracle
