"""The references of make_detection_goldens.py: one training step and inference by torchvision's own code,
whose stages are tapped, and by the twin of mmdetection; samples are drawn by a rule that both share."""
import contextlib
import dataclasses
import typing

import numpy as np
import torch
import transformers
from torchvision.models.detection import image_list, roi_heads, transform
from torchvision.ops import box_iou, clip_boxes_to_image

import detection_models
import generated
import mm_detection_twin
import peers

STAGES = ["stage1", "stage2", "stage3", "stage4"]
LOSSES = {"loss_objectness": "rpn_objectness_loss", "loss_rpn_box_reg": "rpn_box_loss",
          "loss_classifier": "class_loss", "loss_box_reg": "box_loss", "loss_mask": "mask_loss"}


class Sampler:
    """Draws by the rules of both conventions: at most a share of positives, then negatives. A subset is
    that of the smallest generated words."""

    def __init__(self, seed, task):
        self.seed, self.task, self.drawn = seed, task, {}

    def __call__(self, matches, place):
        part = self.task["rpn" if place[0] == "rpn" else "box_head"]
        positive, negative = torch.where(matches >= 0)[0], torch.where(matches == -1)[0]
        positive = self.subset(positive, int(part["batch"] * part["positive"]), f"{place}/positive")
        negative = self.subset(negative, part["batch"] - len(positive), f"{place}/negative")
        self.drawn[place] = positive, negative
        return positive, negative

    def subset(self, indices, count, name):
        order = generated.words(self.seed, name, len(indices)).argsort(kind="stable")[:count]
        return indices[np.sort(order)]


class TorchvisionSampler:
    """In place of torchvision's: labels of each image → masks of positives and negatives."""

    def __init__(self, sampler, part):
        self.sampler, self.part = sampler, part

    def __call__(self, labels):
        masks = []
        for i, label in enumerate(labels):
            drawn = self.sampler(torch.where(label > 0, 0, label.long() - 1), (self.part, i))
            masks.append([torch.zeros(len(label), dtype=torch.bool).index_fill(0, indices, True)
                          for indices in drawn])
        return [mask[0] for mask in masks], [mask[1] for mask in masks]


class Taps(contextlib.ExitStack):
    """While it is open, keeps the arguments and the result of the last call of methods of objects."""

    def __init__(self):
        super().__init__()
        self.arguments, self.result = {}, {}

    def add(self, owner, name, key):
        own = getattr(owner, name)

        def tapped(*arguments):
            self.arguments[key] = arguments
            result = own(*arguments)
            # Lists are changed later on.
            self.result[key] = tuple(list(part) if isinstance(part, list) else part for part in result) \
                if isinstance(result, tuple) else result
            return result
        setattr(owner, name, tapped)
        self.callback(setattr, owner, name, own)


def torchvision_losses(model, images, sizes, objects, sample, record):
    """As DetectionTwin.losses."""
    model.train()
    model.rpn.fg_bg_sampler = TorchvisionSampler(sample, "rpn")
    model.roi_heads.fg_bg_sampler = TorchvisionSampler(sample, "roi")
    maps = model.backbone(images)
    targets = [dict(boxes=o["boxes"], labels=o["classes"] + 1, masks=o["masks"]) for o in objects]
    rpn, heads = model.rpn, model.roi_heads
    with Taps() as taps:
        taps.add(rpn.anchor_generator, "forward", "anchors")
        taps.add(rpn, "filter_proposals", "filter")
        taps.add(rpn, "compute_loss", "rpn_loss")
        taps.add(heads, "assign_targets_to_proposals", "assigned")
        taps.add(heads, "select_training_samples", "samples")
        taps.add(heads.box_roi_pool, "forward", "pool")
        taps.add(heads.box_predictor, "forward", "boxes")
        if heads.has_mask():
            taps.add(heads.mask_roi_pool, "forward", "mask_pool")
            taps.add(heads.mask_predictor, "forward", "masks")
            taps.add(roi_heads, "maskrcnn_loss", "mask_loss")
        proposals, losses = rpn(image_list.ImageList(images, sizes), maps, targets)
        losses.update(heads(maps, proposals, sizes, targets)[1])
    objectness, deltas, _, targets = taps.arguments["rpn_loss"]
    anchors = taps.result["anchors"][0]
    rois, found, labels, regression = taps.result["samples"]
    logits, boxes = taps.result["boxes"]
    record.update(
        maps=list(maps.values()), objectness=objectness.view(len(images), -1),
        deltas=deltas.view(len(images), -1, 4), anchors=anchors, counts=taps.arguments["filter"][3],
        rois=rois, roi_labels=[classes_of(label, logits) for label in labels],
        roi_objects=[torch.where(label > 0, own, -1) for label, own in zip(labels, found)],
        roi_targets=[own[label > 0] for label, own in zip(labels, regression)],
        roi_features=taps.result["pool"], class_logits=logits.roll(-1, 1), box_deltas=boxes[:, 4:])
    for i, own in enumerate(objects):
        matches = torch.full((len(anchors),), -1)
        if len(own["boxes"]):
            matches = rpn.proposal_matcher(box_iou(own["boxes"], anchors))
        record["anchor_matches", i] = matches
        record["anchor_targets", i] = targets[i][sample.drawn["rpn", i][0]]
        record["proposals", i] = proposals[i]
        record["proposal_logits", i] = taps.result["filter"][1][i].logit()
        label = taps.result["assigned"][1][i]
        record["roi_matches", i] = torch.where(label > 0, taps.result["assigned"][0][i], -1)
    if heads.has_mask():
        _, own, masks, _, matched = taps.arguments["mask_loss"]
        record.update(mask_rois=own, mask_features=taps.result["mask_pool"],
                      mask_logits=taps.result["masks"][:, 1:],
                      mask_targets=torch.cat([roi_heads.project_masks_on_boxes(*row, 28)
                                              for row in zip(masks, own, matched)]))
    return {LOSSES[name]: value for name, value in losses.items()}


