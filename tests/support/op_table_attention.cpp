// The rows of attention ops: window_attention with all kinds of windows, and its parts.
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::AttentionOptions;
using reference::Windows;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;
using Size2 = autograd::Size2;
namespace ref = reference;
namespace ops = autograd;

OpCase attention(const std::string& name, int64_t batch, Size2 map, const Windows& g, int64_t heads,
                 int64_t dim, real drop_rate = 0) {
  OpCase c;
  c.name = name + " map " + Shape{map[0], map[1]}.text() + " window " +
           Shape{g.window[0], g.window[1]}.text() + " heads " + std::to_string(heads) + " dim " +
           std::to_string(dim);
  Input qkv({batch, map[0], map[1], 3 * heads * dim}),
      table({(2 * g.window[0] - 1) * (2 * g.window[1] - 1), heads});
  qkv.low = -1.5, qkv.high = 1.5;
  c.inputs = {qkv, table};
  c.call = [=](const Tensors& t) {
    AttentionOptions options;
    options.num_heads = heads;
    options.scale = real{0.375};
    options.drop_rate = drop_rate;
    options.draw = {7, 9, 3, 11};
    return ops::window_attention(t[0], t[1], layout_of(map, g), options);
  };
  c.reference = [=](const Arrays& a) {
    return ref::window_attention(a[0], a[1], g, heads, 0.375, static_cast<double>(1 - drop_rate),
                                 {7, 9, 3, 11});
  };
  return c;
}

OpRow attention_row() {
  OpRow row{"window_attention", {}, {}, {}};
  row.cases = {
      attention("plain", 1, {1, 1}, {{1, 1}}, 1, 8),
      attention("plain", 2, {2, 2}, {{1, 1}}, 2, 3),
      attention("plain", 2, {4, 2}, {{2, 2}}, 1, 8),
      attention("plain", 1, {4, 4}, {{4, 4}}, 2, 16),
      attention("plain", 1, {7, 7}, {{7, 7}}, 1, 20),
      attention("shifted", 2, {4, 4}, {{2, 2}, {1, 1}}, 2, 5),
      attention("shifted", 1, {8, 8}, {{4, 4}, {2, 2}}, 1, 16),
      attention("shifted", 1, {14, 7}, {{7, 7}, {3, 0}}, 1, 8),
      attention("shifted one axis", 1, {4, 6}, {{2, 3}, {0, 1}}, 2, 8),
      attention("oblong", 1, {6, 6}, {{2, 3}, {1, 2}}, 3, 4),
      attention("rolled", 1, {8, 4}, {{4, 4}, {2, 2}, true}, 1, 8),
      attention("masked", 1, {4, 6}, {{2, 3}, {0, 0}, false, {3, 5}}, 2, 8),
      attention("masked, shifted", 2, {8, 8}, {{4, 4}, {2, 2}, false, {7, 6}}, 1, 8),
      attention("masked, rolled", 1, {8, 8}, {{4, 4}, {2, 2}, true, {5, 8}}, 1, 8),
      attention("only padding in a window", 1, {4, 4}, {{2, 2}, {0, 0}, false, {2, 3}}, 1, 8),
      attention("dropout", 2, {4, 4}, {{4, 4}}, 2, 8, real{0.25}),
      attention("dropout, shifted", 1, {8, 4}, {{4, 4}, {2, 2}}, 2, 4, static_cast<real>(0.1)),
      attention("area 64", 1, {8, 8}, {{8, 8}}, 1, 16),
      attention("area 81", 1, {9, 9}, {{9, 9}}, 2, 8),
      attention("area 81, dropout, shifted", 1, {9, 18}, {{9, 9}, {0, 4}}, 1, 4, real{0.5}),
      attention("area 144", 1, {12, 12}, {{12, 12}}, 1, 32),
      attention("area 256", 1, {16, 16}, {{16, 16}}, 2, 4),
      attention("area 256, shifted", 1, {16, 32}, {{16, 16}, {0, 8}}, 1, 8),
      attention("area 576", 1, {24, 24}, {{24, 24}}, 1, 4),
      attention("many heads", 2, {4, 4}, {{2, 2}, {1, 1}}, 24, 2)};
  row.parallel = {
      attention("threads", 2, {21, 28}, {{7, 7}, {3, 3}}, 3, 20, real{0.25}),
      attention("several windows a tile", 5, {12, 12}, {{4, 4}, {2, 2}, false, {11, 10}}, 2, 16),
      attention("odd groups", 3, {10, 6}, {{2, 2}, {1, 1}}, 5, 8)};
  const auto call = [](const Shape& qkv, int64_t positions, Size2 map, const Windows& w,
                       int64_t heads = 1) {
    return [=] {
      ops::window_attention(Tensor::filled(qkv, 0), zeros({positions, 1}), layout_of(map, w),
                            {heads, 1, 0, {}});
    };
  };
  const Size2 four = {4, 4};
  const Windows two = {{2, 2}};
  row.rejects = {
      {"window_attention: found qkv (1, 4, 4, 7), 1 heads, a padded map of (4, 4), windows of (2, "
       "2)",
       call({1, 4, 4, 7}, 9, four, two)},
      {"the window dividing H and W", call({1, 5, 4, 6}, 9, {5, 4}, two)},
      {"the window dividing H and W", call({1, 4, 5, 6}, 9, {4, 5}, two)},
      {"expected (B, H, W, 3 · heads · head_dim), H × W the padded map",
       call({1, 6, 4, 6}, 9, four, two)},
      {"expected (B, H, W, 3 · heads · head_dim), H × W the padded map",
       call({1, 4, 6, 6}, 9, four, two)},
      {"0 heads", call({1, 4, 4, 6}, 9, four, two, 0)},
      {"found qkv (4, 4, 6)", call({4, 4, 6}, 9, four, two)},
      {"windows of (0, 2)", call({1, 4, 4, 6}, 9, four, {{0, 2}})},
      {"found a shift outside the window, expected 0 ≤ shift < window",
       call({1, 4, 4, 6}, 9, four, {{2, 2}, {2, 0}})},
      {"found a shift outside the window", call({1, 4, 4, 6}, 9, four, {{2, 2}, {0, -1}})},
      {"found a relative position bias table of (8, 1), expected (9, 1)",
       call({1, 4, 4, 6}, 8, four, two)}};
  return row;
}

