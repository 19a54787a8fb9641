#!/usr/bin/env python3
"""Trains torchvision's Mask R-CNN or Faster R-CNN on Hugging Face's Swin by the recipe of a config of this
project, for comparison.

    swin data convert CONFIG --output nuclei/train --dataset train              (annotations.json, images)
    swin data convert CONFIG --output nuclei/validation --dataset validation
    swin config CONFIG --json > resolved.json
    python3 scripts/reference/train_mask_rcnn_twin.py resolved.json nuclei/train nuclei/validation \\
        --images 6400 --seed 0 --output runs/twin_0

With a pretrained backbone: `swin convert CLASSIFIER.h5 OUT/ --dialect huggingface`, then
`--backbone OUT/model.safetensors`.

The same model (sizes of heads, anchors, numbers of samples and proposals, drop path), images, number of
images, batch size, short sides, flips, normalization, AdamW in two groups, learning rates of every step and
clipping. The rules are torchvision's, as with task.convention torchvision. What differs is the random
numbers. --output keeps the state of the run every --save-every steps: the same command goes on from there.
The scores are pycocotools', at the original size. The speeds are those of training steps and of inference
with drawn masks alone: images are prepared outside of them.
"""
import argparse
import json
import os
import pathlib
import time

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.models.detection.transform import GeneralizedRCNNTransform

import detection_models
import twin_training

METRICS = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100",
           "AR_small", "AR_medium", "AR_large"]
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


class Prepared(GeneralizedRCNNTransform):
    """Images are resized and normalized already; they are padded to multiples of 32, and results get the
    size that the images had."""

    def __init__(self):
        super().__init__(1, 1, [0.0], [1.0])
        self.originals = None  # of the next images, in inference

    def normalize(self, image):
        return image

    def resize(self, image, target=None):
        return image, target

    def postprocess(self, result, image_shapes, original_image_sizes):
        return super().postprocess(result, image_shapes, self.originals or original_image_sizes)


def build(config, classes):
    model, augment = config["model"], config["augment"]
    known = {"horizontal_flip", "short_sides"}
    other = [name for name, value in augment.items() if name not in known and value and name not in
             ("mixup_prob", "mixup_switch_prob", "repeats", "cutmix", "mixup")]
    if other or config["task"].get("cascade") or config["task"].get("frozen_stages", -1) >= 0:
        raise SystemExit(f"found augment.{other}, task.cascade or task.frozen_stages, which the twin does "
                         "not have; expected augment.horizontal_flip and augment.short_sides alone")
    net = detection_models.torchvision_model(twin_training.backbone_config(model), config["task"], classes)
    net.transform = Prepared()
    twin_training.initialize_backbone(net.backbone.body, model)
    return net


