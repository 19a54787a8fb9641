// The rows of ops for heads of dense tasks: norms of maps, dropout of channels, losses of pixels,
// elements by index.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using Labels = std::vector<int32_t>;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

constexpr real kSmall = static_cast<real>(1e-5), kLarge = real{0.125};

// Values with another mean than zero, and a weight and a bias.
std::vector<Input> norm_inputs(std::initializer_list<int64_t> x) {
  const Input input = in_range(x, 0.5, 2.5);
  const int64_t channels = input.shape[-1];
  return {input, Input({channels}), Input({channels})};
}

OpRow batch_norm_row() {
  const auto one = [](std::initializer_list<int64_t> x, real epsilon) {
    OpCase c;
    c.inputs = norm_inputs(x);
    c.name = c.inputs[0].shape.text();
    c.call = [epsilon](const Tensors& t) {
      return ops::batch_norm(t[0], t[1], t[2], epsilon, nullptr);
    };
    c.reference = [epsilon](const Arrays& a) {
      return ref::batch_norm(a[0], a[1], a[2], static_cast<double>(epsilon));
    };
    return c;
  };
  OpRow row{"batch_norm", {}, {}, {}};
  row.scale = 1;  // of two values, dx is the difference of almost equal numbers
  row.cases = {one({2, 1}, kLarge),        one({1, 2, 1, 3}, kLarge), one({2, 2, 3, 7}, kSmall),
               one({3, 1, 2, 8}, kSmall),  one({9, 16}, kSmall),      one({2, 3, 3, 17}, kLarge),
               one({1, 5, 1, 33}, kSmall), one({5, 515}, kSmall),  // two blocks of columns
               one({4099, 2}, kSmall)};                            // and of rows
  // Tiles of rows, several blocks in each.
  row.parallel = {one({3, 29, 37, 40}, kSmall), one({40000, 3}, kSmall)};
  row.rejects = {
      {"batch_norm: found x (2, 3) and (4) (4), expected (…, C), C at least 1, and (C) for each",
       [] {
         ops::batch_norm(zeros({2, 3}), zeros({4}), zeros({4}), kSmall, nullptr);
       }},
      {"batch_norm: found x (2, 3) and (3) (1, 3)",
       [] {
         ops::batch_norm(zeros({2, 3}), zeros({3}), zeros({1, 3}), kSmall, nullptr);
       }},
      {"batch_norm: found x (1, 1, 1, 3), expected at least two values of each channel",
       [] {
         ops::batch_norm(zeros({1, 1, 1, 3}), zeros({3}), zeros({3}), kSmall, nullptr);
       }},
      {"batch_norm: found x (2, 0)",
       [] {
         ops::batch_norm(zeros({2, 0}), zeros({0}), zeros({0}), kSmall, nullptr);
       }},
      {"batch_norm: found x ()",
       [] { ops::batch_norm(zeros({}), zeros({1}), zeros({1}), kSmall, nullptr); }}};
  return row;
}

OpRow frozen_norm_row() {
  const auto one = [](std::initializer_list<int64_t> x, real epsilon) {
    OpCase c;
    c.inputs = norm_inputs(x);
    const int64_t channels = c.inputs[0].shape[-1];
    c.inputs.push_back(Input({channels}, false));
    c.inputs.push_back(in_range({channels}, 0.25, 4));
    c.inputs.back().differentiable = false;
    c.name = c.inputs[0].shape.text();
    c.call = [epsilon](const Tensors& t) {
      return ops::frozen_norm(t[0], t[1], t[2], t[3], t[4], epsilon);
    };
    c.reference = [epsilon](const Arrays& a) {
      return ref::frozen_norm(a[0], a[1], a[2], a[3], a[4], static_cast<double>(epsilon));
    };
    return c;
  };
  OpRow row{"frozen_norm", {}, {}, {}};
  row.cases = {one({1}, kLarge), one({2, 2, 3, 7}, 0), one({3, 8}, kSmall), one({2, 3, 17}, kLarge),
               one({5, 515}, kSmall)};
  row.parallel = {one({3, 29, 37, 40}, kSmall)};
  row.rejects = {
      {"frozen_norm: found x (2, 3) and (3) (3) (3) (4)",
       [] {
         ops::frozen_norm(zeros({2, 3}), zeros({3}), zeros({3}), zeros({3}), zeros({4}), kSmall);
       }},
      {"frozen_norm: found x (2, 3) and (3) (3) (2) (3)", [] {
         ops::frozen_norm(zeros({2, 3}), zeros({3}), zeros({3}), zeros({2}), zeros({3}), kSmall);
       }}};
  return row;
}

