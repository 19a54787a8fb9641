#!/usr/bin/env python3
"""Makes the goldens of tests/goldens/detection: Mask R-CNN and Faster R-CNN on a tiny Swin, torchvision's
and the twin of mmdetection's (mm_detection_twin.py), with generated weights, in float64.

    python3 scripts/reference/make_detection_goldens.py [CASE…] [--check]

A case whose name ends in `_stages` holds what each stage of training and inference gets and gives, and the
samples that were drawn; the others hold results alone (losses, gradients, detections, masks) where every
anchor and proposal is a sample. A seed is refused if a decision is nearer than detection_margins.LEAST to
another outcome, or if the noise (noise.py) is over its limit. Images are generated; right of and below an
image's own size there are zeros.
"""
import argparse
import dataclasses
import functools

import numpy as np
import torch
import torchvision
import transformers
from torchvision.models.detection import _utils, roi_heads
from torchvision.ops import box_iou, clip_boxes_to_image, nms

import generated
import golden_file
import golden_maker
import mm_detection_twin
import noise
from detection_margins import Margins
from detection_reference import CONVENTIONS, Sampler
from golden_maker import Case, Golden

SEED = 7
FOLDER = golden_file.GOLDENS / "detection"
EVERYTHING = 100000  # as many samples as there may be

# name → image sizes, classes, objects of each image (OBJECTS), scale of the original images, task
SETS = {
    # 16 × 24 … 1 × 2 cells; the second image ends before the padding does, and has no object.
    "stages": ([(64, 96), (30, 50)], 3, ["many", "none"], 1,
               {"rpn.batch": 32, "box_head.batch": 16}),
    # 24 × 40 … 2 × 3 cells, maps of odd sides from the fourth on; objects at the border.
    "whole": ([(96, 160), (90, 100)], 3, ["many", "few"], 1.25, {}),
    "one_class": ([(64, 64)], 1, ["one"], 1, {"mask": False, "anchors.ratios": [1.0]}),
    # The regression moves every proposal out of the image: objects are the only RoIs.
    "no_proposal": ([(64, 64), (64, 64)], 2, ["few", "none"], 1, {}),
}
# kind, x1 y1 x2 y2 as parts of the image's size, class; they are moved by up to 2 pixels
OBJECTS = {
    "none": [],
    "one": [("free", .2, .2, .7, .8, 0)],
    "few": [("free", .1, .15, .55, .6, 0), ("free", .5, .4, 1.1, 1.1, 1)],  # at the border
    "many": [("free", .05, .1, .4, .65, 1), ("touching the last one", 0, .2, .75, .7, 0),
             ("one pixel", .85, .8, 0, 0, 2), ("crowd", .6, 0, .95, .5, 1), ("free", .51, .5, .83, .99, 2)],
}


def model_section(sizes, classes):
    return dict(name="swin", image_size=[max(s[0] for s in sizes), max(s[1] for s in sizes)],
                patch_size=4, in_chans=3, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 4],
                window_size=4, mlp_ratio=2.0, num_classes=classes, drop_path_rate=0.0)


def task_section(convention, changes):
    task = dict(
        name="detection", mask=True, convention=convention,
        anchors=dict(sizes=[12, 20, 32, 48, 72], ratios=[0.5, 1.0, 2.0]), neck=dict(channels=8),
        rpn=dict(pre_top_train=100, post_top_train=64, pre_top_test=40, post_top_test=16, iou=0.7,
                 batch=EVERYTHING, positive=0.5),
        box_head=dict(channels=16, batch=EVERYTHING, positive=0.5),
        mask_head=dict(channels=8, convs=2), test=dict(score=0.05, iou=0.5, max_detections=3))
    for name, value in changes.items():
        part, _, leaf = name.rpartition(".")
        (task[part] if part else task)[leaf] = value
    return task


