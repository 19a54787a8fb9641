#include "tasks/detection_fields.h"

namespace swin::tasks {

namespace {

using base::RowField;
using Kind = RowField::Kind;

RowField whole(const char* name, double initial, double minimum, double maximum,
               const char* meaning, const char* official) {
  return {.name = name,
          .kind = Kind::integer,
          .initial = {initial},
          .minimum = minimum,
          .maximum = maximum,
          .meaning = meaning,
          .official = official};
}

RowField part(const char* name, double initial, const char* meaning, const char* official) {
  return {
      .name = name, .initial = {initial}, .maximum = 1, .meaning = meaning, .official = official};
}

constexpr double kMostBoxes = 1e6, kMostChannels = 65536;

}  // namespace

std::vector<RowField> detection_fields() {
  return {
      {.name = "mask",
       .kind = Kind::boolean,
       .initial = {1},
       .meaning = "Mask R-CNN, whose mask head draws each object; false: Faster R-CNN, boxes alone",
       .official = "roi_head.mask_head"},
      {.name = "convention",
       .kind = Kind::choice,
       .initial = {0},
       .choices = {"mmdet", "torchvision"},
       .meaning = "the library whose rules hold where Mask R-CNNs differ (anchors, matching, "
                  "RoIAlign, losses, masks), and whose initial values: that of the weights"},
      {.name = "cascade",
       .kind = Kind::boolean,
       .initial = {0},
       .meaning = "Cascade Mask R-CNN: three stages of heads that learn from closer and closer "
                  "boxes, and the published recipe's losses (GIoU); of convention mmdet",
       .official = "roi_head.type CascadeRoIHead"},
      {.name = "anchors.sizes",
       .kind = Kind::numbers,
       .initial = {32, 64, 128, 256, 512},
       .maximum = 65536,
       .above_minimum = true,
       .least_items = 1,
       .most_items = 64,
       .meaning = "√area in pixels, one for each level from the finest on, or k for each, one "
                  "level after the other; levels are the stages and one more",
       .official = "anchor_generator.scales"},
      {.name = "anchors.ratios",
       .kind = Kind::numbers,
       .initial = {0.5, 1, 2},
       .maximum = 100,
       .above_minimum = true,
       .least_items = 1,
       .most_items = 16,
       .meaning = "height / width of the anchors of each size",
       .official = "anchor_generator.ratios"},
      whole("neck.channels", 256, 1, kMostChannels, "channels of the feature pyramid",
            "neck.out_channels"),
      whole("rpn.pre_top_train", 2000, 1, kMostBoxes,
            "training: best anchors of each level that are looked at", "rpn_proposal.nms_pre"),
      whole("rpn.post_top_train", 1000, 1, kMostBoxes,
            "training: best proposals of an image that are kept", "rpn_proposal.max_per_img"),
      whole("rpn.pre_top_test", 1000, 1, kMostBoxes,
            "evaluation and prediction: best anchors of each level that are looked at",
            "test_cfg.rpn.nms_pre"),
      whole("rpn.post_top_test", 1000, 1, kMostBoxes,
            "evaluation and prediction: best proposals of an image that are kept",
            "test_cfg.rpn.max_per_img"),
      part("rpn.iou", 0.7, "a proposal that overlaps a better one of its level more is dropped",
           "rpn_proposal.nms.iou_threshold"),
      whole("rpn.batch", 256, 1, kMostBoxes, "anchors of an image that the RPN learns from",
            "train_cfg.rpn.sampler.num"),
      part("rpn.positive", 0.5, "at most this part of them has an object",
           "train_cfg.rpn.sampler.pos_fraction"),
      whole("box_head.channels", 1024, 1, kMostChannels, "channels of its two layers",
            "bbox_head.fc_out_channels"),
      whole("box_head.batch", 512, 1, kMostBoxes,
            "proposals of an image that the box head learns from", "train_cfg.rcnn.sampler.num"),
      part("box_head.positive", 0.25, "at most this part of them has an object",
           "train_cfg.rcnn.sampler.pos_fraction"),
      whole("mask_head.channels", 256, 1, kMostChannels, "channels of its convolutions",
            "mask_head.conv_out_channels"),
      whole("mask_head.convs", 4, 0, 64, "its convolutions before the mask is enlarged",
            "mask_head.num_convs"),
      part("test.score", 0.05, "an answer needs a higher probability of its class",
           "test_cfg.rcnn.score_thr"),
      part("test.iou", 0.5, "an answer that overlaps a better one of its class more is dropped",
           "test_cfg.rcnn.nms.iou_threshold"),
      whole("test.max_detections", 100, 1, kMostBoxes, "best answers of an image that are kept",
            "test_cfg.rcnn.max_per_img"),
  };
}

}  // namespace swin::tasks