OpRow group_norm_row() {
  const auto one = [](std::initializer_list<int64_t> x, int64_t groups, real epsilon) {
    OpCase c;
    c.inputs = norm_inputs(x);
    c.name = c.inputs[0].shape.text() + " in " + std::to_string(groups);
    c.call = [=](const Tensors& t) { return ops::group_norm(t[0], t[1], t[2], groups, epsilon); };
    c.reference = [=](const Arrays& a) {
      return ref::group_norm(a[0], a[1], a[2], groups, static_cast<double>(epsilon));
    };
    return c;
  };
  OpRow row{"group_norm", {}, {}, {}};
  row.scale = 1;
  row.cases = {one({1, 1, 1, 3}, 3, kLarge),  // one value a group: y is the bias
               one({2, 2, 3, 6}, 1, kSmall),  one({2, 2, 3, 6}, 3, kSmall),
               one({1, 1, 1, 16}, 2, kSmall), one({3, 1, 2, 8}, 8, kLarge),
               one({2, 3, 1, 34}, 2, kSmall), one({1, 2, 2, 520}, 8, kSmall)};
  row.parallel = {one({3, 29, 37, 40}, 8, kSmall), one({5, 20, 30, 33}, 11, kLarge)};
  row.rejects = {
      {"group_norm: found x (1, 2, 2, 6) and (5) (6), expected (…, C), C at least 1, and (C)",
       [] {
         ops::group_norm(zeros({1, 2, 2, 6}), zeros({5}), zeros({6}), 3, kSmall);
       }},
      {"group_norm: found x (1, 2, 2, 6) and 4 groups, expected (B, H, W, C) and groups that "
       "divide C",
       [] {
         ops::group_norm(zeros({1, 2, 2, 6}), zeros({6}), zeros({6}), 4, kSmall);
       }},
      {"group_norm: found",
       [] {
         ops::group_norm(zeros({1, 2, 2, 6}), zeros({6}), zeros({6}), 0, kSmall);
       }},
      {"group_norm: found",
       [] {
         ops::group_norm(zeros({4, 6}), zeros({6}), zeros({6}), 3, kSmall);
       }},
      {"group_norm: found", [] {
         ops::group_norm(zeros({1, 0, 2, 6}), zeros({6}), zeros({6}), 3, kSmall);
       }}};
  return row;
}

OpRow drop_channels_row() {
  const auto one = [](std::initializer_list<int64_t> x, real rate) {
    const double keep = static_cast<double>(1 - rate);
    return unary(
        Input(x),
        [=](const Tensor& t) {
          return ops::drop_channels(t, rate, {7, 5, 3, 11});
        },
        [=](const Array& a) {
          return ref::drop_channels(a, keep, {7, 5, 3, 11});
        },
        " rate " + std::to_string(rate));
  };
  OpRow row{"drop_channels", {}, {}, {}};
  row.cases = {one({1, 1, 1, 3}, real{0.5}), one({3, 2, 2, 7}, real{0.25}),
               one({2, 1, 3, 17}, static_cast<real>(0.1)), one({2, 2, 1, 16}, 0)};
  row.parallel = {one({2, 41, 30, 33}, real{0.25})};
  row.rejects = {{"drop_channels: found rate 1.0",
                  [] {
                    ops::drop_channels(zeros({1, 1, 1, 3}), 1, {});
                  }},
                 {"drop_channels: found rate -0.5",
                  [] {
                    ops::drop_channels(zeros({1, 1, 1, 3}), real{-0.5}, {});
                  }},
                 {"for (2, 3), expected a rate in [0, 1) and (B, H, W, C)", [] {
                    ops::drop_channels(zeros({2, 3}), real{0.5}, {});
                  }}};
  return row;
}

Labels random_labels(int64_t count, int64_t from, int64_t classes) {
  Labels labels;
  const base::Random random(6, "labels");
  for (int64_t i = 0; i < count; ++i)
    labels.push_back(static_cast<int32_t>(
        from + random.below(static_cast<uint64_t>(i), static_cast<uint32_t>(classes - from))));
  return labels;
}

ops::KeptSamples kept_of(int64_t batch, const Labels& index) { return {index, batch, real{1.25}}; }

