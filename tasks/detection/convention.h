// The two conventions of Mask R-CNN in which published weights exist, and the closed list of the
// rules in which they differ. Everything else is the same in both. Two differences are matters of
// other rooms: where the background stands among the classes (weights/), and how images are resized
// (the pre-processing of a config).
#pragma once
#include <cstdint>

namespace swin::tasks {

/// mmdet: mmdetection 2.11 and 3.x, so also the official Swin detectors. torchvision: 0.29.
enum class Convention { mmdet, torchvision };

struct Rules {
  // Anchors.
  /// Base anchors have whole corners, rounded half to even.
  bool rounds_anchors;
  /// The stride of a level is the padded image // the map along each axis, so 61 for P6 of 800
  /// pixels; else it doubles from level to level.
  bool strides_from_maps;
  /// In training, anchors count only where their cell lies in the image's own padded size, not in
  /// the batch's.
  bool anchors_within_own_size;

  // Boxes.
  /// What a union of boxes is at least, in pixels².
  double least_union;
  /// Deltas of sizes are clamped to −ln(1000/16), too, not only to +ln(1000/16).
  bool clamps_deltas_below;

  // Matching and sampling.
  /// Low quality matches: all anchors with the highest IoU of an object are given this object, of
  /// several the last, where that IoU reaches a minimum; else they get their own best object.
  bool low_quality_takes_anchor;
  /// The box head has low quality matches as well as the RPN.
  bool low_quality_in_box_head;
  /// True boxes stand before the proposals of the RPN among those to sample from; else behind.
  bool true_boxes_first;

  // Losses.
  /// β of the smooth L1 losses of boxes; 0 is L1.
  double rpn_box_beta, roi_box_beta;
  /// RPN losses divide by Σ_images max(positives, 1) + max(negatives, 1); else by the number of
  /// samples.
  bool rpn_counts_at_least_one;

  // Regions.
  /// The level of a region is ⌊log2(√area / 56 + 1e-6)⌋; else ⌊2 + log2(√area / 224) + 1e-6⌋.
  bool level_from_finest_scale;
  /// RoIAlign: sampling points of a bin along an axis (0: as many as it has pixels), and whether
  /// positions are shifted by half a pixel.
  int64_t roi_sampling_ratio;
  bool roi_aligned;

  // Proposals and detections.
  /// The best k are chosen by probability; else by logit (other ties).
  bool ranks_probabilities;
  /// Sides that a proposal or a detection must have, in pixels of the network's input.
  double least_proposal_side, least_detection_side;

  // Masks.
  /// An object's mask is padded with the images of a batch, so that it falls to zero behind the
  /// border of its own image; else it ends there and its last pixels go on.
  bool pads_masks;
  /// Targets of masks are 0 and 1 (at least one half); else soft.
  bool binary_mask_targets;
  /// A mask is put into its box by sampling it at each pixel's center, zero outside of it; else it
  /// is padded by a pixel and resized to the whole pixels of the box.
  bool pastes_by_sampling;
  /// A pixel of probability exactly one half belongs to the mask.
  bool half_is_inside;
};

const Rules& rules(Convention convention);

}  // namespace swin::tasks