OpRow global_row() {
  const auto one = [](int64_t batch, int64_t tokens, int64_t heads, int64_t dim,
                      real drop_rate = 0) {
    OpCase c;
    Input qkv({batch, tokens, 3 * heads * dim});
    qkv.low = -1.5, qkv.high = 1.5;
    c.name = qkv.shape.text() + " heads " + std::to_string(heads) + (drop_rate > 0 ? " drop" : "");
    c.inputs = {qkv};
    c.call = [=](const Tensors& t) {
      return ops::attention(t[0], {heads, real{0.375}, drop_rate, {7, 9, 3, 11}});
    };
    c.reference = [=](const Arrays& a) {
      return ref::attention(a[0], heads, 0.375, static_cast<double>(1 - drop_rate), {7, 9, 3, 11});
    };
    return c;
  };
  OpRow row{"attention", {}, {}, {}};
  row.cases = {one(1, 1, 1, 8),  one(2, 5, 2, 3),   one(1, 16, 1, 16), one(3, 17, 2, 8, real{0.25}),
               one(1, 65, 2, 4), one(1, 197, 1, 20)};
  row.parallel = {one(2, 70, 3, 20, real{0.25}), one(5, 33, 2, 16)};
  row.rejects = {
      {"attention: found qkv (2, 3, 7) and 1 heads, expected (B, N, 3 · heads · head_dim)",
       [] {
         ops::attention(zeros({2, 3, 7}), {1, 1, 0, {}});
       }},
      {"attention: found qkv (2, 3, 6) and 0 heads",
       [] {
         ops::attention(zeros({2, 3, 6}), {0, 1, 0, {}});
       }},
      {"attention: found qkv (1, 2, 3, 6)", [] {
         ops::attention(zeros({1, 2, 3, 6}), {1, 1, 0, {}});
       }}};
  return row;
}