OpRow take_samples_row() {
  const auto one = [](std::initializer_list<int64_t> x, const Labels& index) {
    const Input input(x);
    const ops::KeptSamples kept = kept_of(input.shape[0], index);
    return unary(
        input, [kept](const Tensor& t) { return ops::take_samples(t, kept); },
        [index](const Array& a) { return ref::take_samples(a, index); },
        " " + std::to_string(index.size()) + " samples");
  };
  OpRow row{"take_samples", {}, {}, {}};
  row.cases = {one({1, 1}, {0}), one({4, 3}, {0, 2, 3}), one({5, 2, 3, 17}, {1, 4}),
               one({3, 33}, {0, 1, 2}), one({4}, {2})};
  row.parallel = {one({5, 3, 16391}, {0, 1, 4})};
  row.rejects = {{"take_samples: found (3, 2), expected a batch of 4",
                  [] {
                    ops::take_samples(zeros({3, 2}), kept_of(4, {0}));
                  }},
                 {"take_samples: found sample 4, expected one of 4",
                  [] {
                    ops::take_samples(zeros({4, 2}), kept_of(4, {4}));
                  }},
                 {"take_samples: found sample -1",
                  [] {
                    ops::take_samples(zeros({4, 2}), kept_of(4, {-1}));
                  }},
                 {"take_samples: found ()", [] { ops::take_samples(zeros({}), kept_of(1, {0})); }}};
  return row;
}

OpRow add_samples_row() {
  const auto one = [](std::initializer_list<int64_t> x, const Labels& index) {
    OpCase c;
    c.inputs = {Input(x), Input(x)};
    c.inputs[1].shape[0] = std::ssize(index);
    c.name = c.inputs[0].shape.text() + " and " + c.inputs[1].shape.text();
    const ops::KeptSamples kept = kept_of(c.inputs[0].shape[0], index);
    c.call = [kept](const Tensors& t) { return ops::add_samples(t[0], t[1], kept); };
    c.reference = [index](const Arrays& a) { return ref::add_samples(a[0], a[1], index, 1.25); };
    return c;
  };
  OpRow row{"add_samples", {}, {}, {}};
  row.cases = {one({1, 1}, {0}), one({4, 3}, {0, 2, 3}), one({5, 2, 3, 17}, {1, 4}),
               one({3, 33}, {0, 1, 2}), one({4}, {2})};
  row.parallel = {one({5, 3, 16391}, {0, 1, 4})};
  row.rejects = {{"add_samples: found (3, 2), expected a batch of 4",
                  [] {
                    ops::add_samples(zeros({3, 2}), zeros({1, 2}), kept_of(4, {0}));
                  }},
                 {"add_samples: found a branch of (2, 2), expected (1, 2)",
                  [] {
                    ops::add_samples(zeros({4, 2}), zeros({2, 2}), kept_of(4, {0}));
                  }},
                 {"add_samples: found sample 4", [] {
                    ops::add_samples(zeros({4, 2}), zeros({1, 2}), kept_of(4, {4}));
                  }}};
  return row;
}

OpRow take_rows_row() {
  const auto one = [](std::initializer_list<int64_t> x, const Labels& index) {
    return unary(
        Input(x), [index](const Tensor& t) { return ops::take_rows(t, index); },
        [index](const Array& a) { return ref::take_rows(a, index); },
        " " + std::to_string(index.size()) + " rows");
  };
  OpRow row{"take_rows", {}, {}, {}};
  row.cases = {one({1, 1}, {0}), one({4, 3}, {2, 2, 0, 2}), one({3, 17}, {1}),
               one({2, 67}, {1, 0, 1, 0, 0})};
  row.parallel = {one({50, 300}, random_labels(400, 0, 50))};
  row.rejects = {
      {"take_rows: found index 3 for x (3, 2), expected one from 0 to 2",
       [] {
         ops::take_rows(zeros({3, 2}), {0, 3});
       }},
      {"take_rows: found index -1 for x (3, 2)",
       [] {
         ops::take_rows(zeros({3, 2}), {-1});
       }},
      {"take_rows: found x (3), expected (M, C)", [] { ops::take_rows(zeros({3}), {}); }}};
  return row;
}

OpRow take_elements_row() {
  const auto one = [](std::initializer_list<int64_t> x, const Labels& column) {
    return unary(
        Input(x), [column](const Tensor& t) { return ops::take_elements(t, column); },
        [column](const Array& a) { return ref::take_elements(a, column); });
  };
  OpRow row{"take_elements", {}, {}, {}};
  row.cases = {one({1, 1}, {0}), one({4, 3}, {2, 2, 0, 1}), one({2, 17}, {16, 0}),
               one({3, 9}, {8, 3, 3})};
  row.parallel = {one({500, 150}, random_labels(500, 0, 150))};
  row.rejects = {
      {"take_elements: found index 2 for x (3, 2), expected one from 0 to 1",
       [] {
         ops::take_elements(zeros({3, 2}), {0, 2, 1});
       }},
      {"take_elements: found x (3, 2) and 2 columns, expected (M, K) and a column for each row",
       [] {
         ops::take_elements(zeros({3, 2}), {0, 1});
       }},
      {"take_elements: found x (3)", [] {
         ops::take_elements(zeros({3}), {0, 0, 0});
       }}};
  return row;
}