def classes_of(labels, logits):
    """Classes from 0; the background is the last."""
    return (labels - 1) % logits.shape[1]


def torchvision_detect(model, images, sizes, originals, record):
    """As DetectionTwin.detect."""
    model.eval()
    maps, heads = model.backbone(images), model.roi_heads
    with Taps() as taps:
        taps.add(model.rpn, "filter_proposals", "filter")
        taps.add(heads.box_predictor, "forward", "boxes")
        proposals, _ = model.rpn(image_list.ImageList(images, sizes), maps)
        found, _ = heads(maps, proposals, sizes)
    logits, boxes = taps.result["boxes"]
    record.update(test_proposals=proposals,
                  test_proposal_logits=[scores.logit() for scores in taps.result["filter"][1]],
                  test_class_logits=logits.roll(-1, 1), test_box_deltas=boxes[:, 4:])
    decoded = heads.box_coder.decode(boxes, proposals)[:, 1:]
    begin, record["candidates"] = 0, []
    for size, own in zip(sizes, proposals):
        part = slice(begin, begin := begin + len(own))
        record["candidates"].append((
            clip_boxes_to_image(decoded[part].reshape(-1, 4), size),
            logits[part].softmax(1)[:, 1:].reshape(-1),
            torch.arange(logits.shape[1] - 1).repeat(len(own))))
    results = []
    for own, size, original in zip(found, sizes, originals):
        result = dict(resized_boxes=own["boxes"], scores=own["scores"], classes=own["labels"] - 1,
                      boxes=transform.resize_boxes(own["boxes"], size, original))
        if heads.has_mask():
            result["masks"] = own["masks"][:, 0]
            result["pasted"] = roi_heads.paste_masks_in_image(own["masks"], result["boxes"], original)[:, 0]
        results.append(result)
    return results


def torchvision_peer(config, task):
    swin = peers.huggingface_config(config, out_features=STAGES)
    return detection_models.DetectionPeer(
        detection_models.torchvision_model(swin, task, config["num_classes"]), None)


def mm_peer(config, task):
    swin = transformers.SwinBackbone(peers.huggingface_config(config, out_features=STAGES))
    dims = [config["embed_dim"] << i for i in range(4)]
    model = mm_detection_twin.DetectionTwin(swin, dims, task, config["num_classes"])

    def links(name):
        if "swin.layernorm." in name:  # the classifier's, which the backbone does not use
            return []
        if name.startswith("backbone."):
            return [("backbone." + link[0], link[1], name, link[3])
                    for link in peers.huggingface_links(name.removeprefix("backbone."))]
        return [(name, None, name, None)]
    return peers.Peer(model, links, None)


@dataclasses.dataclass
class Convention:
    peer: typing.Callable  # (model section, task section) → Peer
    losses: typing.Callable
    detect: typing.Callable


CONVENTIONS = {
    "torchvision": Convention(torchvision_peer, torchvision_losses, torchvision_detect),
    "mmdet": Convention(mm_peer, mm_detection_twin.DetectionTwin.losses,
                        mm_detection_twin.DetectionTwin.detect)}
