// Weight files made from models, and short forms of what the tests of adapt_weights check.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/errors.h"
#include "tests/layers/model_support.h"
#include "weights/adapt.h"

namespace swin::weights {

using namespace swin::layers;

using Action = AdaptedTensor::Action;
using files::NamedArray;

inline NamedArray owned(const std::string& name, std::vector<int64_t> shape,
                        std::vector<float> values) {
  const auto memory = std::make_shared<std::vector<float>>(std::move(values));
  NamedArray array = NamedArray::of(name, std::move(shape), *memory);
  array.owner = memory;
  return array;
}

inline std::vector<float> values_of(const ParameterEntry& entry, const Parameters& parameters) {
  const real* data = parameters.slab() + entry.offset;
  return {data, data + entry.numel()};
}

/// The parameters of a model as a file in official names.
inline WeightFile file_of(const Model& model) {
  WeightFile file;
  file.where = "weights.pth";
  file.format = "pth (zip)";
  file.model = model.config().name;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    file.arrays.push_back(
        owned(entry.name, entry.shape.dims(), values_of(entry, model.parameters())));
  }
  return file;
}

inline NamedArray& array_of(WeightFile& file, const std::string& name) {
  for (NamedArray& array : file.arrays)
    if (array.name == name) return array;
  throw std::runtime_error("no " + name);
}

inline void remove(WeightFile& file, const std::string& name) {
  std::erase_if(file.arrays, [&](const NamedArray& array) { return array.name == name; });
}

inline std::vector<float> parameter(const Model& model, const std::string& name) {
  return values_of(*model.parameters().find(name), model.parameters());
}

inline AdaptReport adapt(Model& model, const WeightFile& file, const AdaptOptions& options = {},
                         const std::optional<ModelConfig>& source = std::nullopt) {
  return adapt_weights(model.parameters(), model.config(), file, source, options);
}

/// Of a test's own struct of a model's `parameters` and `config`.
template <class Built>
AdaptReport adapt(Built& to, const WeightFile& file, const AdaptOptions& options = {},
                  const std::optional<ModelConfig>& source = std::nullopt) {
  return adapt_weights(to.parameters, to.config, file, source, options);
}

inline std::vector<float> array_values(WeightFile file, const std::string& name) {
  const NamedArray& array = array_of(file, name);
  std::vector<float> values(static_cast<size_t>(array.num_elements()));
  files::read_float32(array, "test", values);
  return values;
}

inline std::set<std::string> names_of(const AdaptReport& report, Action action) {
  std::set<std::string> names;
  for (const AdaptedTensor& tensor : report.tensors)
    if (tensor.action == action) names.insert(tensor.name);
  return names;
}

inline AdaptedTensor row(const AdaptReport& report, const std::string& name) {
  for (const AdaptedTensor& tensor : report.tensors)
    if (tensor.name == name) return tensor;
  ADD_FAILURE() << "no row of " << name;
  return {};
}

template <class Expected>
std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Expected& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

inline ModelConfig square_config(int64_t image = 32, int64_t window = 4) {
  ModelConfig config = micro_config();
  config.image_size = {image, image};
  config.window_size = {window, window};
  return config;
}

class AdaptTest : public LayersTest {};

}  // namespace swin::weights
