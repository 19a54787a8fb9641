// The rows of the halves of a block.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::KeptSamples;
using autograd::NormPlace;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
namespace ref = reference;
namespace ops = autograd;

KeptSamples kept_of(int64_t batch, const std::vector<int32_t>& index, real factor) {
  KeptSamples kept;
  kept.index = index, kept.batch = batch, kept.factor = factor;
  return kept;
}
KeptSamples all_of(int64_t batch) {
  KeptSamples kept = kept_of(batch, {}, 1);
  for (int32_t s = 0; s < batch; ++s) kept.index.push_back(s);
  return kept;
}

std::string kept_text(const KeptSamples& kept) {
  if (kept.all()) return kept.factor == 1 ? "" : " all kept by drop path";
  return " kept " + std::to_string(kept.index.size());
}

OpCase mlp(const Input& x, int64_t hidden, NormPlace place, const KeptSamples& kept) {
  const int64_t dim = x.shape[-1];
  OpCase c;
  c.name = x.shape.text() + " hidden " + std::to_string(hidden) +
           (place == NormPlace::before ? " norm before" : " norm after") + kept_text(kept);
  c.inputs = {x,
              in_range({dim}, 0.5, 1.5),
              in_range({dim}, -0.5, 0.5),
              Input({hidden, dim}),
              Input({hidden}),
              Input({dim, hidden}),
              Input({dim})};
  c.call = [=](const Tensors& t) {
    return ops::mlp_residual(t[0], {t[1], t[2], real{0.25}}, {t[3], t[4]}, {t[5], t[6]}, place,
                             kept);
  };
  c.reference = [=](const Arrays& a) {
    const auto norm = [&](const Array& rows) { return ref::layer_norm(rows, a[1], a[2], 0.25); };
    const Array taken = ref::take_samples(a[0], kept.index);
    const Array h =
        ref::gelu(ref::linear(place == NormPlace::before ? norm(taken) : taken, a[3], &a[4]));
    const Array y = ref::linear(h, a[5], &a[6]);
    return ref::add_samples(a[0], place == NormPlace::before ? y : norm(y), kept.index,
                            static_cast<double>(kept.factor));
  };
  return c;
}

OpRow mlp_row() {
  OpRow row{"mlp_residual", {}, {}, {}};
  for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
    const auto add = [&](std::vector<OpCase>& cases, const Input& x, int64_t hidden,
                         const KeptSamples& kept) { cases.push_back(mlp(x, hidden, place, kept)); };
    add(row.cases, {1, 5}, 3, all_of(1));
    add(row.cases, {2, 3, 8}, 16, all_of(2));
    add(row.cases, {3, 2, 2, 9}, 17, kept_of(3, {0, 2}, real{1.25}));
    add(row.cases, {2, 1, 3, 4}, 33, kept_of(2, {}, 2));
    add(row.cases, {2, 5, 6}, 8, kept_of(2, {0, 1}, real{1.25}));
    // Tiles of rows and of columns, sums cut along the tokens; and a few samples of them.
    add(row.parallel, {3, 46, 30, 9}, 24, all_of(3));
    add(row.parallel, {5, 70, 21}, 400, kept_of(5, {1, 2, 4}, 2));
    // Panels of rows and two chunks of the hidden layer.
    add(row.parallel, {4, 1400, 5}, 390, kept_of(4, {0, 1, 3}, real{1.25}));
  }
  const auto call = [](const Shape& x, const Shape& norm, const Shape& fc1, const Shape& fc2,
                       const KeptSamples& kept) {
    return [=] {
      const auto zeros_of = [](const Shape& shape) { return Tensor::filled(shape, 0); };
      ops::mlp_residual(zeros_of(x), {zeros_of(norm), zeros_of(norm), 1}, {zeros_of(fc1), Tensor()},
                        {zeros_of(fc2), zeros_of({7})}, NormPlace::before, kept);
    };
  };
  row.rejects = {
      {"found x (2, 3, 4), a norm of (3) and (3), expected x (B, …, dim)",
       call({2, 3, 4}, {3}, {8, 4}, {4, 8}, all_of(2))},
      {"found x (4)", call({4}, {4}, {8, 4}, {4, 8}, all_of(4))},
      {"found 3 kept samples of a batch of 3 for x (2, 4)",
       call({2, 4}, {4}, {8, 4}, {4, 8}, all_of(3))},
      {"found 2 kept samples of a batch of 2 for x (2, 4), expected indices of the samples of x, "
       "ascending",
       call({2, 4}, {4}, {8, 4}, {4, 8}, kept_of(2, {1, 0}, 1))},
      {"found fc1 (8, 3), expected (8, 4)", call({2, 4}, {4}, {8, 3}, {4, 8}, all_of(2))},
      {"found fc1 (8), expected (hidden, dim)", call({2, 4}, {4}, {8}, {4, 8}, all_of(2))},
      {"found fc2 (4, 7) with bias (7), expected (4, 8)",
       call({2, 4}, {4}, {8, 4}, {4, 7}, all_of(2))},
      {"found fc2 (4, 8) with bias (7), expected (4, 8)",
       call({2, 4}, {4}, {8, 4}, {4, 8}, all_of(2))}};
  return row;
}

