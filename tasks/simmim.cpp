#include "tasks/simmim.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "base/random.h"
#include "base/size2.h"

namespace swin::tasks {

namespace {

constexpr const char* kStream = "tasks/simmim_mask";
// The published code adds this to the number of hidden pixels.
constexpr double kEpsilon = 1e-5;

class SimMimMeter : public Meter {
 public:
  explicit SimMimMeter(int64_t patch) : patch_(patch) {}

  void add(const Outputs& outputs, const data::Batch& batch) override {
    const Tensor &reconstruction = output(outputs, "reconstruction"),
                 &mask = output(outputs, "mask");
    const int64_t channels = reconstruction.dim(1), height = reconstruction.dim(2),
                  width = reconstruction.dim(3);
    for (int64_t b = 0; b < batch.size; ++b) {
      const float* image = batch.images.data() + b * height * width * channels;
      const real* painted = reconstruction.data() + b * height * width * channels;
      const real* hidden = mask.data() + b * mask.dim(1) * mask.dim(2);
      const auto is_hidden = [&](int64_t y, int64_t x) {
        return hidden[y / patch_ * mask.dim(2) + x / patch_] != 0;
      };
      for (int64_t c = 0; c < channels; ++c) {
        double sum = 0;
        int64_t visible = 0;
        for (int64_t y = 0; y < height; ++y)
          for (int64_t x = 0; x < width; ++x)
            if (!is_hidden(y, x)) {
              sum += static_cast<double>(image[(y * width + x) * channels + c]);
              ++visible;
            }
        const double mean = visible > 0 ? sum / static_cast<double>(visible) : 0;
        for (int64_t y = 0; y < height; ++y)
          for (int64_t x = 0; x < width; ++x) {
            if (!is_hidden(y, x)) continue;
            const double pixel = static_cast<double>(image[(y * width + x) * channels + c]);
            loss_ += std::abs(static_cast<double>(painted[(c * height + y) * width + x]) - pixel);
            mean_loss_ += std::abs(mean - pixel);
            ++pixels_;
          }
      }
    }
  }

  Metrics metrics() const override {
    const double pixels = static_cast<double>(std::max<int64_t>(pixels_, 1));
    return {{"loss", loss_ / pixels}, {"visible_mean_loss", mean_loss_ / pixels}};
  }

 private:
  int64_t patch_, pixels_ = 0;  // pixels of every channel
  double loss_ = 0, mean_loss_ = 0;
};

}  // namespace

SimMim::SimMim(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
               bool with_gradients)
    : config_(model),
      cell_(config.own.integer("mask_patch_size")),
      ratio_(config.own.number("mask_ratio")),
      model_(layers::Scope(parameters_), model) {
  const auto refuse = [&](const char* field, const std::string& found,
                          const std::string& expected) {
    throw base::UsageError(field, "found " + found + ", expected " + expected);
  };
  if (cell_ % model.patch_size != 0)
    refuse("task.mask_patch_size", std::to_string(cell_),
           "a multiple of model.patch_size, " + std::to_string(model.patch_size));
  for (const int64_t side : model.image_size) {
    if (side % cell_ != 0)
      refuse("task.mask_patch_size", std::to_string(cell_),
             "a divisor of model.image_size, " + base::size_text(model.image_size));
    if (side % model_.stride() != 0)
      refuse("model.image_size", base::size_text(model.image_size),
             "sides divisible by the " + std::to_string(model_.stride()) +
                 " pixels that a token of the last stage covers");
  }
  parameters_.allocate(with_gradients);
  parameters_.initialize(seed);
}

int64_t SimMim::hidden_cells() const {
  const double cells =
      static_cast<double>(config_.image_size[0] / cell_ * (config_.image_size[1] / cell_));
  return static_cast<int64_t>(std::ceil(cells * ratio_));
}

Count SimMim::count(const data::Batch& batch) const {
  if (!mask_.defined()) return {static_cast<double>(batch.size * hidden_cells() * cell_ * cell_)};
  const int64_t patches = std::count(mask_.data(), mask_.data() + mask_.numel(), real{1});
  return {static_cast<double>(patches * config_.patch_size * config_.patch_size)};
}

Tensor SimMim::draw_mask(int64_t images, uint64_t seed, uint64_t step,
                         const std::function<uint64_t(int64_t)>& sample) const {
  if (mask_.defined()) return mask_;
  const int64_t patch = config_.patch_size, scale = cell_ / patch;
  const int64_t rows = config_.image_size[0] / patch, columns = config_.image_size[1] / patch;
  if (base::DryRun::active()) return Tensor({images, rows, columns});
  Tensor mask = Tensor::filled({images, rows, columns}, 0);
  const int64_t cells = rows / scale * (columns / scale), hidden = hidden_cells();
  for (int64_t b = 0; b < images; ++b) {
    const base::Permutation order(static_cast<uint64_t>(cells),
                                  base::Random(seed, kStream, step, sample(b)));
    for (int64_t i = 0; i < hidden; ++i) {
      const auto cell = static_cast<int64_t>(order(static_cast<uint64_t>(i)));
      const int64_t top = cell / (columns / scale) * scale, left = cell % (columns / scale) * scale;
      for (int64_t y = top; y < top + scale; ++y)
        std::fill_n(mask.mutable_data() + (b * rows + y) * columns + left, scale, real{1});
    }
  }
  return mask;
}

Losses SimMim::loss(const Slice& slice, const layers::Pass& pass, const Count& count) const {
  const Tensor images = images_of(slice, slice.size, config_.in_chans);
  const Tensor mask = draw_mask(slice.size, pass.seed, pass.step, [&](int64_t b) {
    return pass.first_sample + static_cast<uint64_t>(b);
  });
  const double factor = 1 / (count.at(0) + kEpsilon) / static_cast<double>(config_.in_chans);
  return {{"loss", autograd::masked_l1(model_(images, mask, pass), images, mask,
                                       static_cast<real>(factor))}};
}

Outputs SimMim::outputs(const Tensor& images, Detail, const ImageInfo& info) const {
  // Steps of training count from 1.
  const Tensor mask = draw_mask(images.dim(0), 0, 0, [&](int64_t b) {
    const auto i = static_cast<size_t>(b);
    return i < info.indices.size() ? static_cast<uint64_t>(info.indices[i]) : 0;
  });
  return {{"reconstruction", autograd::permute(model_(images, mask, {}), {0, 3, 1, 2})},
          {"mask", mask}};
}

std::unique_ptr<Meter> SimMim::meter() const {
  return std::make_unique<SimMimMeter>(config_.patch_size);
}

std::vector<Answer> SimMim::answers(const Outputs&) const {
  throw base::UsageError("task.name", "found \"simmim\", expected a task that answers with classes",
                         "train a classifier from this checkpoint: swin train CONFIG --init FILE");
}

}  // namespace swin::tasks
