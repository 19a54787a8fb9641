// What a run learns: a model, the losses of a batch, the metrics and the answers. The training loop
// and the verbs know no task by name; the plain rows of all tasks are in tasks/task_table.h.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/size2.h"
#include "data/batch.h"
#include "layers/model.h"
#include "tasks/class_metrics.h"
#include "tasks/metrics.h"
#include "tasks/task_config.h"

namespace swin::tasks {

using autograd::Tensor;

/// Images begin … begin + size − 1 of a batch: what one forward and backward computes.
struct Slice {
  const data::Batch& batch;
  int64_t begin = 0, size = 0;
};

/// What the losses of a batch are divided by. Known before the forward; the counts of slices add up
/// to that of the batch.
using Count = std::vector<double>;

struct NamedTensor {
  std::string name;
  Tensor value;
};
/// Losses start with the total; the others are its parts.
using Losses = std::vector<NamedTensor>;
using Outputs = std::vector<NamedTensor>;
/// The output of this name. @throws InternalError if there is none.
const Tensor& output(const Outputs& outputs, const std::string& name);

/// Which outputs to compute: those that metrics and answers need, or also the maps on the way.
enum class Detail { answers, everything };

/// What is known about the images of a forward besides their pixels. Each list is empty or has an
/// entry for each image, from the first; images without an entry are padding of the batch.
struct ImageInfo {
  std::span<const int64_t> indices = {};             ///< in their data set, by which a task draws
  std::span<const base::Size2> real_sizes = {};      ///< without the padding on the right and below
  std::span<const base::Size2> original_sizes = {};  ///< as loaded, before any resize
};
/// That of a batch. It refers to the batch.
ImageInfo info_of(const data::Batch& batch);

/// How the answer about one image compares with its labels.
struct Judged {
  bool right = false;
  double loss = 0;                           ///< the image's own; NaN if its logits are
  std::vector<int64_t> labels, predictions;  ///< classes, ascending; one each, or any number
  int64_t class_index = -1;  ///< the prediction; of several, the class that is most wrong
  double probability = 0;    ///< of class_index
};

/// The metrics of the images that were added to it.
class Meter {
 public:
  virtual ~Meter() = default;
  /// @param outputs of the batch; rows after its size are padding.
  virtual void add(const Outputs& outputs, const data::Batch& batch) = 0;
  virtual Metrics metrics() const = 0;
  /// The metrics of each class, where the task has any: the same names for all, −1 where a class
  /// has none.
  virtual std::vector<Metrics> per_class() const { return {}; }
  /// Which class is taken for which, of tasks with one class an image.
  virtual std::vector<ConfusionEntry> confusion() const { return {}; }
  /// Bins of the largest probability, of tasks with one class an image.
  virtual std::vector<CalibrationBin> calibration() const { return {}; }
  /// Each image of the latest add(), where images have classes.
  virtual std::span<const Judged> latest() const { return {}; }
  /// From now on, also tells apart what goes wrong in the images that are added, where the task
  /// can; it takes longer.
  virtual void watch_errors() {}
  /// What each kind of error costs, in the images since watch_errors().
  virtual Metrics errors() const { return {}; }
};

/// An object that was found, in pixels of the image as loaded.
struct Detected {
  data::BoundingBox box;
  int64_t class_index = 0;
  double score = 0;                                     ///< 0 … 1
  std::optional<data::RunLengths> mask = std::nullopt;  ///< of the size of the image
};

/// What `predict` says about one image.
struct Answer {
  struct Class {
    int64_t index = 0;
    double probability = 0;
  };
  std::vector<Class> classes;  ///< all classes, the most probable first; or none
  /// The class of every pixel of the image as loaded; `classes` is then empty.
  std::optional<data::LabelMap> map = std::nullopt;
  /// The objects in the image, the best first; `classes` is then empty.
  std::optional<std::vector<Detected>> objects = std::nullopt;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual const layers::ModelConfig& model_config() const = 0;
  virtual layers::Parameters& parameters() = 0;

  /// @return {images}, unless a task's losses are divided by something else.
  virtual Count count(const data::Batch& batch) const { return {static_cast<double>(batch.size)}; }
  /// The slice's part of the batch's losses; the parts of all slices add up to them.
  /// @param count of the whole batch.
  virtual Losses loss(const Slice& slice, const layers::Pass& pass, const Count& count) const = 0;
  /// @param images (B, H, W, in_chans), normalized. Dropout and drop path are off, and buffers do
  ///     not change.
  virtual Outputs outputs(const Tensor& images, Detail detail,
                          const ImageInfo& info = {}) const = 0;
  /// Outputs whose probabilities are the means of those of two forwards of the same images, such as
  /// of mirrored ones. @throws InternalError unless the answers are classes of whole images.
  virtual Outputs mean_of(const Outputs& a, const Outputs& b) const;
  virtual std::unique_ptr<Meter> meter() const = 0;
  /// One answer for each row of the outputs.
  virtual std::vector<Answer> answers(const Outputs& outputs) const = 0;
};

/// Builds the task with its model, with the initial values of `seed`.
/// @param with_gradients for training
/// @throws UsageError if there is no task of that name, or no such model is possible.
std::unique_ptr<Task> make_task(const TaskConfig& config, const layers::ModelConfig& model,
                                uint64_t seed, bool with_gradients);

/// The images of a slice as a tensor (rows, H, W, channels) of the batch's padded size; rows after
/// those of the slice are zeros. Without memory in a dry run.
/// @param rows at least the slice's size
Tensor images_of(const Slice& slice, int64_t rows, int64_t channels);

}  // namespace swin::tasks