OpCase attention(int64_t batch, ops::Size2 map, const ref::Windows& windows, int64_t heads,
                 int64_t head_dim, const KeptSamples& kept, real drop_rate = 0) {
  const int64_t dim = heads * head_dim;
  const auto sides = (2 * windows.window[0] - 1) * (2 * windows.window[1] - 1);
  OpCase c;
  c.inputs = {Input({batch, map[0], map[1], dim}),
              in_range({dim}, 0.5, 1.5),
              in_range({dim}, -0.5, 0.5),
              Input({3 * dim, dim}),
              Input({3 * dim}),
              Input({sides, heads}),
              Input({dim, dim}),
              Input({dim})};
  c.name = c.inputs[0].shape.text() + " heads " + std::to_string(heads) + kept_text(kept);
  c.call = [=](const Tensors& t) {
    return ops::attention_residual(t[0], {t[1], t[2], real{0.25}}, {t[3], t[4]}, t[5], {t[6], t[7]},
                                   layout_of(map, windows),
                                   {heads, real{0.375}, drop_rate, {7, 9, 3, 11}}, kept);
  };
  c.reference = [=](const Arrays& a) {
    if (kept.index.empty()) return a[0];
    const Array normal = ref::layer_norm(ref::take_samples(a[0], kept.index), a[1], a[2], 0.25);
    const Array mixed =
        ref::window_attention(ref::linear(normal, a[3], &a[4]), a[5], windows, heads, 0.375,
                              static_cast<double>(1 - drop_rate), {7, 9, 3, 11});
    return ref::add_samples(a[0], ref::linear(mixed, a[6], &a[7]), kept.index,
                            static_cast<double>(kept.factor));
  };
  return c;
}

OpRow attention_row() {
  OpRow row{"attention_residual", {}, {}, {}};
  const ref::Windows plain = {{2, 2}}, shifted = {{2, 2}, {1, 1}}, oblong = {{2, 3}, {0, 1}};
  row.cases = {attention(1, {2, 2}, plain, 1, 5, all_of(1)),
               attention(2, {4, 2}, shifted, 2, 4, all_of(2)),
               attention(3, {2, 4}, shifted, 1, 9, kept_of(3, {0, 2}, real{1.25})),
               attention(2, {4, 3}, oblong, 2, 3, kept_of(2, {0, 1}, 2)),
               attention(2, {2, 3}, oblong, 1, 6, kept_of(2, {}, 2)),
               attention(3, {2, 2}, plain, 2, 4, kept_of(3, {1, 2}, 2), real{0.25}),
               // The map is padded: nothing attends to the last row and column.
               attention(1, {4, 4}, {{2, 2}, {1, 1}, false, {3, 3}}, 1, 8, all_of(1))};
  row.parallel = {attention(3, {42, 35}, {{7, 7}, {3, 3}}, 2, 5, all_of(3)),
                  attention(4, {42, 35}, {{7, 7}, {3, 3}}, 1, 5, kept_of(4, {0, 2, 3}, 2)),
                  attention(5, {14, 14}, {{7, 7}}, 3, 20, kept_of(5, {0, 2, 3}, real{1.25}))};
  const auto call = [](const Shape& qkv, const Shape& table, const Shape& proj, int64_t heads) {
    return [=] {
      const auto zeros_of = [](const Shape& shape) { return Tensor::filled(shape, 0); };
      ops::attention_residual(zeros_of({2, 2, 2, 4}), {zeros_of({4}), zeros_of({4}), 1},
                              {zeros_of(qkv), Tensor()}, zeros_of(table),
                              {zeros_of(proj), Tensor()}, layout_of({2, 2}, {{2, 2}}),
                              {heads, 1, 0, {}}, all_of(2));
    };
  };
  row.rejects = {
      {"found qkv (8, 4), expected (12, 4)", call({8, 4}, {9, 2}, {4, 4}, 2)},
      {"found proj (4, 3), expected (4, 4)", call({12, 4}, {9, 2}, {4, 3}, 2)},
      {"found qkv (2, 2, 2, 12), 3 heads", call({12, 4}, {9, 3}, {4, 4}, 3)},
      {"found a relative position bias table of (8, 2)", call({12, 4}, {8, 2}, {4, 4}, 2)}};
  return row;
}

}  // namespace

void append_residual_rows(std::vector<OpRow>& table) {
  table.push_back(mlp_row());
  table.push_back(attention_row());
}

}  // namespace swin::oracle
