// Files of other libraries for the tests of dialects. dialect_keys/ has the names and shapes in the
// files of each library's models; scripts/reference/check_dialects.py --keys and
// check_segmenters.py
// --keys write them with the libraries themselves.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "tests/support/places.h"
#include "weights/dialects.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_rows.h"
#include "weights/load_weights.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;

using files::NamedArray;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

inline const std::string kKeys = swin::test::source_dir() + "/tests/weights/dialect_keys/";

inline NamedArray floats(const std::string& name, std::vector<int64_t> shape,
                         std::vector<float> values) {
  auto kept = std::make_shared<std::vector<float>>(std::move(values));
  NamedArray array = NamedArray::of(name, std::move(shape), std::span<const float>(*kept));
  array.owner = std::move(kept);
  return array;
}

inline std::vector<float> values_of(const NamedArray& array) {
  std::vector<float> values(static_cast<size_t>(array.num_elements()));
  files::read_float32(array, "test", values);
  return values;
}

// A relative_position_index of square windows.
inline NamedArray index_of_windows(const std::string& name, std::vector<int64_t> shape) {
  const auto pairs = static_cast<double>(*files::num_elements_of(shape));
  const int64_t side = std::llround(std::sqrt(std::sqrt(pairs)));
  auto kept = std::make_shared<std::vector<int64_t>>(relative_position_index({side, side}));
  NamedArray array = NamedArray::of(name, std::move(shape), std::span<const int64_t>(*kept));
  array.owner = std::move(kept);
  return array;
}

// Arrays in which all values differ, so that no element can be mistaken for another.
class DistinctValues {
 public:
  NamedArray make(const std::string& name, const std::vector<int64_t>& shape) {
    std::vector<float> values(static_cast<size_t>(*files::num_elements_of(shape)));
    for (float& value : values) value = static_cast<float>(next_++) * 0x1p-10f;
    return floats(name, shape, std::move(values));
  }

 private:
  int64_t next_ = 1;
};

inline std::vector<NamedArray> read_keys(const std::string& file) {
  std::ifstream lines(kKeys + file + ".txt");
  EXPECT_TRUE(lines) << file;
  std::vector<NamedArray> arrays;
  DistinctValues values;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, dims;
    words >> name >> dims;
    std::vector<int64_t> shape;
    std::istringstream items(dims);
    if (dims != "scalar")
      for (std::string dim; std::getline(items, dim, ',');) shape.push_back(std::stoll(dim));
    if (name.ends_with("num_batches_tracked")) {
      arrays.push_back(owned<int64_t>(name, {}, {0}));
      continue;
    }
    if (name.ends_with("relative_position_index")) {
      arrays.push_back(index_of_windows(name, shape));
      continue;
    }
    if (name.ends_with("relative_coords_table")) {
      const Size2 window = {(shape[1] + 1) / 2, (shape[2] + 1) / 2};
      arrays.push_back(floats(name, shape, relative_coords_table(window, 0)));
      continue;
    }
    arrays.push_back(values.make(name, shape));
    // In torchvision's Swin V2 the bias of the keys is zero.
    if (file == "torchvision_swin_v2" && name.ends_with("attn.qkv.bias")) {
      std::vector<float> bias = values_of(arrays.back());
      const auto third = static_cast<std::ptrdiff_t>(bias.size() / 3);
      std::fill(bias.begin() + third, bias.begin() + 2 * third, 0.0f);
      arrays.back() = floats(name, shape, bias);
    }
  }
  EXPECT_FALSE(arrays.empty()) << file;
  return arrays;
}

// The models of check_dialects.py.
inline ModelConfig config_of(const std::string& model) {
  ModelConfig config;
  config.name = model;
  config.num_classes = 5;
  if (model == "upernet") {  // check_segmenters.py
    config.name = "swin";
    config.image_size = {64, 64};
    config.patch_size = 2;
    config.embed_dim = 8;
    config.depths = {1, 2, 1, 1};
    config.num_heads = {1, 1, 2, 2};
    config.window_size = {3, 3};
    config.window_shrink = layers::WindowShrink::always_shift;
    return config;
  }
  if (model == "vit") {
    config.image_size = {32, 32};
    config.patch_size = 8;
    config.embed_dim = 64;
    config.depths = {2};
    config.num_heads = {1};
    config.mlp_ratio = 2;
    return config;
  }
  config.image_size = {24, 24};
  config.patch_size = 2;
  config.embed_dim = 8;
  config.depths = {2, 2};
  config.num_heads = {1, 2};
  config.window_size = {3, 3};
  return config;
}

inline std::map<std::string, std::string> shapes_of(std::span<const NamedArray> arrays) {
  std::map<std::string, std::string> shapes;
  for (const NamedArray& array : arrays)
    EXPECT_TRUE(shapes
                    .emplace(array.name,
                             std::string(files::name_of(array.dtype)) + files::to_text(array.shape))
                    .second)
        << array.name << " twice";
  return shapes;
}

// Name → type, shape and bits, without derived tables.
inline std::map<std::string, std::string> bits_of(std::span<const NamedArray> arrays) {
  std::map<std::string, std::string> bits;
  for (const NamedArray& array : arrays) {
    if (is_derived_table(array.name)) continue;
    bits[array.name] =
        files::name_of(array.dtype) + files::to_text(array.shape) +
        std::string(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  }
  return bits;
}

inline std::vector<std::string> keys_of(std::span<const NamedArray> arrays) {
  std::vector<std::string> keys;
  for (const NamedArray& array : arrays) keys.push_back(array.name);
  std::sort(keys.begin(), keys.end());
  return keys;
}

template <class Error>
std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline NamedArray& at(std::vector<NamedArray>& arrays, std::string_view name) {
  for (NamedArray& array : arrays)
    if (array.name == name) return array;
  throw std::runtime_error("no " + std::string(name));
}

inline void remove(std::vector<NamedArray>& arrays, std::string_view part) {
  std::erase_if(
      arrays, [&](const NamedArray& array) { return array.name.find(part) != std::string::npos; });
}

inline std::string read_error(const std::vector<NamedArray>& arrays) {
  return error_of<base::WeightError>([&] { to_official(arrays, "file"); });
}

inline std::vector<std::string> missing_in(const std::vector<NamedArray>& arrays) {
  std::vector<std::string> keys;
  for (const WeightFile::Missing& missing : to_official(arrays, "file").missing)
    keys.push_back(missing.key);
  return keys;
}

}  // namespace swin::weights
