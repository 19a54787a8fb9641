#!/usr/bin/env python3
"""Makes tests/data/augment_goldens.txt: hashes of the results of timm's, torchvision's and mmsegmentation's operations.

    python3 scripts/reference/make_augment_goldens.py

A row is: image operation argument sampling sha256. The test makes the same images as images() here.
Needs pillow, numpy, opencv, timm and torchvision."""
import hashlib
import os

import cv2
import numpy as np
import PIL
import timm
import torchvision
from PIL import Image
from make_segmentation_goldens import convert, saturated, turned
from timm.data import auto_augment as timm_ops
from torchvision.transforms import functional as torchvision_ops

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data")
SAMPLING = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
FILL = (124, 116, 104)


def noise(count):
    index = np.arange(count, dtype=np.uint64)
    value = (index * 2654435761 + 12345) & 0xFFFFFFFF
    value ^= value >> 15
    return (value & 255).astype(np.int64)


def images():
    """noise: every byte; slope: a dark gradient with a little noise; gray: the same of one channel; tiny: 2 x 2."""
    slope = lambda h, w, c: (np.arange(h)[:, None, None] * 2 + np.arange(w)[None, :, None] * 3 +
                             np.arange(c)[None, None, :] * 20 + noise(h * w * c).reshape(h, w, c) % 16 + 10)
    as_image = lambda a: Image.fromarray(a.astype(np.uint8)[:, :, 0] if a.shape[2] == 1 else a.astype(np.uint8))
    return {"noise": as_image(noise(31 * 37 * 3).reshape(31, 37, 3)), "slope": as_image(slope(33, 40, 3)),
            "gray": as_image(slope(24, 24, 1)), "tiny": as_image(noise(12).reshape(2, 2, 3))}


def rows():
    plain = {"auto_contrast": (lambda i, _: timm_ops.auto_contrast(i), [0]), "equalize": (lambda i, _: timm_ops.equalize(i), [0]),
             "invert": (lambda i, _: timm_ops.invert(i), [0]), "posterize": (timm_ops.posterize, [1, 3, 4, 7, 8]),
             "solarize": (timm_ops.solarize, [0, 26, 128, 200.5, 256]),
             "solarize_add": (timm_ops.solarize_add, [0, 40, 99, 110])}
    factors = [0, 0.1, 0.19, 0.55, 0.9, 1, 1.0625, 1.45, 1.81, 1.9, 2.5]
    plain.update({name: (getattr(timm_ops, name), factors) for name in ("color", "contrast", "brightness",
                                                                      "sharpness")})
    plain["hue"] = (torchvision_ops.adjust_hue, [-0.5, -0.31, -0.1, 0, 0.04, 0.2, 0.5])
    on_array = lambda change: lambda image, argument: Image.fromarray(change(np.asarray(image), argument))
    factors = [0.5, 0.7312, 1, 1.1, 1.4999]
    plain.update({"add": (on_array(lambda a, beta: convert(a, beta=beta)), [-32, -7.75, 0, 0.5, 31.9]),
                  "multiply": (on_array(convert), factors), "hsv_saturation": (on_array(saturated), factors),
                  "hsv_hue": (on_array(turned), [-18, -1, 0, 7, 17])})
    moved = {"rotate": (timm_ops.rotate, [-30, -27, -11.3, 0, 3.5, 17.25, 30]),
             "shear_x": (timm_ops.shear_x, [-0.3, -0.21, 0.03, 0.27]),
             "shear_y": (timm_ops.shear_y, [-0.3, -0.21, 0.03, 0.27]),
             "translate_x": (timm_ops.translate_x_abs, [-14.5, -3, 0.25, 9]),
             "translate_y": (timm_ops.translate_y_abs, [-14.5, -3, 0.25, 9])}
    for kind, image in images().items():
        for name, (operation, arguments) in plain.items():
            if kind == "gray" and name in ("hue", "hsv_saturation", "hsv_hue"):
                continue
            for argument in arguments:
                yield kind, name, argument, "nearest", operation(image, argument)
        for name, (operation, arguments) in moved.items():
            for argument in arguments:
                for sampling, resample in SAMPLING.items():
                    fill = FILL if image.mode == "RGB" else FILL[0]
                    yield kind, name, argument, sampling, operation(image, argument, fillcolor=fill,
                                                                       resample=resample)


with open(os.path.join(HERE, "augment_goldens.txt"), "w") as out:
    out.write("# image operation argument sampling sha256; make_augment_goldens.py with Pillow "
              f"{PIL.__version__}, timm {timm.__version__}, torchvision {torchvision.__version__.split('+')[0]}, "
              f"OpenCV {cv2.__version__}\n")
    for kind, name, argument, sampling, image in rows():
        digest = hashlib.sha256(np.ascontiguousarray(np.asarray(image)).tobytes()).hexdigest()
        out.write(f"{kind} {name} {argument} {sampling} {digest}\n")
