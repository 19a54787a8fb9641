#include "weights/generated_weights.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/errors.h"
#include "base/parallel.h"
#include "base/random.h"

namespace swin::weights {

namespace {

constexpr int64_t kTile = 1 << 16;  // elements; a multiple of the four words of a block
constexpr int64_t kMostSamples = 256;

// visit(i, word of element i) for i = 0 … count − 1, in parallel.
template <class Visit>
void for_each_word(uint64_t seed, std::string_view stream, int64_t count, const Visit& visit) {
  const base::Random random(seed, stream);
  base::parallel_ranges(count, kTile, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += 4) {
      const auto words = random.block(static_cast<uint64_t>(first / 4));
      for (int64_t i = first; i < std::min(first + 4, end); ++i)
        visit(i, words[static_cast<size_t>(i - first)]);
    }
  });
}

double centered(uint32_t word) {
  return static_cast<double>(base::Random::to_uniform(word)) * 2 - 1;
}

bool is_any_of(std::string_view leaf, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), leaf) != names.end();
}

}  // namespace

std::vector<float> generated_values(uint64_t seed, std::string_view name,
                                    const autograd::Shape& shape) {
  const int64_t count = shape.numel();
  std::vector<float> values(static_cast<size_t>(count));
  const auto fill = [&](const auto& value_of) {
    for_each_word(seed, name, count, [&](int64_t i, uint32_t word) {
      values[static_cast<size_t>(i)] = static_cast<float>(value_of(centered(word)));
    });
  };
  const std::string_view leaf = name.substr(name.rfind('.') + 1);
  if (is_any_of(leaf, {"relative_position_bias_table", "cls_token", "pos_embed",
                       "absolute_pos_embed", "mask_token"})) {
    fill([](double v) { return v; });
  } else if (leaf == "logit_scale") {
    fill([](double v) { return 2.302585092994046 + 1.5 * v; });
  } else if (shape.rank() == 1) {
    const double center = is_any_of(leaf, {"weight", "running_var"}) ? 1 : 0;
    fill([center](double v) { return center + 0.3 * v; });
  } else {
    const double size = name.find("qkv") != std::string_view::npos ? 2 : 1;
    const double root = std::sqrt(static_cast<double>(count / shape[0]));
    const double root3 = std::sqrt(3.0);
    fill([=](double v) {
      return v * root3 * size / root;
    });  // NOLINT: the same order as generated.py
  }
  return values;
}

void fill_generated(layers::Parameters& parameters, uint64_t seed) {
  const auto fill = [&](layers::Slab& slab) {
    for (size_t i = 0; i < slab.size(); ++i) {
      const std::vector<float> values = generated_values(seed, slab[i].name, slab[i].shape);
      std::copy(values.begin(), values.end(), slab.mutable_data(i));
    }
  };
  fill(parameters);
  fill(parameters.buffers());
}

std::vector<double> generated_numbers(uint64_t seed, std::string_view stream, int64_t count) {
  std::vector<double> numbers(static_cast<size_t>(count));
  for_each_word(seed, stream, count, [&](int64_t i, uint32_t word) {
    numbers[static_cast<size_t>(i)] = centered(word);
  });
  return numbers;
}

std::vector<float> generated_images(uint64_t seed, std::string_view stream, int64_t numel) {
  std::vector<float> values(static_cast<size_t>(numel));
  const double root3 = std::sqrt(3.0);
  for_each_word(seed, stream, numel, [&](int64_t i, uint32_t word) {
    values[static_cast<size_t>(i)] = static_cast<float>(centered(word) * root3);
  });
  return values;
}

std::vector<int64_t> generated_labels(uint64_t seed, std::string_view stream, int64_t count,
                                      int64_t num_classes) {
  std::vector<int64_t> labels(static_cast<size_t>(count));
  for_each_word(seed, stream, count, [&](int64_t i, uint32_t word) {
    labels[static_cast<size_t>(i)] = static_cast<int64_t>(word) % num_classes;
  });
  return labels;
}

std::vector<int64_t> sample_indices(uint64_t seed, const std::string& tensor, int64_t numel) {
  std::vector<int64_t> indices(static_cast<size_t>(std::min(numel, kMostSamples)));
  for_each_word(seed, "sample/" + tensor, static_cast<int64_t>(indices.size()),
                [&](int64_t i, uint32_t word) {
                  indices[static_cast<size_t>(i)] = static_cast<int64_t>(word) % numel;
                });
  return indices;
}

std::optional<uint64_t> generated_seed(const std::string& text) {
  constexpr std::string_view kPrefix = "counted:";
  if (!text.starts_with(kPrefix)) return std::nullopt;
  const char* const begin = text.data() + kPrefix.size();
  const char* const end = text.data() + text.size();
  uint64_t seed = 0;
  const auto [rest, error] = std::from_chars(begin, end, seed);
  if (error != std::errc() || rest != end)
    throw base::UsageError(text, "found no whole number after counted:, expected a seed",
                           "write counted:7, or ./" + text + " for a file of that name");
  return seed;
}

}  // namespace swin::weights
