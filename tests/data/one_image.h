// A data set of one image, and the stages run on it.
#pragma once
#include <utility>

#include "data/stages.h"

namespace swin::data {

class OneImage : public Dataset {
 public:
  explicit OneImage(Image image, Annotation annotation = {})
      : image_(std::move(image)), annotation_(std::move(annotation)) {
    class_names_ = {"any"};
  }
  int64_t size() const override { return 1; }
  Annotation annotation(int64_t) const override { return annotation_; }
  std::string name(int64_t) const override { return "the image"; }
  void load(int64_t, Image& image) const override { image = image_; }

 private:
  const Image image_;
  const Annotation annotation_;
};

/// What the loader writes for this image.   @param out (height, width, channels) of `preprocess`.
inline void make_training_sample(const Image& image, const Preprocess& preprocess,
                                 const Augment& augment, const Draw& draw, float* out) {
  const OneImage set(image);
  const Stages stages(set, preprocess, augment);
  Work work;
  stages.load_source(0, work);
  stages.make_sample(draw, {preprocess.height, preprocess.width}, out, work);
}

}  // namespace swin::data
