#!/usr/bin/env python3
"""Makes the goldens of the data room from Pillow: resized noise (tests/data/resize_goldens.txt), small JPEG and
PNG files (tests/data/images/) and what Pillow decodes them to (tests/data/decode_goldens.txt).

Needs python3-pil and python3-numpy; run from anywhere. Made with Pillow 9.4 (Debian 12)."""
import hashlib
import os
import struct
import zlib

import numpy as np
from PIL import Image

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data")
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


def noise(height, width, channels):
    """Bytes that the test makes too: a multiplicative hash of the place."""
    place = np.arange(height * width * channels, dtype=np.uint64)
    value = (place * 2654435761 + 12345) & 0xFFFFFFFF
    value ^= value >> 15
    array = (value & 255).astype(np.uint8).reshape(height, width, channels)
    return array[:, :, 0] if channels == 1 else array


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def resize_goldens():
    sizes = [  # height, width → height, width
        (28, 28, 32, 32), (32, 32, 224, 224), (375, 500, 256, 341), (100, 37, 13, 99), (1, 1, 5, 7),
        (64, 64, 1, 1), (50, 50, 50, 25), (50, 50, 25, 50), (17, 300, 18, 3), (7, 9, 63, 64), (40, 40, 40, 40),
    ]
    with open(os.path.join(HERE, "resize_goldens.txt"), "w") as out:
        out.write("# height width channels new_height new_width filter sha256; make_image_goldens.py\n")
        for height, width, new_height, new_width in sizes:
            for channels in (1, 3):
                image = Image.fromarray(noise(height, width, channels))
                for name, kind in FILTERS.items():
                    resized = np.asarray(image.resize((new_width, new_height), kind))
                    out.write(f"{height} {width} {channels} {new_height} {new_width} {name} {sha(resized)}\n")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows, width, depth, color, extra=b""):
    """rows: the packed bytes of each row. Kinds that Pillow reads but does not write."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def pack(values, depth):
    bits = "".join(format(v, f"0{depth}b") for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def picture(height, width):
    """Smooth colours with an edge, so that subsampling and ringing show."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x // max(1, width - 1)
    green = 255 * y // max(1, height - 1)
    blue = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(height, width) / 3) ** 2, 230, 20)
    return np.stack([red, green, blue], -1).astype(np.uint8)


def decode_goldens():
    folder = os.path.join(HERE, "images")
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    color = Image.fromarray(picture(37, 43))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        color.save(path(f"rgb_{name}.jpg"), quality=85, subsampling=subsampling)
    color.save(path("progressive.jpg"), quality=60, progressive=True)
    color.convert("L").save(path("gray.jpg"), quality=90)
    color.convert("CMYK").save(path("cmyk.jpg"), quality=90)
    Image.fromarray(picture(1, 1)).save(path("one_pixel.jpg"))
    color.save(path("rgb.png"))
    color.convert("L").save(path("gray.png"))
    color.convert("P", palette=Image.ADAPTIVE, colors=19).save(path("palette.png"))
    alpha = np.dstack([picture(9, 11), np.arange(99, dtype=np.uint8).reshape(9, 11) * 2])
    Image.fromarray(alpha, "RGBA").save(path("rgba.png"))
    Image.fromarray(alpha[:, :, 2:], "LA").save(path("gray_alpha.png"))
    values = np.arange(9 * 13).reshape(9, 13)
    for depth in (1, 2, 4):
        write_png(path(f"gray_{depth}bit.png"), [pack(row % (1 << depth), depth) for row in values], 13, depth, 0)
    wide = (values * 557).astype(">u2")
    write_png(path("gray_16bit.png"), [row.tobytes() for row in wide], 13, 16, 0)
    rgb16 = np.stack([wide, wide[::-1], wide[:, ::-1]], -1).astype(">u2")
    write_png(path("rgb_16bit.png"), [row.tobytes() for row in rgb16], 13, 16, 2)
    palette = bytes(range(100, 100 + 3 * 16))
    extra = chunk(b"PLTE", palette) + chunk(b"tRNS", bytes([0, 128]))
    write_png(path("palette_4bit_transparent.png"), [pack(row % 16, 4) for row in values], 13, 4, 3, extra)

    with open(os.path.join(HERE, "decode_goldens.txt"), "w") as out:
        out.write("# file channels height width sha256 of the pixels; make_image_goldens.py\n")
        for name in sorted(os.listdir(folder)):
            for channels, mode in ((1, "L"), (3, "RGB")):
                if name == "gray_16bit.png":  # Pillow saturates here; the high byte is what is wanted
                    pixels = (wide >> 8).astype(np.uint8)
                    if channels == 3:
                        pixels = np.repeat(pixels[:, :, None], 3, 2)
                else:
                    with Image.open(path(name)) as image:
                        pixels = np.asarray(image.convert(mode))
                out.write(f"{name} {channels} {pixels.shape[0]} {pixels.shape[1]} {sha(pixels)}\n")


resize_goldens()
decode_goldens()