def objects_of(seed, image, kind, size):
    """boxes (G, 4), classes (G), masks (G, H, W): ellipses, crowd (G)."""
    height, width = size
    boxes, whole = [], np.array([width, height] * 2)
    moves = generated.centered(seed, f"objects/{image}", 4 * len(OBJECTS[kind])).reshape(-1, 4) * 2
    for (what, *place, _), move in zip(OBJECTS[kind], moves):
        # Odd multiples of 1/128: exact in float32, and no side of a pixel.
        box = np.floor((place * whole + move) * 64) / 64 + 1 / 128
        if what == "one pixel":
            box = np.round(place * whole)
            box[2:] = box[:2] + 1
        if what == "touching the last one":
            box[0] = boxes[-1][2]
        boxes.append(np.clip(box, 0, whole))
    rows, columns = np.mgrid[:height, :width] + 0.5
    masks = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        mask[...] = ((columns - (x1 + x2) / 2) / (x2 - x1)) ** 2 + \
            ((rows - (y1 + y2) / 2) / (y2 - y1)) ** 2 < 0.25
    return dict(boxes=np.array(boxes, np.float32).reshape(-1, 4), masks=masks,
                classes=np.array([o[-1] for o in OBJECTS[kind]], np.int32),
                crowd=np.array([o[0] == "crowd" for o in OBJECTS[kind]], np.uint8))


@dataclasses.dataclass
class DetectionGolden(Golden):
    sizes: list = None
    originals: list = None
    objects: list = None
    margins: Margins = None
    positives: int = 0  # proposals with an object, without the objects themselves

    def run(self, peer, images):
        """losses, records of the stages, samples, detections."""
        convention = CONVENTIONS[self.task["convention"]]
        objects = [{name: torch.from_numpy(value[own["crowd"] == 0]) for name, value in own.items()}
                   for own in self.objects]
        for own in objects:
            own["boxes"], own["classes"] = own["boxes"].to(peer.dtype), own["classes"].long()
            if self.task["convention"] == "mmdet":  # masks are padded with the images of a batch
                size = own["masks"].shape[1:]
                own["masks"] = torch.nn.functional.pad(
                    own["masks"], (0, images.shape[3] - size[1], 0, images.shape[2] - size[0]))
        images = torch.from_numpy(images).to(peer.dtype)
        sample, record = Sampler(self.notes["seed"], self.task), {}
        losses = convention.losses(peer.model, images, self.sizes, objects, sample, record)
        with torch.no_grad():
            results = convention.detect(peer.model, images, self.sizes, self.originals, record)
            if peer is self.peer:
                self.margins = margins(self, record, objects, results)
                self.positives = sum(int((record["roi_matches", i] >= 0).sum()) - len(own["boxes"])
                                     for i, own in enumerate(objects))
        return losses, record, sample, results

    def refused(self):
        """Why the seed is refused, or an empty text."""
        if self.margins is None:
            with torch.no_grad():
                self.run(self.peer, self.images)
        if self.notes["positives"] and self.positives < 1:
            return "no proposal has an object"
        return ", ".join(f"{name}: {value:.1e}" for name, value in self.margins.refused().items())

    def results(self):
        return {} if self.refused() else super().results()

    def noise(self, results, runs=noise.RUNS):
        if self.refused():
            return np.inf, f"a decision ({self.refused()})"
        print("  smallest distances:", ", ".join(
            f"{name} {value:.1e}" for name, value in sorted(self.margins.smallest.items())), flush=True)
        # Masks are steep at their border, and these are tested from the golden's boxes alone.
        return super().noise({name: value for name, value in results.items()
                              if not name.startswith(("soft.", "mask_targets"))},
                             min(runs, 2 * noise.RUNS))

    def compute(self, peer, images):
        losses, record, sample, results = self.run(peer, images)
        found = {**losses, "loss": sum(losses.values())}
        peer.model.zero_grad()
        found["loss"].backward()
        gradients = {name: value.detach().numpy() for name, value in peer.gradients().items()
                     if name.removeprefix("grad.") not in self.vanishing}
        for i, own in enumerate(results):
            found[f"detections.{i}"] = torch.cat(
                [own["boxes"], own["scores"][:, None], own["classes"][:, None].to(peer.dtype)], 1)
            if "masks" in own:
                found[f"masks.{i}"] = own["masks"]
                found[f"pasted.{i}"] = runs(own["pasted"])
        if self.notes["stages"]:
            found.update(stages(record, sample, results))
        found = {name: value.detach().numpy() if torch.is_tensor(value) else value
                 for name, value in found.items()}
        return {**found, **golden_maker.samples(gradients, self.notes["seed"])}


