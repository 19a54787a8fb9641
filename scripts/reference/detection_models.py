"""torchvision's Mask R-CNN and Faster R-CNN on Hugging Face's Swin, from the sections `model` and `task`
of a config of this project (`swin config CONFIG --json`), and its names in mmdetection's layout, which
this project uses: classes without the background, which comes last in fc_cls.
"""
import collections
import re

import numpy as np
import torch
import transformers
from torchvision.models import detection
from torchvision.models.detection import faster_rcnn, mask_rcnn, rpn
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign, feature_pyramid_network

import peers

LEVELS = ["0", "1", "2", "3"]  # of the RoI heads; "pool" is the RPN's alone


class SwinFpn(torch.nn.Module):
    """Images → maps "0" … "3" and "pool" at strides 4 … 64, `channels` each."""

    def __init__(self, swin, channels):
        """swin: the config of a SwinBackbone that gives the maps of all stages."""
        super().__init__()
        self.body = transformers.SwinBackbone(swin)
        self.fpn = FeaturePyramidNetwork(
            [swin.embed_dim << i for i in range(len(swin.depths))], channels,
            extra_blocks=feature_pyramid_network.LastLevelMaxPool())
        self.out_channels = channels

    def forward(self, images):
        maps = self.body(images).feature_maps
        return self.fpn(collections.OrderedDict(zip(LEVELS, maps)))


def anchor_sizes(task):
    """One tuple a level."""
    sizes, levels = task["anchors"]["sizes"], len(LEVELS) + 1
    count = len(sizes) // levels
    return tuple(tuple(sizes[i * count:(i + 1) * count]) for i in range(levels))


def torchvision_model(swin, task, classes, **more):
    """more: for the constructor, such as min_size or image_mean."""
    channels, ratios = task["neck"]["channels"], tuple(task["anchors"]["ratios"])
    backbone = SwinFpn(swin, channels)
    anchors = rpn.AnchorGenerator(anchor_sizes(task), (ratios,) * (len(LEVELS) + 1))
    hidden = task["box_head"]["channels"]
    arguments = dict(
        rpn_anchor_generator=anchors,
        rpn_head=rpn.RPNHead(channels, anchors.num_anchors_per_location()[0]),
        rpn_pre_nms_top_n_train=task["rpn"]["pre_top_train"],
        rpn_pre_nms_top_n_test=task["rpn"]["pre_top_test"],
        rpn_post_nms_top_n_train=task["rpn"]["post_top_train"],
        rpn_post_nms_top_n_test=task["rpn"]["post_top_test"],
        rpn_nms_thresh=task["rpn"]["iou"], rpn_batch_size_per_image=task["rpn"]["batch"],
        rpn_positive_fraction=task["rpn"]["positive"],
        box_roi_pool=MultiScaleRoIAlign(LEVELS, 7, 2),
        box_head=faster_rcnn.TwoMLPHead(channels * 7 * 7, hidden),
        box_predictor=faster_rcnn.FastRCNNPredictor(hidden, classes + 1),
        box_score_thresh=task["test"]["score"], box_nms_thresh=task["test"]["iou"],
        box_detections_per_img=task["test"]["max_detections"],
        box_batch_size_per_image=task["box_head"]["batch"],
        box_positive_fraction=task["box_head"]["positive"], **more)
    if not task["mask"]:
        return detection.FasterRCNN(backbone, **arguments)
    width = task["mask_head"]["channels"]
    return detection.MaskRCNN(
        backbone, mask_roi_pool=MultiScaleRoIAlign(LEVELS, 14, 2),
        mask_head=mask_rcnn.MaskRCNNHeads(channels, [width] * task["mask_head"]["convs"], 1),
        mask_predictor=mask_rcnn.MaskRCNNPredictor(width, width, classes + 1), **arguments)


WORDS = [
    (r"^backbone\.fpn\.inner_blocks\.(\d+)\.0\.", r"neck.lateral_convs.\1.conv."),
    (r"^backbone\.fpn\.layer_blocks\.(\d+)\.0\.", r"neck.fpn_convs.\1.conv."),
    (r"^rpn\.head\.conv\.0\.0\.", "rpn_head.rpn_conv."),
    (r"^rpn\.head\.cls_logits\.", "rpn_head.rpn_cls."),
    (r"^rpn\.head\.bbox_pred\.", "rpn_head.rpn_reg."),
    (r"^roi_heads\.box_head\.fc6\.", "roi_head.bbox_head.shared_fcs.0."),
    (r"^roi_heads\.box_head\.fc7\.", "roi_head.bbox_head.shared_fcs.1."),
    (r"^roi_heads\.box_predictor\.cls_score\.", "roi_head.bbox_head.fc_cls."),
    (r"^roi_heads\.box_predictor\.bbox_pred\.", "roi_head.bbox_head.fc_reg."),
    (r"^roi_heads\.mask_head\.(\d+)\.0\.", r"roi_head.mask_head.convs.\1.conv."),
    (r"^roi_heads\.mask_predictor\.conv5_mask\.", "roi_head.mask_head.upsample."),
    (r"^roi_heads\.mask_predictor\.mask_fcn_logits\.", "roi_head.mask_head.conv_logits."),
]


def links(name):
    """As peers.huggingface_links, of a parameter of torchvision_model()."""
    if name.startswith("backbone.body."):
        if "swin.layernorm." in name:  # the classifier's, which the backbone does not use
            return []
        return [("backbone." + link[0], link[1], name, link[3])
                for link in peers.huggingface_links(name.removeprefix("backbone.body."))]
    for pattern, word in WORDS:
        name, found = re.subn(pattern, word, given := name)
        if found:
            return [(name, None, given, None)]
    raise KeyError(name)


def without_background(name, rows):
    """Rows of torchvision's class layers in mmdetection's order; others as they are."""
    if ".fc_cls." in name:
        return torch.cat([rows[1:], rows[:1]])
    return rows[{"fc_reg": 4, "conv_logits": 1}.get(name.split(".")[-2], 0):]


def with_background(name, rows):
    """The other way; slots that mmdetection does not have are 0."""
    if ".fc_cls." in name:
        return np.concatenate([rows[-1:], rows[:-1]])
    count = {"fc_reg": 4, "conv_logits": 1}.get(name.split(".")[-2], 0)
    return np.concatenate([np.zeros_like(rows[:count]), rows])


class DetectionPeer(peers.Peer):
    """torchvision's model under mmdetection's names and in its layout."""

    def __init__(self, model, forward):
        super().__init__(model, links, forward)

    def to_official(self, values):
        return {name: without_background(name, value)
                for name, value in super().to_official(values).items()}

    def load(self, official):
        super().load({name: with_background(name, np.asarray(value))
                      for name, value in official.items()})