class Set:
    """A folder that `swin data convert` wrote: images, and objects by image."""

    def __init__(self, folder, config):
        self.coco = COCO(folder / "annotations.json")
        self.ids = sorted(self.coco.imgs)
        self.images = [np.asarray(Image.open(folder / "images" / self.coco.imgs[i]["file_name"])
                                  .convert("L" if config["model"]["in_chans"] == 1 else "RGB"))
                       for i in self.ids]
        self.categories = sorted(self.coco.cats)
        self.preprocess, self.model = config["preprocess"], config["model"]

    def size(self, place, short):
        """Of the model's input, (height, width): the ratio stays."""
        height, width = self.images[place].shape[:2]
        if not self.preprocess["long_side"]:
            size = self.model["image_size"]
            return tuple(size) if isinstance(size, list) else (size, size)
        scale = min(short / min(height, width), self.preprocess["long_side"] / max(height, width))
        return int(height * scale + 0.5), int(width * scale + 0.5)

    def image(self, place, size):
        """(C, H, W) normalized."""
        image = Image.fromarray(self.images[place])
        if image.size != size[::-1]:
            image = image.resize(size[::-1], FILTERS[self.preprocess["interpolation"]])
        mean, std = (np.asarray(self.preprocess[key], np.float32) for key in ("mean", "std"))
        values = np.atleast_3d(np.asarray(image, np.float32)) / 255
        return torch.from_numpy((values - mean) / std).permute(2, 0, 1).contiguous()

    def target(self, place, size, masks):
        """Without crowds and boxes without area."""
        found = [a for a in self.coco.imgToAnns[self.ids[place]]
                 if not a.get("iscrowd") and min(a["bbox"][2:]) > 0]
        boxes = torch.tensor([a["bbox"] for a in found], dtype=torch.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        height, width = self.images[place].shape[:2]
        boxes *= torch.tensor([size[1] / width, size[0] / height] * 2, dtype=torch.float64)
        target = {"boxes": boxes.float(), "labels": torch.tensor(
            [self.categories.index(a["category_id"]) + 1 for a in found], dtype=torch.int64)}
        if masks:
            own = np.zeros((len(found), *size), np.uint8)
            for mask, annotation in zip(own, found):
                whole = Image.fromarray(self.coco.annToMask(annotation))
                mask[...] = np.asarray(whole.resize(size[::-1], Image.NEAREST))
            target["masks"] = torch.from_numpy(own)
        return target


def flipped(image, target):
    boxes = target["boxes"].clone()
    boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
    return image.flip(2), {**target, "boxes": boxes,
                           **({"masks": target["masks"].flip(2)} if "masks" in target else {})}


def batch_of(data, places, config):
    images, targets = [], []
    short_sides = config["augment"].get("short_sides") or [config["preprocess"]["resize"]]
    for place in places.tolist():
        short = short_sides[int(torch.randint(len(short_sides), ()))]
        size = data.size(place, short)
        pair = data.image(place, size), data.target(place, size, config["task"]["mask"])
        if torch.rand(()) < config["augment"]["horizontal_flip"]:
            pair = flipped(*pair)
        images.append(pair[0])
        targets.append(pair[1])
    return images, targets


def detect(net, data, config, batch):
    """COCO's results and images/s."""
    results, seconds = [], 0.0
    net.eval()
    for begin in range(0, len(data.ids), batch):
        places = range(begin, min(begin + batch, len(data.ids)))
        images = [data.image(i, data.size(i, config["preprocess"]["resize"])) for i in places]
        net.transform.originals = [data.images[i].shape[:2] for i in places]
        start = time.perf_counter()
        with torch.no_grad():
            found = net(images)
        seconds += time.perf_counter() - start
        for i, own in zip(places, found):
            masks = (own["masks"][:, 0] > 0.5).numpy() if "masks" in own else [None] * len(own["boxes"])
            for box, score, label, mask in zip(own["boxes"].tolist(), own["scores"].tolist(),
                                               own["labels"].tolist(), masks):
                row = {"image_id": data.ids[i], "category_id": data.categories[label - 1],
                       "score": score, "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
                if mask is not None:
                    row["segmentation"] = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
                results.append(row)
    net.transform.originals = None
    net.train()
    return results, len(data.ids) / seconds


def scores(data, results, masks):
    found = {}
    for kind in ["bbox", "segm"] if masks else ["bbox"]:
        # With a box beside the mask pycocotools takes the area of the box.
        rows = [{k: v for k, v in row.items() if kind == "bbox" or k != "bbox"} for row in results]
        stats = [0.0] * len(METRICS)
        if rows:
            judge = COCOeval(data.coco, data.coco.loadRes(rows), kind)
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
            stats = judge.stats.tolist()
        prefix = {"bbox": "box_", "segm": "segm_"}[kind]
        found.update({prefix + name: value for name, value in zip(METRICS, stats)})
    return found


def save(path, state):
    torch.save(state, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("train", type=pathlib.Path)
    parser.add_argument("test", type=pathlib.Path)
    parser.add_argument("--images", type=int, required=True, help="seen in training, in all")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder of state and results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", type=pathlib.Path, metavar="FILE.safetensors",
                        help="a classifier in Hugging Face's names: the backbone starts from it")
    parser.add_argument("--save-every", type=int, default=50, metavar="STEPS")
    parser.add_argument("--stop-after", type=int, metavar="STEPS", help="end there; the run can go on")
    parser.add_argument("--evaluate-batch", type=int, default=8, metavar="IMAGES")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    config = json.loads(args.config.read_text())["config"]
    data, test = Set(args.train, config), Set(args.test, config)
    net = build(config, len(data.categories)).train()
    optimizer = twin_training.optimizer(config, dict(net.named_parameters()))
    batch, order = config["trainer"]["batch_size"], twin_training.Order(len(data.ids))
    steps, done, seconds = args.images // batch, 0, 0.0
    args.output.mkdir(parents=True, exist_ok=True)
    file = args.output / "state.pt"
    if file.exists():
        state = torch.load(file, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        order.left, done, seconds = state["order"], state["step"], state["seconds"]
        print(f"{file}: goes on after step {done}", flush=True)
    elif args.backbone:
        twin_training.load_backbone(net.backbone.body, args.backbone)
    for step in range(done + 1, steps + 1):
        images, targets = batch_of(data, order.next(batch), config)
        begin = time.perf_counter()
        loss = twin_training.step(config, net, optimizer, step, steps,
                                  lambda: sum(net(images, targets).values()))
        seconds += time.perf_counter() - begin
        if not np.isfinite(loss):
            raise SystemExit(f"step {step}: the loss is {loss}")
        if step % 10 == 0:
            print(f"step {step} of {steps}, loss {loss:.4f}, {step * batch / seconds:.2f} images/s",
                  flush=True)
        if step % args.save_every == 0 or step in (steps, args.stop_after):
            save(file, {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                        "random": torch.get_rng_state(), "order": order.left, "seconds": seconds})
        if step == args.stop_after:
            return
    found, speed = detect(net, test, config, args.evaluate_batch)
    report = {"seed": args.seed, "images": steps * batch, "backbone": str(args.backbone or ""),
              "training_images_per_second": steps * batch / seconds,
              "inference_images_per_second": speed, **scores(test, found, config["task"]["mask"])}
    (args.output / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