def runs(pasted):
    """The pixels that are inside, column by column, of one mask after another: [mask's number of runs,
    its runs …], beginning with pixels outside."""
    inside = pasted > 0.5  # no value is so near to it that > and >= differ (Margins)
    rows = []
    for mask in inside.numpy():
        flat = mask.T.reshape(-1)
        ends = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff(np.concatenate([[0], ends, [flat.size]]))
        counts = np.concatenate([[0], counts]) if flat[0] else counts
        rows.append(np.concatenate([[len(counts)], counts]))
    return np.concatenate(rows or [[]]).astype(np.int32)


def stages(record, sample, results):
    """What each stage gets and gives, by name; integers are int32."""
    found = {f"fpn.{i}": map for i, map in enumerate(record["maps"])}
    for name in ("objectness", "deltas"):
        found["rpn_" + name] = record[name]
    for name in ("anchors", "roi_features", "class_logits", "box_deltas", "mask_features", "mask_logits",
                 "mask_targets", "test_class_logits", "test_box_deltas"):
        found[name] = record[name]
    for name in ("rois", "roi_labels", "roi_objects", "roi_targets", "mask_rois", "test_proposals",
                 "test_proposal_logits"):
        found.update({f"{name}.{i}": value for i, value in enumerate(record[name])})
    for key, value in record.items():
        if isinstance(key, tuple):
            found[f"{key[0]}.{key[1]}"] = value
    for (part, i), (positive, negative) in sample.drawn.items():
        found[f"{part}_positives.{i}"], found[f"{part}_negatives.{i}"] = positive, negative
    for i, own in enumerate(results):
        found[f"resized_boxes.{i}"] = own["resized_boxes"]
        if len(own["pasted"]):
            found[f"soft.{i}"] = own["pasted"][0]
    return {name: value.to(torch.int32) if value.dtype == torch.int64 else value.contiguous()
            for name, value in found.items()}


def margins(golden, record, objects, results):
    """The distances of all decisions."""
    found, mm = Margins(), golden.task["convention"] == "mmdet"
    rpn, test = golden.task["rpn"], golden.task["test"]
    for i, (own, size) in enumerate(zip(objects, golden.sizes)):
        anchors = record["anchors"]
        if mm:
            anchors = anchors[record["anchor_matches", i] != -2]
        found.matches("anchors", box_iou(own["boxes"], anchors), 0.3, 0.7, 0.3 if mm else 0.0)
        boxes = record["proposals", i]
        candidates = boxes if mm else torch.cat([boxes, own["boxes"]])
        found.matches("RoIs", box_iou(own["boxes"], candidates), 0.5, 0.5, 0.5 if mm else None)
        for stage in ("train", "test"):
            proposal_margins(found, golden, record, i, size, rpn, stage)
        found.levels("RoI levels", torch.cat([boxes, own["boxes"], record["test_proposals"][i],
                                              results[i]["resized_boxes"]]))
        # Detections.
        boxes, scores, classes = record["candidates"][i]
        found.threshold("scores", scores, test["score"])
        good = scores > test["score"]
        found.sizes("detections", boxes[good], 0 if mm else 1e-2)
        for c in range(golden.config["num_classes"]):
            here = good & (classes == c)
            found.nms("detections", boxes[here], scores[here], test["iou"])
        found.order("detections", results[i]["scores"])
        if golden.task["mask"]:
            mask_margins(found, mm, record, results[i], i)
    if mm:  # of L1 the gradient is a sign
        labels, deltas = torch.cat(record["roi_labels"]), record["box_deltas"]
        inside = torch.where(labels < golden.config["num_classes"])[0]
        own = deltas.reshape(len(labels), -1, 4)[inside, labels[inside]]
        found.threshold("box L1", own - torch.cat(record["roi_targets"]), 0)
        rois = torch.cat(record["rois"] + record["test_proposals"])
        adaptive_margins(found, rois, 7)
    return found


