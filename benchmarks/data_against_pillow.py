#!/usr/bin/env python3
"""Images per second on one core, from JPEG file to normalized 224 x 224 training image: swin
against Pillow doing the same work.

Both decode the file at full size, cut a random box (area 0.08 to 1, width / height 3/4 to 4/3),
resize it to 224 x 224 with the antialiased bicubic filter, mirror every second image and normalize
it to float32. The two take turns, `--rounds` times, each on one thread; medians are compared.
The exit code is 1 if swin is less than `--at-least` times as fast.

    python3 benchmarks/data_against_pillow.py build/release/cli/swin PATH_OF_AN_IMAGE_FOLDER

SWIN_ISA=avx2 (or baseline) in the environment holds swin to that instruction set. Needs Pillow and
NumPy.
"""
import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy
import PIL
from PIL import Image

SIZE = 224
MEAN = numpy.array([0.485, 0.456, 0.406], numpy.float32)
STD = numpy.array([0.229, 0.224, 0.225], numpy.float32)


def random_box(width, height, draw):
    """The box of torchvision's RandomResizedCrop: ten tries, then the middle."""
    for _ in range(10):
        area = width * height * draw.uniform(0.08, 1)
        ratio = math.exp(draw.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = draw.randint(0, width - w), draw.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def pillow_image(path, draw):
    with Image.open(path) as file:
        image = file.convert("RGB")
    box = random_box(*image.size, draw)
    image = image.crop(box).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    if draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    values = numpy.asarray(image, numpy.float32)
    values /= 255
    values -= MEAN
    values /= STD
    return values


def pillow_rate(files, seconds, draw):
    start, images = time.perf_counter(), 0
    while True:
        for path in files:
            pillow_image(path, draw)
            images += 1
            if time.perf_counter() - start >= seconds:
                return images / (time.perf_counter() - start)


def swin_rate(swin, config, seconds):
    text = subprocess.run(
        [swin, "benchmark", "data", config, "--json", "--threads", "1", "--seconds", str(2 * seconds)],
        check=True, capture_output=True, text=True).stdout
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("swin", help="path of the swin program")
    parser.add_argument("folder", help="image folder: one folder per class")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="per round, for each program")
    parser.add_argument("--at-least", type=float, default=1.5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(options.folder)
                   for name in names if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")))
    if not files:
        sys.exit(f"{options.folder}: found no image, expected one folder of images per class")
    draw = random.Random(1)
    draw.shuffle(files)
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "data.json")
        with open(config, "w") as file:
            json.dump({
                "model": {"image_size": SIZE},
                "data": {"train": {"format": "image_folder", "path": os.path.abspath(options.folder)}},
                "augment": {"random_resized_crop": {"scale": [0.08, 1]}, "horizontal_flip": 0.5},
                "trainer": {"batch_size": 32},
                "runtime": {"workers": 0},
            }, file)
        ours, theirs = [], []
        pillow_rate(files, 0.5, draw)
        for _ in range(options.rounds):
            ours.append(swin_rate(options.swin, config, options.seconds))
            theirs.append(pillow_rate(files, options.seconds, draw))
    swin = statistics.median(run["images_per_second"] for run in ours)
    pillow = statistics.median(theirs)
    ratio = swin / pillow
    if options.json:
        print(json.dumps({"swin_images_per_second": swin, "pillow_images_per_second": pillow,
                          "ratio": ratio, "pillow": PIL.__version__, "images": len(files),
                          "stages": ours[-1]["stages"]}))
    else:
        for stage in ours[-1]["stages"]:
            print(f"  swin {stage['stage']:<10} {1e6 * stage['seconds_per_image']:8.1f} us per image")
        print(f"swin {swin:.1f} images/s, Pillow {PIL.__version__} {pillow:.1f} images/s, one core each: "
              f"{ratio:.2f} times")
    return 0 if ratio >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
