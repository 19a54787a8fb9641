// SimMIM: pre-training without labels. The model sees images with hidden patches and predicts their
// pixels.
#pragma once
#include <functional>
#include <span>

#include "layers/simmim.h"
#include "tasks/task.h"

namespace swin::tasks {

/// A mask hides cells of mask_patch_size pixels: of the N cells of an image ⌈mask_ratio · N⌉, drawn
/// for each image and step. The loss is Σ |reconstruction − image| over the hidden pixels of the
/// batch, divided by the number of these pixels and by the channels. Fields of its row:
/// mask_patch_size, mask_ratio.
/// The metrics use one mask per image of a data set, the same in every evaluation:
///   loss               as above, over all images
///   visible_mean_loss  the loss of painting each image with the mean of its visible pixels, which
///                      a model has to beat
/// Source: Xie et al. 2022, arXiv:2111.09886.
class SimMim : public Task {
 public:
  /// @throws UsageError if cells, patches and the last stage do not divide the image.
  SimMim(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
         bool with_gradients);
  const layers::ModelConfig& model_config() const override { return config_; }
  layers::Parameters& parameters() override { return parameters_; }

  /// {hidden pixels}.
  Count count(const data::Batch& batch) const override;
  Losses loss(const Slice& slice, const layers::Pass& pass, const Count& count) const override;
  /// `reconstruction` (B, in_chans, H, W) and `mask` (B, H/patch, W/patch), 1 where it is hidden.
  Outputs outputs(const Tensor& images, Detail detail, const ImageInfo& info = {}) const override;
  std::unique_ptr<Meter> meter() const override;
  /// @throws UsageError: there is nothing to predict.
  std::vector<Answer> answers(const Outputs& outputs) const override;

  /// From now on this mask (B, H/patch, W/patch) hides the patches, instead of drawn ones.
  void set_mask(Tensor mask) { mask_ = std::move(mask); }

 private:
  /// Hides cells of `images` images, each by its own sample number.
  Tensor draw_mask(int64_t images, uint64_t seed, uint64_t step,
                   const std::function<uint64_t(int64_t)>& sample) const;
  int64_t hidden_cells() const;

  layers::ModelConfig config_;
  int64_t cell_;
  double ratio_;
  layers::Parameters parameters_;
  layers::MaskedImageModel model_;
  Tensor mask_;
};

}  // namespace swin::tasks
