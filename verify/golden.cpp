#include "verify/golden.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <string_view>

#include "base/errors.h"
#include "base/json.h"
#include "weights/generated_weights.h"

namespace swin::verify {

using autograd::Shape;
using autograd::Tensor;
using files::NamedArray;

namespace {

constexpr std::string_view kSample = "sample.", kLargest = "max.";
constexpr double kMostElements = 1 << 30;  // of a generated input

using files::to_text;

std::vector<double> values_of(const NamedArray& array, const std::string& where) {
  std::vector<double> values(static_cast<size_t>(array.num_elements()));
  files::read_float64(array, where, values);
  return values;
}

// The largest absolute difference between two lists; infinite if a value is not finite.
double distance(std::span<const double> values, std::span<const double> expected) {
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(values[i] - expected[i]);
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

// The largest absolute value; infinite if a value is NaN.
template <class T>
double largest_of(std::span<const T> values) {
  double largest = 0;
  for (const T value : values) {
    if (std::isnan(value)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  return largest;
}

}  // namespace

GoldenFile::GoldenFile(const std::string& path) : file_(path) {
  std::map<std::string, GoldenTensor> by_name;
  for (const NamedArray& array : file_.arrays()) {
    if (array.name == "input" || array.name == "target") continue;
    if (array.name.starts_with(kSample))
      by_name[array.name.substr(kSample.size())].sample = &array;
    else if (array.name.starts_with(kLargest))
      by_name[array.name.substr(kLargest.size())].largest = &array;
    else
      by_name[array.name].whole = &array;
  }
  read_metadata();
  for (auto& [name, tensor] : by_name) {
    tensor.name = name;
    if ((tensor.sample == nullptr) != (tensor.largest == nullptr))
      throw base::WeightError(
          where(), "found only " + std::string(tensor.sample ? kSample : kLargest) + name +
                       ", expected sample." + name + " and max." + name + " together");
    if (tensor.sample && !seed_)
      throw base::WeightError(
          where(), "found sample." + name + " and no seed, expected `seed` in the metadata `swin`");
    tensors_.push_back(tensor);
  }
}

void GoldenFile::read_metadata() {
  for (const auto& [key, value] : file_.metadata()) {
    if (key != "swin") continue;
    const auto refuse = [&](const std::string& expected) {
      throw base::WeightError(where(), "found malformed metadata `swin`, expected " + expected);
    };
    base::Json json;
    try {
      json = base::parse_json(value, where());
    } catch (const base::JsonSyntaxError& error) {
      refuse("JSON: " + error.what);
    }
    if (!json.is_object()) refuse("an object");
    if (const base::Json* seed = json.find("seed")) {
      if (!seed->is_integer() || seed->as_int() < 0) refuse("a whole number as `seed`");
      seed_ = static_cast<uint64_t>(seed->as_int());
    }
    if (const base::Json* training = json.find("training")) {
      if (!training->is_boolean()) refuse("true or false as `training`");
      training_ = training->as_bool();
    }
    if (const base::Json* weights = json.find("weights")) {
      if (!weights->is_string()) refuse("a string as `weights`");
      weights_ = weights->as_string();
    }
    if (const base::Json* shape = json.find("image_shape")) {
      if (!shape->is_array() || shape->size() != 4) refuse("four dims as `image_shape`");
      for (const base::Json& dim : shape->items()) {
        if (!dim.is_integer() || dim.as_int() < 1 || dim.as_int() > 100'000)
          refuse("dims of 1 … 100000 as `image_shape`");
        image_shape_.push_back(dim.as_int());
      }
      double elements = 1;
      for (const int64_t dim : image_shape_) elements *= static_cast<double>(dim);
      if (elements > kMostElements) refuse("at most 2³⁰ elements as `image_shape`");
    }
  }
}

const GoldenTensor* GoldenFile::find(const std::string& name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const GoldenTensor& tensor, const auto& n) { return tensor.name < n; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

Tensor GoldenFile::images() const {
  std::vector<int64_t> shape = image_shape_;
  std::vector<float> planes;
  if (const NamedArray* input = file_.find("input")) {
    shape = input->shape;
    if (shape.size() != 4 || *std::min_element(shape.begin(), shape.end()) < 1)
      throw base::WeightError(where(), "found input " + to_text(shape) + ", expected (B, C, H, W)");
    planes.resize(static_cast<size_t>(input->num_elements()));
    files::read_float32(*input, where(), planes);
  } else if (!shape.empty() && seed_) {
    planes = weights::generated_images(*seed_, "input", shape[0] * shape[1] * shape[2] * shape[3]);
  } else {
    throw base::WeightError(where(), "found no input, expected input (B, C, H, W)");
  }
  const int64_t batch = shape[0], channels = shape[1], area = shape[2] * shape[3];
  Tensor images({batch, shape[2], shape[3], channels});
  const float* from = planes.data();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < area; ++i)
        images.mutable_data()[(b * area + i) * channels + c] = *from++;
  return images;
}

Tensor GoldenFile::target(const Shape& logits) const {
  const NamedArray& target = file_.at("target");
  const int64_t batch = logits[0], classes = logits[1];
  Tensor rows = Tensor::filled(logits, 0);
  if (target.shape == std::vector<int64_t>{batch}) {
    std::vector<int64_t> labels(static_cast<size_t>(batch));
    files::read_int64(target, where(), labels);
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t label = labels[static_cast<size_t>(b)];
      if (label < 0 || label >= classes)
        throw base::WeightError(where(), "found target " + std::to_string(label) + " of image " +
                                             std::to_string(b) + ", expected 0 … " +
                                             std::to_string(classes - 1));
      rows.mutable_data()[b * classes + label] = 1;
    }
  } else if (target.shape == logits.dims()) {
    std::vector<float> values(static_cast<size_t>(logits.numel()));
    files::read_float32(target, where(), values);
    std::copy(values.begin(), values.end(), rows.mutable_data());
  } else {
    throw base::WeightError(where(), "found target " + to_text(target.shape) + ", expected (" +
                                         std::to_string(batch) + ") or " + logits.text());
  }
  return rows;
}

std::vector<data::LabelMap> GoldenFile::label_maps(const base::Size2& size, int64_t count) const {
  constexpr int64_t kIgnored = 255;
  const NamedArray& target = file_.at("target");
  const std::vector<int64_t> expected = {count, size[0], size[1]};
  if (target.shape != expected)
    throw base::WeightError(where(), "found target " + to_text(target.shape) + ", expected " +
                                         to_text(expected) + ", the class of every pixel");
  std::vector<int64_t> labels(static_cast<size_t>(target.num_elements()));
  files::read_int64(target, where(), labels);
  std::vector<data::LabelMap> maps(static_cast<size_t>(count), {size[0], size[1], {}});
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] > kIgnored)
      throw base::WeightError(where(), "found target " + std::to_string(labels[i]) +
                                           ", expected a class of 0 … 254, or 255 where ignored");
    maps[i / static_cast<size_t>(size[0] * size[1])].classes.push_back(
        labels[i] == kIgnored ? data::LabelMap::kIgnored : static_cast<uint16_t>(labels[i]));
  }
  return maps;
}

TensorError GoldenFile::compare(const GoldenTensor& golden, const Shape& shape, const real* values,
                                double tolerance) const {
  const std::span<const real> all(values, static_cast<size_t>(shape.numel()));
  TensorError error{golden.name, 0, 0, tolerance, false};
  double scale = 0;
  const auto refuse = [&](const std::string& name, const NamedArray& array, const std::string& e) {
    throw base::WeightError(
        where(), "found " + name + " with shape " + to_text(array.shape) + ", expected " + e,
        "the golden belongs to another model or input");
  };
  if (golden.whole) {
    // A loss may be a scalar or have one element.
    if (golden.whole->shape != shape.dims() &&
        !(shape.numel() == 1 && golden.whole->num_elements() == 1))
      refuse(golden.name, *golden.whole, shape.text());
    const std::vector<double> expected = values_of(*golden.whole, where());
    const std::vector<double> found(all.begin(), all.end());
    error.max_abs_error = distance(found, expected);
    scale = largest_of(std::span<const double>(expected));
  }
  if (golden.sample) {
    const auto indices = weights::sample_indices(*seed_, golden.name, shape.numel());
    if (golden.sample->num_elements() != static_cast<int64_t>(indices.size()))
      refuse(golden.sample->name, *golden.sample, "(" + std::to_string(indices.size()) + ")");
    if (golden.largest->num_elements() != 1) refuse(golden.largest->name, *golden.largest, "()");
    std::vector<double> found;
    for (const int64_t i : indices) found.push_back(all[static_cast<size_t>(i)]);
    const double largest = values_of(*golden.largest, where())[0];
    const double of_samples = distance(found, values_of(*golden.sample, where()));
    const double of_largest = std::abs(largest_of(all) - largest);
    error.max_abs_error = std::max(
        {error.max_abs_error, of_samples,
         std::isfinite(of_largest) ? of_largest : std::numeric_limits<double>::infinity()});
    scale = std::max(scale, largest);
  }
  error.max_rel_error = scale > 0 && std::isfinite(error.max_abs_error)
                            ? error.max_abs_error / scale
                            : error.max_abs_error;
  error.passed = error.max_rel_error <= tolerance;
  return error;
}

}  // namespace swin::verify
