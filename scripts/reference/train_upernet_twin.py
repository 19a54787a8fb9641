#!/usr/bin/env python3
"""Trains Hugging Face's UPerNet with Swin by the recipe of a config of this project, for comparison.

    swin data convert CONFIG --output scenes                     (folders scenes/train, scenes/test)
    swin config CONFIG --json > resolved.json
    python3 scripts/reference/train_upernet_twin.py resolved.json scenes/train scenes/test --images 60000 --seed 0

With a pretrained backbone: `swin convert CLASSIFIER.h5 OUT/ --dialect huggingface`, then
`--backbone OUT/model.safetensors`.

The same model (sizes, drop path, dropout before the last convolution), images, number of images, batch
size, AdamW in two groups, learning rates of every step, clipping, flips and normalization. What differs
is the random numbers. mIoU is that of the whole test set, from an integer confusion matrix, in float32.
The speed is that of training alone: the images are in memory as tensors before it starts.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
from PIL import Image
from transformers import UperNetConfig, UperNetForSemanticSegmentation

import twin_training

IGNORED = 255


def build(config):
    model, head = config["model"], config["task"]["head"]
    net = UperNetForSemanticSegmentation(UperNetConfig(
        backbone_config=twin_training.backbone_config(model),
        hidden_size=head["channels"], pool_scales=head["pool_scales"],
        use_auxiliary_head=head["auxiliary_weight"] > 0,
        auxiliary_loss_weight=head["auxiliary_weight"],
        auxiliary_channels=head["auxiliary_channels"], num_labels=model["num_classes"],
        loss_ignore_index=IGNORED))
    # Hugging Face has no dropout before the last convolution; mmsegmentation and this project have.
    for part in (net.decode_head, net.auxiliary_head):
        if part is not None and head["dropout"] > 0:
            part.classifier = torch.nn.Sequential(torch.nn.Dropout2d(head["dropout"]),
                                                  part.classifier)
    initialize(net, model)
    return net


def initialize(net, model):
    """The initial values of this project: see layers/dense."""
    twin_training.initialize_backbone(net.backbone, model)
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d) and not name.startswith("backbone."):
            if "classifier" in name:
                torch.nn.init.normal_(module.weight, std=0.01)
                torch.nn.init.zeros_(module.bias)
            else:
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def read(folder, config):
    """images (N, C, H, W) normalized, labels (N, H, W)."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    images = np.stack([np.asarray(Image.open(folder / "images" / name)) for name in names])
    labels = np.stack([np.asarray(Image.open(folder / "masks" / name)) for name in names])
    mean, std = (np.asarray(config["preprocess"][key], np.float32) for key in ("mean", "std"))
    images = (images.astype(np.float32) / 255 - mean) / std
    return (torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
            torch.from_numpy(labels.astype(np.int64)))


def mean_iou(net, images, labels, classes):
    counts = np.zeros((classes, classes), np.int64)
    net.eval()
    with torch.no_grad():
        for begin in range(0, len(images), 64):
            found = net(images[begin:begin + 64]).logits.argmax(1).numpy()
            wanted = labels[begin:begin + 64].numpy()
            kept = wanted != IGNORED
            counts += np.bincount(wanted[kept] * classes + found[kept],
                                  minlength=classes * classes).reshape(classes, classes)
    both = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - both
    return float(np.mean(both[union > 0] / union[union > 0])), float(both.sum() / counts.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("train", type=pathlib.Path)
    parser.add_argument("test", type=pathlib.Path)
    parser.add_argument("--images", type=int, required=True, help="seen in training, in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", type=pathlib.Path, metavar="FILE.safetensors",
                        help="a classifier in Hugging Face's names: the backbone starts from it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bench", type=int, default=0, help="only this many steps, for the speed")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    config = json.loads(args.config.read_text())["config"]
    config["model"]["num_classes"] = len((args.train / "classes.txt").read_text().splitlines())
    net = build(config).train()
    if args.backbone:
        twin_training.load_backbone(net.backbone, args.backbone)
    images, labels = read(args.train, config)
    batch, steps = config["trainer"]["batch_size"], args.images // config["trainer"]["batch_size"]
    # The name of a batch norm is bn in mmsegmentation, which decays it with official_dense.
    optimizer = twin_training.optimizer(config, {
        name.replace("batch_norm", "bn"): value for name, value in net.named_parameters()})
    flip = config["augment"]["horizontal_flip"]
    order, seen, seconds = twin_training.Order(len(images)), 0, 0.0
    for step in range(1, (args.bench or steps) + 1):
        chosen = order.next(batch)
        x, y = images[chosen], labels[chosen]
        flipped = torch.rand(batch) < flip
        x[flipped], y[flipped] = x[flipped].flip(-1), y[flipped].flip(-1)
        begin = time.perf_counter()
        loss = twin_training.step(config, net, optimizer, step, steps,
                                  lambda: net(x, labels=y).loss)
        seconds += time.perf_counter() - begin
        seen += batch
        if step % (30 if steps < 1000 else 100) == 0:
            print(f"step {step} of {steps}, loss {loss:.4f}, {seen / seconds:.1f} images/s",
                  flush=True)
    if args.bench:
        print(json.dumps({"images_per_second": seen / seconds}))
        return
    miou, accuracy = mean_iou(net, *read(args.test, config), config["model"]["num_classes"])
    print(json.dumps({"seed": args.seed, "images": seen, "images_per_second": seen / seconds,
                      "mIoU": miou, "aAcc": accuracy}))


if __name__ == "__main__":
    main()
