#!/usr/bin/env python3
"""Makes tests/data/segmentation_goldens.txt: samples of mmsegmentation's training pipeline (Resize with ratio_range, RandomCrop
with cat_max_ratio, RandomFlip, PhotoMetricDistortion, Pad), written down again with numpy, OpenCV and Pillow's resize, with the
draws of random_twin.py in place of numpy's.

    python3 scripts/reference/make_segmentation_goldens.py

A row is: height width sample new_height new_width top left flip, then the sha256 of the padded image and of its map. The test makes
the same images and maps as image_of() and map_of() here."""
import hashlib
import os

import cv2
import numpy as np
import PIL
from PIL import Image
from random_twin import bits, uniform as uniform24

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data")
SEED, EPOCH = 5, 2
SCALE, RATIO, CROP, MOST, IGNORED = (192, 48), (0.5, 2.0), (48, 40), 0.75, 65535
SIZES = [(60, 80), (97, 45), (48, 40), (33, 170)]


class Draws:
    def __init__(self, name, sample):
        self.key = (SEED, name, EPOCH, sample)

    def uniform(self, element, low, high):
        return low + (high - low) * (bits(*self.key, element) * 2.0**-32)

    def below(self, element, n):
        return bits(*self.key, element) * n >> 32


def image_of(h, w):
    index = np.arange(h * w * 3, dtype=np.uint64)
    value = (index * 2654435761 + 12345) & 0xFFFFFFFF
    return ((value ^ value >> 15) & 255).astype(np.uint8).reshape(h, w, 3)


def map_of(h, w):
    y, x = np.mgrid[:h, :w]
    classes = np.where(x < w * 6 // 10, 0, (y // 5 + x // 5) % 3 + 1)
    return np.where(y % 11 == 0, IGNORED, classes).astype(np.uint16)


def nearest(array, size):  # the pixel in which the center lies
    rows, columns = ((2 * np.arange(n) + 1) * old // (2 * n) for n, old in zip(size, array.shape))
    return array[rows][:, columns]


def resized(h, w, sample):
    ratio = Draws("data/resize_ratio", sample).uniform(0, *RATIO)
    scale = int(SCALE[0] * ratio), int(SCALE[1] * ratio)
    factor = min(max(scale) / max(h, w), min(scale) / min(h, w))
    return int(h * factor + 0.5), int(w * factor + 0.5)


def crop_box(size, map_, sample):
    draws = Draws("data/crop", sample)
    box = lambda t: [draws.below(2 * t + i, max(size[i] - CROP[i], 0) + 1) for i in (0, 1)]
    found = box(0)
    for tried in range(10):
        part = map_[found[0]:found[0] + CROP[0], found[1]:found[1] + CROP[1]]
        labels, counts = np.unique(part, return_counts=True)
        counts = counts[labels != IGNORED]
        if len(counts) > 1 and np.max(counts) / np.sum(counts) < MOST:
            break
        found = box(tried + 1)
    return found


def convert(image, alpha=1.0, beta=0.0):
    return np.clip(image.astype(np.float32) * np.float32(alpha) + np.float32(beta), 0, 255).astype(np.uint8)


def to_rgb(hsv):
    """OpenCV's scalar code, which rounds, without fused multiply-adds. Its code for 32 pixels at a time truncates."""
    f = np.float32
    position = hsv[..., 0].astype(f) * (f(6) / f(180))
    sector = position.astype(int)
    rest, (s, v) = position - sector.astype(f), (hsv[..., i].astype(f) * f(1 / 255) for i in (1, 2))
    one = f(1)
    values = np.stack([v, v * (one - s), v * (one - s * rest), v * (one - s * (one - rest))], -1)
    order = np.array([[0, 3, 1], [2, 0, 1], [1, 0, 3], [1, 2, 0], [3, 1, 0], [0, 1, 2]])[sector]
    rgb = np.rint(np.take_along_axis(values, order, -1) * f(255)).astype(np.uint8)
    of_opencv = cv2.cvtColor(hsv.reshape(-1, 1, 3), cv2.COLOR_HSV2RGB).reshape(hsv.shape)
    difference = np.abs(rgb.astype(int) - of_opencv)
    assert difference.max() <= 1 and (difference > 0).sum() <= 2 + rgb.size / 10000  # halves
    return rgb


def in_hsv(image, change):
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    change(hsv)
    return to_rgb(hsv)


def saturated(image, alpha):
    def change(hsv):
        hsv[:, :, 1] = convert(hsv[:, :, 1], alpha)
    return in_hsv(image, change)


def turned(image, steps):
    def change(hsv):
        hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + steps) % 180
    return in_hsv(image, change)


def distorted(image, sample):
    draws = Draws("data/photometric_distortion", sample)
    contrast = lambda i: convert(i, draws.uniform(3, 0.5, 1.5)) if draws.below(2, 2) else i
    if draws.below(0, 2):
        image = convert(image, beta=draws.uniform(1, -32, 32))
    first = draws.below(4, 2)
    if first:
        image = contrast(image)
    if draws.below(5, 2):
        image = saturated(image, draws.uniform(6, 0.5, 1.5))
    if draws.below(7, 2):
        image = turned(image, draws.below(8, 36) - 18)
    return image if first else contrast(image)


def sample_of(h, w, sample):
    size = resized(h, w, sample)
    map_ = nearest(map_of(h, w), size)
    image = np.asarray(Image.fromarray(image_of(h, w)).resize(size[::-1], Image.BILINEAR))
    top, left = crop_box(size, map_, sample)
    image, map_ = (a[top:top + CROP[0], left:left + CROP[1]] for a in (image, map_))
    flip = uniform24(SEED, "data/horizontal_flip", EPOCH, sample, 0) < 0.5
    if flip:
        image, map_ = image[:, ::-1], map_[:, ::-1]
    image = distorted(np.ascontiguousarray(image), sample)
    padding = [(0, CROP[i] - image.shape[i]) for i in (0, 1)]
    digest = lambda a: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()
    return (*size, top, left, int(flip), digest(np.pad(image, padding + [(0, 0)])),
            digest(np.pad(map_, padding, constant_values=IGNORED)))


if __name__ == "__main__":
    with open(os.path.join(HERE, "segmentation_goldens.txt"), "w") as out:
        out.write("# height width sample new_height new_width top left flip image map; make_segmentation_goldens.py with Pillow "
                  f"{PIL.__version__}, OpenCV {cv2.__version__}\n")
        for h, w in SIZES:
            for sample in range(12):
                out.write(" ".join(map(str, (h, w, sample, *sample_of(h, w, sample)))) + "\n")
