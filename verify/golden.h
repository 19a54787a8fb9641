// Golden files: the results of another program for an input.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/tensor/tensor.h"
#include "data/annotation.h"
#include "files/safetensors.h"

namespace swin::verify {

/// For logits, features and loss, and for gradients; relative to the largest absolute value of the
/// tensor.
inline constexpr double kForwardTolerance = 2e-5, kGradientTolerance = 1e-4;

/// How far one tensor is from the golden's.
struct TensorError {
  std::string name;          ///< in the golden file
  double max_abs_error = 0;  ///< infinite if a value is not finite
  /// max_abs_error divided by the largest absolute value of the golden's tensor.
  double max_rel_error = 0;
  double tolerance = 0;  ///< of max_rel_error
  bool passed = false;
};

/// A tensor in a golden file: whole, or sampled elements of it (`sample.<name>`) with the largest
/// absolute value of the whole tensor (`max.<name>`).
struct GoldenTensor {
  std::string name;
  const files::NamedArray *whole = nullptr, *sample = nullptr, *largest = nullptr;
};

/// A .safetensors file with `input` (B, C, H, W), optionally `target` ((B) integers or (B, classes)
/// float32), and tensors to compare with. `__metadata__.swin`, a JSON object, may have `seed` (an
/// integer from which the sampled indices follow), `weights` (what the golden was computed with,
/// such as "counted:7"), `image_shape` (the input is generated and not in the file) and `training`
/// (true: the results of a training step).
class GoldenFile {
 public:
  /// @throws base::WeightError if the file is missing or damaged, or its samples are incomplete.
  explicit GoldenFile(const std::string& path);

  const std::string& where() const { return file_.where(); }
  const files::SafetensorsFile& file() const { return file_; }
  /// Sorted by name; without `input` and `target`.
  const std::vector<GoldenTensor>& tensors() const { return tensors_; }
  const GoldenTensor* find(const std::string& name) const;  ///< null if absent
  const std::optional<std::string>& weights() const { return weights_; }
  const std::optional<uint64_t>& seed() const { return seed_; }
  /// Whether the results are those of a training step: of batch norm by the batch's statistics.
  bool training() const { return training_; }
  bool has_target() const { return file_.find("target") != nullptr; }

  /// The input as (B, H, W, C).
  autograd::Tensor images() const;
  /// The target as rows of probabilities (B, classes); integers become one-hot.
  autograd::Tensor target(const autograd::Shape& logits) const;
  /// The target as `count` label maps; 255 becomes kIgnored.
  std::vector<data::LabelMap> label_maps(const base::Size2& size, int64_t count) const;
  /// @param shape, values of the recomputed tensor.
  /// @throws base::WeightError if the golden's tensor has another shape.
  TensorError compare(const GoldenTensor& golden, const autograd::Shape& shape, const real* values,
                      double tolerance) const;

 private:
  void read_metadata();
  files::SafetensorsFile file_;
  std::vector<GoldenTensor> tensors_;
  std::optional<std::string> weights_;
  std::optional<uint64_t> seed_;
  bool training_ = false;
  std::vector<int64_t> image_shape_;
};

}  // namespace swin::verify