ops::Array<int32_t> array_of(const Labels& labels) { return ops::Array<int32_t>::from(labels); }

OpRow pixel_cross_entropy_row() {
  // Labels from −1 on: some are ignored.
  const auto one = [](std::initializer_list<int64_t> x, bool weighted, real factor, Labels labels) {
    OpCase c;
    c.inputs = {in_range(x, -4, 4)};
    const int64_t classes = c.inputs[0].shape[-1], rows = c.inputs[0].shape.numel() / classes;
    if (labels.empty()) labels = random_labels(rows, -1, classes);
    if (weighted) c.inputs.push_back(in_range({classes}, 0, 2));
    if (weighted) c.inputs[1].differentiable = false;
    c.name = c.inputs[0].shape.text() + (weighted ? " weighted" : "");
    c.call = [=](const Tensors& t) {
      return ops::pixel_cross_entropy(t[0], array_of(labels), weighted ? t[1] : Tensor(), factor);
    };
    c.reference = [=](const Arrays& a) {
      return ref::pixel_cross_entropy(a[0], labels, weighted ? &a[1] : nullptr,
                                      static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"pixel_cross_entropy", {}, {}, {}};
  row.cases = {one({1, 1}, false, 1, {0}),
               one({3}, false, 1, {2}),
               one({4, 7}, false, real{0.25}, {-1, 6, 0, 3}),
               one({2, 2, 3, 8}, true, real{0.125}, {}),
               one({2, 3, 1, 17}, true, real{0.5}, {}),
               one({5, 16}, false, 1, {}),
               one({3, 5}, true, 1, {-1, -1, -1})};  // all ignored: 0
  row.parallel = {one({2, 25, 20, 150}, true, real{0.001}, {}),
                  one({40000, 2}, false, real{0.0001}, {})};
  row.rejects = {
      {"pixel_cross_entropy: found logits (2, 2, 3), 3 labels, expected (…, classes), a label for "
       "each row",
       [] {
         ops::pixel_cross_entropy(zeros({2, 2, 3}), array_of({0, 1, 2}), {}, 1);
       }},
      {"pixel_cross_entropy: found logits (2, 3), 2 labels, class weights (2)",
       [] {
         ops::pixel_cross_entropy(zeros({2, 3}), array_of({0, 1}), zeros({2}), 1);
       }},
      {"pixel_cross_entropy: found label 3 in row 1, expected one from 0 to 2, or −1 for none",
       [] {
         ops::pixel_cross_entropy(zeros({2, 3}), array_of({0, 3}), {}, 1);
       }},
      {"pixel_cross_entropy: found label -2 in row 0",
       [] {
         ops::pixel_cross_entropy(zeros({2, 3}), array_of({-2, 0}), {}, 1);
       }},
      {"pixel_cross_entropy: found logits (2, 0)", [] {
         ops::pixel_cross_entropy(zeros({2, 0}), array_of({0, 0}), {}, 1);
       }}};
  return row;
}

OpRow resized_cross_entropy_row() {
  const auto one = [](std::initializer_list<int64_t> x, ops::Size2 to, bool weighted, real factor,
                      Labels labels) {
    OpCase c;
    c.inputs = {in_range(x, -4, 4)};
    const int64_t classes = c.inputs[0].shape[3];
    if (labels.empty()) labels = random_labels(c.inputs[0].shape[0] * to[0] * to[1], -1, classes);
    if (weighted) c.inputs.push_back(in_range({classes}, 0, 2));
    if (weighted) c.inputs[1].differentiable = false;
    c.name = c.inputs[0].shape.text() + " to " + Shape{to[0], to[1]}.text() +
             (weighted ? " weighted" : "");
    c.call = [=](const Tensors& t) {
      return ops::resized_cross_entropy(t[0], to, array_of(labels), weighted ? t[1] : Tensor(),
                                        factor);
    };
    c.reference = [=](const Arrays& a) {
      return ref::pixel_cross_entropy(ref::resize_bilinear(a[0], to, false), labels,
                                      weighted ? &a[1] : nullptr, static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"resized_cross_entropy", {}, {}, {}};
  row.cases = {one({1, 1, 1, 2}, {3, 2}, false, real{0.25}, {}),
               one({2, 3, 2, 5}, {12, 8}, true, real{0.125}, {}),
               one({1, 2, 3, 17}, {5, 7}, false, real{0.125}, {}),
               one({2, 4, 5, 8}, {4, 5}, true, real{0.125}, {}),     // as large
               one({1, 6, 5, 3}, {4, 2}, false, real{0.125}, {}),    // smaller
               one({1, 17, 1, 2}, {40, 3}, true, real{0.0625}, {}),  // several tiles
               one({1, 1, 2, 3}, {1, 3}, false, 1, {-1, -1, -1})};   // all ignored: 0
  row.parallel = {one({2, 20, 6, 40}, {80, 24}, true, real{0.001}, {})};
  row.rejects = {
      {"resized_cross_entropy: found logits (1, 2, 2, 3) resized to (4, 4), 15 labels, expected "
       "(B, H, W, classes), a label for each pixel of the new size",
       [] {
         ops::resized_cross_entropy(zeros({1, 2, 2, 3}), {4, 4}, array_of(Labels(15)), {}, 1);
       }},
      {"resized_cross_entropy: found logits (1, 2, 2, 3) resized to (4, 4), 16 labels, class "
       "weights (2)",
       [] {
         ops::resized_cross_entropy(zeros({1, 2, 2, 3}), {4, 4}, array_of(Labels(16)), zeros({2}),
                                    1);
       }},
      {"resized_cross_entropy: found label 3 in row 2",
       [] {
         ops::resized_cross_entropy(zeros({1, 1, 1, 3}), {1, 3}, array_of({0, 1, 3}), {}, 1);
       }},
      {"resized_cross_entropy: found logits (2, 3)",
       [] {
         ops::resized_cross_entropy(zeros({2, 3}), {1, 2}, array_of({0, 1}), {}, 1);
       }},
      {"resized_cross_entropy: found logits (1, 0, 2, 3)", [] {
         ops::resized_cross_entropy(zeros({1, 0, 2, 3}), {1, 2}, array_of({0, 1}), {}, 1);
       }}};
  return row;
}

OpRow dice_loss_row() {
  const auto one = [](std::initializer_list<int64_t> x, real factor, Labels labels) {
    OpCase c;
    c.inputs = {in_range(x, -4, 4)};
    const int64_t classes = c.inputs[0].shape[3], rows = c.inputs[0].shape.numel() / classes;
    if (labels.empty()) labels = random_labels(rows, -1, classes);
    c.name = c.inputs[0].shape.text();
    c.call = [=](const Tensors& t) { return ops::dice_loss(t[0], array_of(labels), factor); };
    c.reference = [=](const Arrays& a) {
      return ref::dice_loss(a[0], labels, static_cast<double>(factor));
    };
    return c;
  };
  OpRow row{"dice_loss", {}, {}, {}};
  row.cases = {one({1, 1, 1, 2}, 1, {1}), one({2, 3, 2, 5}, real{0.5}, {}),
               one({3, 1, 4, 8}, real{0.25}, {}), one({1, 9, 8, 17}, 1, {}),
               one({1, 1, 3, 4}, 1, {-1, -1, -1})};  // all ignored: 0
  row.parallel = {one({2, 31, 53, 40}, real{0.5}, {})};
  row.rejects = {{"dice_loss: found logits (1, 2, 2, 3) and 3 labels, expected (B, H, W, classes)",
                  [] {
                    ops::dice_loss(zeros({1, 2, 2, 3}), array_of({0, 0, 0}), 1);
                  }},
                 {"dice_loss: found label 4 in row 2",
                  [] {
                    ops::dice_loss(zeros({1, 2, 2, 3}), array_of({0, 0, 4, 0}), 1);
                  }},
                 {"dice_loss: found logits (2, 3)", [] {
                    ops::dice_loss(zeros({2, 3}), array_of({0, 0}), 1);
                  }}};
  return row;
}

}  // namespace

void append_head_rows(std::vector<OpRow>& table) {
  for (OpRow (*row)() : {batch_norm_row, frozen_norm_row, group_norm_row, drop_channels_row,
                         take_samples_row, add_samples_row, take_rows_row, take_elements_row,
                         pixel_cross_entropy_row, resized_cross_entropy_row, dice_loss_row})
    table.push_back(row());
}

}  // namespace swin::oracle
