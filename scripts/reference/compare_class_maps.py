#!/usr/bin/env python3
"""Counts the pixels to which Hugging Face and this project give different classes, with the same weights.

    swin convert runs/scenes/last.h5 hf/                                (the folder of transformers)
    swin data convert configs/fashion_scenes_upernet.json --dataset validation --output scenes
    swin predict runs/scenes/last.h5 scenes/images/*.png --output drawn
    python3 scripts/reference/compare_class_maps.py hf scenes/images drawn

Every image is one forward of its own size in transformers, in float32 and normalized as the folder says; its
sides are multiples of 32, so that neither side pads or resizes. Exits with 1 if more than one pixel in 100,000
differs.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from transformers import UperNetForSemanticSegmentation


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("drawn", type=pathlib.Path)
    args = parser.parse_args()
    net = UperNetForSemanticSegmentation.from_pretrained(args.model).eval()
    said = json.loads((args.model / "preprocessor_config.json").read_text())
    mean, std = (np.asarray(said[key], np.float32) for key in ("image_mean", "image_std"))
    pixels = different = 0
    for path in sorted(args.images.iterdir()):
        image = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
        x = torch.from_numpy((image - mean) / std).permute(2, 0, 1)[None]
        with torch.no_grad():
            theirs = net(x).logits[0].argmax(0).numpy()
        ours = np.asarray(Image.open(args.drawn / f"{path.stem}_labels.png"))
        pixels += ours.size
        different += int((ours != theirs).sum())
    print(f"{different} of {pixels} pixels differ")
    sys.exit(different * 100_000 > pixels)


if __name__ == "__main__":
    main()
