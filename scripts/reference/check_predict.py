#!/usr/bin/env python3
"""Compares `swin predict` with torchvision on a folder of images, from file to probability.

    python3 scripts/reference/check_predict.py build/release/cli/swin FOLDER

A torchvision Swin-T with generated weights, which give spread logits, is saved as .pth and converted.
Both programs read, resize, crop and normalize the files themselves. The logits are compared without
the constant that softmax removes: log p of all classes minus its mean. Exit 1: the largest difference
is over 2e-5 of the largest logit.
Needs torch, torchvision, timm, transformers and Pillow (tests/goldens/README.md).
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import PIL
import torch
from PIL import Image
from torchvision.transforms import v2

import peers

ROOT = pathlib.Path(__file__).parents[2]
MODEL = dict(name="swin", image_size=[224, 224], patch_size=4, in_chans=3, embed_dim=96,
             depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=[7, 7], mlp_ratio=4.0,
             num_classes=1000)
TOLERANCE = 2e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("swin")
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    files = sorted(str(path) for path in arguments.folder.rglob("*")
                   if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    peer = peers.build("torchvision", MODEL)
    peer.load_generated(7)
    model = peer.model.float()
    transform = v2.Compose([v2.Resize(256, v2.InterpolationMode.BICUBIC), v2.CenterCrop(224),
                            v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
                            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    with tempfile.TemporaryDirectory() as folder:
        weights, checkpoint = f"{folder}/swin_t.pth", f"{folder}/swin_t.h5"
        torch.save(model.state_dict(), weights)
        subprocess.run([arguments.swin, "convert", weights, checkpoint, "--config",
                        str(ROOT / "configs/swin_tiny_224.json"), "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        answer = subprocess.run([arguments.swin, "predict", checkpoint, *files, "--top-k", "1000",
                                 "--json"], check=True, capture_output=True, text=True).stdout
    worst, spread = 0.0, 0.0
    for file, row in zip(files, json.loads(answer), strict=True):
        assert row["image"] == file
        ours = np.empty(1000)
        for prediction in row["predictions"]:
            ours[prediction["class_index"]] = prediction["probability"]
        with torch.no_grad():
            logits = model(transform(Image.open(file).convert("RGB"))[None])[0].double().numpy()
        ours = np.log(ours)
        difference = np.abs((ours - ours.mean()) - (logits - logits.mean())).max()
        worst = max(worst, difference / np.abs(logits).max())
        spread = max(spread, logits.max() - logits.min())
    print(f"{len(files)} images, Pillow {PIL.__version__}: largest difference "
          f"{worst:.1e} of the largest logit (allowed {TOLERANCE:.0e}); logits spread {spread:.1f}")
    sys.exit(1 if worst > TOLERANCE else 0)


if __name__ == "__main__":
    main()