def proposal_margins(found, golden, record, i, size, rpn, stage):
    mm, scores = golden.task["convention"] == "mmdet", record["objectness"][i]
    if mm:
        boxes = mm_detection_twin.decode(record["deltas"][i], record["anchors"], (1.0,) * 4, size)
    else:
        coder = _utils.BoxCoder((1.0,) * 4)
        boxes = clip_boxes_to_image(coder.decode(record["deltas"][i], [record["anchors"]])[:, 0], size)
    survivors = []
    for level in torch.arange(len(scores)).split(record["counts"]):
        found.cut("proposals, first cut", scores[level], rpn[f"pre_top_{stage}"])
        level = level[scores[level].argsort(descending=True)[:rpn[f"pre_top_{stage}"]]]
        found.sizes("proposals, sides", boxes[level], 0 if mm else 1e-3)
        level = level[(boxes[level, 2:] - boxes[level, :2] >= (1e-9 if mm else 1e-3)).all(1)]
        found.nms("proposals", boxes[level], scores[level], rpn["iou"])
        survivors.append(scores[level[nms(boxes[level], scores[level], rpn["iou"])]])
    best = torch.cat(survivors).sort(descending=True).values
    found.order("proposals, order", best[:rpn[f"post_top_{stage}"] + 1])


def mask_margins(found, mm, record, result, i):
    found.threshold("pasted", 4 * result["pasted"], 2)  # as far as the logits are from 0
    boxes = record["mask_rois"][i]
    if not mm:
        found.whole("mask targets, samples", (boxes[:, 2:] - boxes[:, :2]).clamp(min=1) / 28)
        found.whole("pasted, corners", roi_heads.expand_boxes(result["boxes"], 30 / 28))
        return
    found.whole("mask targets, samples", (boxes[:, 2:] - boxes[:, :2]) / 28)
    found.threshold("mask targets", record["mask_shares"], 0.5)
    adaptive_margins(found, torch.cat([boxes, result["resized_boxes"]]), 14)


def adaptive_margins(found, boxes, size):
    """The count of samples of a cell is a side of it, rounded up."""
    stride = 4 * 2 ** mm_detection_twin.level_of(boxes)
    found.whole("RoI samples", (boxes[:, 2:] - boxes[:, :2]) / stride[:, None] / size)


def golden(set_name, convention, seed):
    sizes, classes, kinds, scale, changes = SETS[set_name]
    config, task = model_section(sizes, classes), task_section(convention, changes)
    padded = [-(-max(size[i] for size in sizes) // 32) * 32 for i in (0, 1)]
    images = generated.images(seed, (len(sizes), 3, *padded))
    for image, (height, width) in zip(images, sizes):
        image[:, height:], image[:, :, width:] = 0, 0
    objects = [objects_of(seed, i, kind, size) for i, (kind, size) in enumerate(zip(kinds, sizes))]
    originals = [(round(height * scale), round(width * scale)) for height, width in sizes]
    peer = CONVENTIONS[convention].peer(config, task)
    weights = peer.load_generated(seed)
    # Proposals are not far from their anchors: their rounding grows with them.
    override = {name: weights[name] / 4 for name in ("rpn_head.rpn_reg.weight", "rpn_head.rpn_reg.bias")}
    if set_name == "no_proposal":
        override["rpn_head.rpn_reg.bias"][::4] = 1000
    peer.load({**weights, **override})
    extra = {"input.sizes": np.array(sizes, np.int32), "input.originals": np.array(originals, np.int32)}
    for i, own in enumerate(objects):
        extra.update({f"target.{name}.{i}": value for name, value in own.items() if name != "masks"})
        extra[f"target.runs.{i}"] = runs(torch.from_numpy(own["masks"]))
    extra.update({"weight." + name: value for name, value in override.items()})
    notes = dict(weights=f"counted:{seed}", seed=seed, image_shape=list(images.shape),
                 stages=set_name == "stages", positives=set_name in ("stages", "whole"),
                 made_by="scripts/reference/make_detection_goldens.py with " +
                         golden_file.versions(torch, torchvision, transformers))
    return DetectionGolden(config, peer, images, None, notes, extra=extra, task=task, sampled=True,
                           sizes=sizes, originals=originals, objects=objects)


def cases(seed=SEED):
    return [Case(f"{convention}_{name}", functools.partial(golden, name, convention), seed, FOLDER)
            for convention in CONVENTIONS for name in SETS]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all when none is named")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--first-seed", type=int, default=SEED, help="of a search for a new golden")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = golden_maker.chosen(cases(arguments.first_seed), arguments.cases)
    if arguments.check:
        golden_maker.check(chosen)
        return
    for case in chosen:
        case.make()


if __name__ == "__main__":
    main()
