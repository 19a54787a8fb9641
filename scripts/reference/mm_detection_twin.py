"""Mask R-CNN by the rules of mmdetection, written from them on torchvision's ops (mmdetection itself needs
a compiler): anchors, assignment, losses, proposals, RoI extraction, mask targets, inference, pasting.
DetectionTwin has mmdetection's names, in any precision.

An `objects` is a dict of boxes (G, 4), classes (G) from 0, masks (G, H, W) of 0 and 1; crowds are left out.
Matches are indices of objects, −1 background, −2 ignored. `record` of each pass keeps what the stages gave.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import nms, roi_align

LARGEST = abs(math.log(16 / 1000))
STRIDES = (4, 8, 16, 32, 64)


def iou(a, b):
    """(A, B); the union is at least 1e-6."""
    corner = torch.min(a[:, None, 2:], b[None, :, 2:]) - torch.max(a[:, None, :2], b[None, :, :2])
    both = corner.clamp(min=0).prod(2)
    area = [(box[:, 2:] - box[:, :2]).prod(1) for box in (a, b)]
    return both / (area[0][:, None] + area[1][None] - both).clamp(min=1e-6)


def encode(truth, boxes, stds):
    size, own = truth[:, 2:] - truth[:, :2], boxes[:, 2:] - boxes[:, :2]
    centers = (truth[:, :2] + truth[:, 2:]) / 2 - (boxes[:, :2] + boxes[:, 2:]) / 2
    return torch.cat([centers / own, torch.log(size / own)], 1) / boxes.new_tensor(stds)


def decode(deltas, boxes, stds, size=None):
    """deltas, boxes (N, 4); clipped to an image of this (height, width)."""
    deltas = deltas * boxes.new_tensor(stds)
    own = boxes[:, 2:] - boxes[:, :2]
    center = (boxes[:, :2] + boxes[:, 2:]) / 2 + deltas[:, :2] * own
    half = own * deltas[:, 2:].clamp(-LARGEST, LARGEST).exp() / 2
    found = torch.cat([center - half, center + half], 1)
    return found if size is None else torch.stack(
        [found[:, i].clamp(0, size[1 - i % 2]) for i in range(4)], 1)


def match(truth, boxes, low, high, minimum):
    matches = boxes.new_full((len(boxes),), -2, dtype=torch.int64)
    if not len(truth) or not len(boxes):
        return matches.fill_(-1)
    quality = iou(truth, boxes)
    best, index = quality.max(0)
    matches[best < low] = -1
    matches[best >= high] = index[best >= high]
    for i, row in enumerate(quality):  # a later object takes the box of an earlier one
        if row.max() >= minimum:
            matches[row == row.max()] = i
    return matches


def anchors_of(level, sizes, ratios, height, width):
    """(height · width · A, 4) in the order (y, x, ratio, size), about (x, y) · stride."""
    roots = [math.sqrt(ratio) for ratio in ratios]
    half = torch.tensor([[size / root / 2, size * root / 2] for root in roots for size in sizes],
                        dtype=torch.float64)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centers = torch.stack([x, y], -1).reshape(-1, 1, 2).double() * STRIDES[level]
    return torch.cat([centers - half, centers + half], -1).reshape(-1, 4)


def valid_of(level, count, height, width, size):
    """Which anchors have their cell in an image of `size`, padded by itself to a multiple of 32."""
    inside = [torch.arange(n) < math.ceil(math.ceil(s / 32) * 32 / STRIDES[level])
              for n, s in zip((height, width), size)]
    return (inside[0][:, None] & inside[1][None]).reshape(-1).repeat_interleave(count)


def level_of(boxes, levels=4):
    side = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
    return torch.floor(torch.log2(side / 56 + 1e-6)).clamp(0, levels - 1).long()


def pool(maps, rois, size):
    """maps: those at strides 4 … 32; rois: (n, 4) of each image → (R, C, size, size)."""
    boxes, images = torch.cat(rois), torch.cat([torch.full((len(r),), i) for i, r in enumerate(rois)])
    found = maps[0].new_zeros((len(boxes), maps[0].shape[1], size, size))
    levels = level_of(boxes)
    for level, map in enumerate(maps):
        here = levels == level
        found[here] = roi_align(map, torch.cat([images[here, None].to(boxes), boxes[here]], 1), size,
                                1 / STRIDES[level], 0, True)
    return found


def crop(masks, boxes, size=28):
    """masks (n, H, W), boxes (n, 4) → the share of the mask in each cell, before the threshold."""
    boxes = torch.stack([boxes[:, i].clamp(0, masks.shape[2 - i % 2]) for i in range(4)], 1)
    places = torch.arange(len(boxes)).to(boxes)[:, None]
    return roi_align(masks.to(boxes)[:, None], torch.cat([places, boxes], 1), size, 1.0, 0, True)[:, 0]


def paste(masks, boxes, height, width):
    """masks (n, M, M) probabilities → (n, height, width); a pixel is inside from 0.5 on."""
    def along(count, low, high):
        place = (torch.arange(count).to(boxes) + 0.5 - low[:, None]) / (high - low)[:, None] * 2 - 1
        return torch.where(torch.isinf(place), 0, place)
    x, y = along(width, boxes[:, 0], boxes[:, 2]), along(height, boxes[:, 1], boxes[:, 3])
    grid = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], 3)
    return F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]


class ConvModule(nn.Module):
    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x):
        return self.conv(x)


class DetectionTwin(nn.Module):
    """task: the section of a config. backbone: a SwinBackbone with maps at strides 4 … 32, of dims channels."""

    def __init__(self, backbone, dims, task, classes):
        super().__init__()
        channels, hidden, width = (task[part]["channels"] for part in ("neck", "box_head", "mask_head"))
        self.task, self.classes = task, classes
        self.count = len(task["anchors"]["sizes"]) // len(STRIDES)  # sizes of a level
        anchors = self.count * len(task["anchors"]["ratios"])
        self.backbone = backbone
        self.neck, self.rpn_head, self.roi_head = nn.Module(), nn.Module(), nn.Module()
        self.neck.lateral_convs = nn.ModuleList(ConvModule(dim, channels, 1) for dim in dims)
        self.neck.fpn_convs = nn.ModuleList(ConvModule(channels, channels, 3) for _ in dims)
        self.rpn_head.rpn_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.rpn_head.rpn_cls = nn.Conv2d(channels, anchors, 1)
        self.rpn_head.rpn_reg = nn.Conv2d(channels, 4 * anchors, 1)
        box = self.roi_head.bbox_head = nn.Module()
        box.shared_fcs = nn.ModuleList([nn.Linear(channels * 49, hidden), nn.Linear(hidden, hidden)])
        box.fc_cls, box.fc_reg = nn.Linear(hidden, classes + 1), nn.Linear(hidden, 4 * classes)
        if task["mask"]:
            head = self.roi_head.mask_head = nn.Module()
            head.convs = nn.ModuleList(ConvModule(channels if i == 0 else width, width, 3)
                                       for i in range(task["mask_head"]["convs"]))
            head.upsample = nn.ConvTranspose2d(width, width, 2, 2)
            head.conv_logits = nn.Conv2d(width, classes, 1)

    def maps(self, images):
        inner = [conv(map) for conv, map in zip(self.neck.lateral_convs,
                                                      self.backbone(images).feature_maps)]
        for i in reversed(range(len(inner) - 1)):
            inner[i] = inner[i] + F.interpolate(inner[i + 1], size=inner[i].shape[2:], mode="nearest")
        maps = [conv(map) for conv, map in zip(self.neck.fpn_convs, inner)]
        return maps + [maps[-1][:, :, ::2, ::2]]

    def rpn(self, maps):
        """objectness (B, N), deltas (B, N, 4), anchors (N, 4) and their number in each level."""
        scores, deltas, anchors = [], [], []
        for level, map in enumerate(maps):
            t = self.rpn_head.rpn_conv(map).relu()
            scores.append(self.rpn_head.rpn_cls(t).permute(0, 2, 3, 1).flatten(1))
            deltas.append(self.rpn_head.rpn_reg(t).permute(0, 2, 3, 1).reshape(len(map), -1, 4))
            sizes = self.task["anchors"]["sizes"][level * self.count:(level + 1) * self.count]
            anchors.append(anchors_of(level, sizes, self.task["anchors"]["ratios"],
                                      *map.shape[2:]).to(map.dtype))
        return torch.cat(scores, 1), torch.cat(deltas, 1), torch.cat(anchors), [len(a) for a in anchors]

    def proposals(self, scores, deltas, anchors, counts, size, stage):
        """Of one image, the best first."""
        own, kept = self.task["rpn"], []
        boxes, order = decode(deltas, anchors, (1.0,) * 4, size), torch.arange(len(scores))
        for level in order.split(counts):
            level = level[scores[level].sigmoid().argsort(descending=True, stable=True)]
            level = level[:own[f"pre_top_{stage}"]]
            level = level[(boxes[level, 2:] > boxes[level, :2]).all(1)]
            kept.append(level[nms(boxes[level], scores[level], own["iou"])])
        kept = torch.cat(kept)
        kept = kept[scores[kept].argsort(descending=True, stable=True)][:own[f"post_top_{stage}"]]
        return boxes[kept], scores[kept]

    def box_head(self, features):
        head, x = self.roi_head.bbox_head, features.flatten(1)
        for fc in head.shared_fcs:
            x = fc(x).relu()
        return head.fc_cls(x), head.fc_reg(x)

    def mask_head(self, features):
        head, x = self.roi_head.mask_head, features
        for conv in head.convs:
            x = conv(x).relu()
        return head.conv_logits(head.upsample(x).relu())

    def losses(self, images, sizes, objects, sample, record):
        """sample(matches, place) → indices of positives and of negatives, each ascending; place is
        ("rpn" or "roi", image)."""
        maps = self.maps(images)
        scores, deltas, anchors, counts = self.rpn(maps)
        record.update(maps=maps, objectness=scores, deltas=deltas, anchors=anchors, counts=counts)
        total, objectness, box = 0, 0, 0
        for i, (size, own) in enumerate(zip(sizes, objects)):
            valid = torch.cat([valid_of(level, counts[level] // map[0, 0].numel(), *map.shape[2:], size)
                               for level, map in enumerate(maps)])
            matches = torch.full((len(anchors),), -2)
            matches[valid] = match(own["boxes"], anchors[valid], 0.3, 0.7, 0.3)
            positive, negative = sample(matches, ("rpn", i))
            total += max(len(positive), 1) + max(len(negative), 1)
            chosen = torch.cat([positive, negative])
            objectness = objectness + F.binary_cross_entropy_with_logits(
                scores[i, chosen], (matches[chosen] >= 0).to(scores), reduction="sum")
            targets = encode(own["boxes"][matches[positive]], anchors[positive], (1.0,) * 4)
            box = box + (deltas[i, positive] - targets).abs().sum()
            record["anchor_matches", i], record["anchor_targets", i] = matches, targets
        result = {"rpn_objectness_loss": objectness / total, "rpn_box_loss": box / total}

        rois, labels, targets, found = [], [], [], []
        for i, (size, own) in enumerate(zip(sizes, objects)):
            boxes, logits = self.proposals(scores[i].detach(), deltas[i].detach(), anchors, counts, size,
                                           "train")
            # Objects are the first proposals, each with itself: assignment does not see them.
            matches = torch.cat([torch.arange(len(own["boxes"])), match(own["boxes"], boxes, 0.5, 0.5, 0.5)])
            candidates = torch.cat([own["boxes"], boxes])
            positive, negative = sample(matches, ("roi", i))
            chosen = torch.cat([positive, negative])
            rois.append(candidates[chosen])
            found.append(matches[chosen])
            labels.append(torch.where(matches[chosen] >= 0, own["classes"][matches[chosen].clamp(min=0)]
                                      if len(own["classes"]) else 0, self.classes))
            targets.append(encode(own["boxes"][matches[positive]], candidates[positive], (.1, .1, .2, .2)))
            record["proposals", i], record["proposal_logits", i] = boxes, logits
            record["roi_matches", i] = matches
        record.update(rois=rois, roi_labels=labels, roi_objects=found, roi_targets=targets)
        features, label = pool(maps[:4], rois, 7), torch.cat(labels)
        logits, regression = self.box_head(features)
        record.update(roi_features=features, class_logits=logits, box_deltas=regression)
        positive = torch.where(label < self.classes)[0]
        own = regression.reshape(len(label), self.classes, 4)[positive, label[positive]]
        result["class_loss"] = F.cross_entropy(logits, label)
        result["box_loss"] = (own - torch.cat(targets)).abs().sum() / len(label)
        if self.task["mask"]:
            result["mask_loss"] = self.mask_loss(maps, rois, labels, found, objects, record)
        return result

    def mask_loss(self, maps, rois, labels, found, objects, record):
        inside = [label < self.classes for label in labels]
        boxes = [roi[i] for roi, i in zip(rois, inside)]
        label = torch.cat([own[i] for own, i in zip(labels, inside)])
        features = pool(maps[:4], boxes, 14)
        logits = self.mask_head(features)
        shares = torch.cat([crop(own["masks"][matches[i]], box) for own, matches, i, box in
                            zip(objects, found, inside, boxes)])
        targets = (shares >= 0.5).to(logits)
        record.update(mask_rois=boxes, mask_features=features, mask_logits=logits, mask_shares=shares,
                      mask_targets=targets)
        if not len(label):
            return logits.sum() * 0
        return F.binary_cross_entropy_with_logits(logits[torch.arange(len(label)), label], targets)

    def detect(self, images, sizes, originals, record):
        """For each image boxes (n, 4) and masks (n, M, M) in the original's pixels, scores, classes."""
        maps = self.maps(images)
        scores, deltas, anchors, counts = self.rpn(maps)
        found = [self.proposals(scores[i], deltas[i], anchors, counts, size, "test")
                 for i, size in enumerate(sizes)]
        rois = [boxes for boxes, _ in found]
        logits, regression = self.box_head(pool(maps[:4], rois, 7))
        record.update(test_proposals=rois, test_proposal_logits=[logit for _, logit in found],
                      test_class_logits=logits, test_box_deltas=regression)
        own, results, begin = self.task["test"], [], 0
        for size, roi in zip(sizes, rois):
            end = begin + len(roi)
            boxes = decode(regression[begin:end].reshape(-1, 4), roi.repeat_interleave(self.classes, 0),
                           (.1, .1, .2, .2), size)
            score = logits[begin:end].softmax(1)[:, :-1].reshape(-1)
            label = torch.arange(self.classes).repeat(len(roi))
            record.setdefault("candidates", []).append((boxes, score, label))
            good = torch.where(score > own["score"])[0]
            kept = torch.cat([here[nms(boxes[here], score[here], own["iou"])] for c in range(self.classes)
                              for here in [good[label[good] == c]]])
            kept = kept[score[kept].argsort(descending=True, stable=True)][:own["max_detections"]]
            results.append({"boxes": boxes[kept], "scores": score[kept], "classes": label[kept]})
            begin = end
        if self.task["mask"]:
            mask = self.mask_head(pool(maps[:4], [r["boxes"] for r in results], 14)).sigmoid()
            mask = mask[torch.arange(len(mask)), torch.cat([r["classes"] for r in results])]
            for r, own in zip(results, mask.split([len(r["boxes"]) for r in results])):
                r["masks"] = own
        for r, size, original in zip(results, sizes, originals):
            scale = r["boxes"].new_tensor([size[1] / original[1], size[0] / original[0]] * 2)
            r["resized_boxes"], r["boxes"] = r["boxes"], r["boxes"] / scale
            if self.task["mask"]:
                r["pasted"] = paste(r["masks"], r["boxes"], *original)
        return results