OpRow cosine_row() {
  const auto one = [](std::initializer_list<int64_t> leading, int64_t heads, int64_t dim,
                      double low, double high) {
    OpCase c;
    Input qkv(leading), scales({heads, 1, 1});
    qkv.shape.push_back(3 * heads * dim);
    scales.low = low, scales.high = high;
    c.name = qkv.shape.text() + " heads " + std::to_string(heads) + " scale below " +
             std::to_string(high);
    c.inputs = {qkv, scales};
    c.call = [heads](const Tensors& t) { return ops::cosine_qkv(t[0], t[1], heads); };
    c.reference = [](const Arrays& a) { return ref::cosine_qkv(a[0], a[1]); };
    return c;
  };
  OpRow row{"cosine_qkv", {}, {}, {}};
  row.cases = {one({}, 1, 2, 0, 1),           one({1}, 1, 8, 2, 3),
               one({2, 3}, 2, 5, -1, 1),      one({1, 2, 3}, 3, 16, 1, 2),
               one({2, 2, 2}, 2, 17, 4, 5.2), one({2, 2}, 3, 33, 4.7, 6),
               one({3}, 2, 32, -3, 0)};
  row.parallel = {one({2, 20, 21}, 3, 20, 4, 5.2), one({5, 100}, 2, 16, 0, 2)};
  row.rejects = {
      {"cosine_qkv: found qkv (2, 7), logit_scale (1) and 1 heads, expected (…, 3 · heads · "
       "head_dim) and one element per head",
       [] {
         ops::cosine_qkv(zeros({2, 7}), zeros({1}), 1);
       }},
      {"cosine_qkv: found",
       [] {
         ops::cosine_qkv(zeros({2, 12}), zeros({1}), 2);
       }},
      {"cosine_qkv: found",
       [] {
         ops::cosine_qkv(zeros({2, 6}), zeros({0}), 0);
       }},
      {"cosine_qkv: found qkv (2, 0)",
       [] {
         ops::cosine_qkv(zeros({2, 0}), zeros({1}), 1);
       }},
      {"cosine_qkv: found qkv ()", [] { ops::cosine_qkv(zeros({}), zeros({1}), 1); }}};
  return row;
}

OpRow bias_row() {
  const auto one = [](Size2 window, int64_t heads) {
    OpCase c;
    c.inputs = {Input({(2 * window[0] - 1) * (2 * window[1] - 1), heads})};
    c.name = c.inputs[0].shape.text() + " window " + Shape{window[0], window[1]}.text();
    c.call = [window](const Tensors& t) { return ops::relative_position_bias(t[0], window); };
    c.reference = [window](const Arrays& a) { return ref::relative_position_bias(a[0], window); };
    return c;
  };
  OpRow row{"relative_position_bias", {}, {}, {}};
  row.cases = {one({1, 1}, 1), one({2, 2}, 3), one({2, 3}, 2), one({3, 1}, 5), one({4, 4}, 17)};
  row.parallel = {one({12, 12}, 6)};
  row.rejects = {{"relative_position_bias: found (9), expected (positions, heads)",
                  [] {
                    ops::relative_position_bias(zeros({9}), {2, 2});
                  }},
                 {"found a relative position bias table of (8, 2), expected (9, 2)", [] {
                    ops::relative_position_bias(zeros({8, 2}), {2, 2});
                  }}};
  return row;
}

OpRow mask_row() {
  const auto one = [](const std::string& name, Size2 map, const Windows& g) {
    OpCase c;
    c.name = name;
    c.call = [=](const Tensors&) { return ops::attention_mask(layout_of(map, g)); };
    c.reference = [=](const Arrays&) { return ref::attention_mask(map, g); };
    return c;
  };
  OpRow row{"attention_mask", {}, {}, {}};
  row.cases = {one("none", {4, 4}, {{2, 2}}),
               one("shifted", {4, 4}, {{2, 2}, {1, 1}}),
               one("one axis", {6, 4}, {{3, 2}, {0, 1}}),
               one("one window", {4, 4}, {{4, 4}, {2, 1}}),
               one("rolled", {8, 4}, {{4, 4}, {2, 2}, true}),
               one("padded", {4, 6}, {{2, 3}, {0, 0}, false, {3, 5}}),
               one("padded, shifted", {8, 8}, {{4, 4}, {1, 3}, false, {7, 6}}),
               one("padded rows, rolled", {8, 8}, {{4, 4}, {2, 2}, true, {7, 8}}),
               one("all valid", {4, 4}, {{2, 2}, {0, 0}, false, {4, 4}}),
               one("large", {28, 21}, {{7, 7}, {3, 3}})};
  return row;
}

}  // namespace

void append_attention_rows(std::vector<OpRow>& table) {
  table.push_back(attention_row());
  table.push_back(global_row());
  table.push_back(cosine_row());
  table.push_back(bias_row());
  table.push_back(mask_row());
}

}  // namespace swin::oracle
