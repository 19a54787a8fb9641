#!/usr/bin/env python3
"""Makes the goldens of the data room with Pillow: resized noise (tests/data/resize_goldens.txt), small JPEG, PNG, WebP,
BMP and TIFF files (tests/data/images/), their pixels as Pillow decodes them (decode_goldens.txt), rotates and flips them by
EXIF (exif_goldens.txt), and decodes them at a half, a quarter and an eighth of their size (scaled_goldens.txt).

    make_image_goldens.py            writes the tables from the existing images; made with Pillow 13.0.0
    make_image_goldens.py --images   writes the images first; the existing ones were made with Pillow 9.4,
                                     BMP and TIFF with 13.0.0
    make_image_goldens.py --check    decodes the existing images with the installed Pillow and lists the differences

The two passes of a resize are in the order of Pillow 13; earlier versions give another resize_goldens.txt.
Needs pillow and numpy; run from anywhere."""
import hashlib
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps, __version__

from bmp_tiff_images import bmps, tiffs
from sample_pixels import image, pack

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data")
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


def noise(height, width, channels):
    """Bytes that the test makes, too: a multiplicative hash of the index."""
    index = np.arange(height * width * channels, dtype=np.uint64)
    value = (index * 2654435761 + 12345) & 0xFFFFFFFF
    value ^= value >> 15
    array = (value & 255).astype(np.uint8).reshape(height, width, channels)
    return array[:, :, 0] if channels == 1 else array


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def resize_goldens():
    sizes = [  # height, width → height, width
        (28, 28, 32, 32), (32, 32, 224, 224), (375, 500, 256, 341), (100, 37, 13, 99), (1, 1, 5, 7),
        (64, 64, 1, 1), (50, 50, 50, 25), (50, 50, 25, 50), (17, 300, 18, 3), (7, 9, 63, 64), (40, 40, 40, 40),
        # The vertical pass is first if the height shrinks by more than twice the factor of the width.
        (100, 60, 60, 40), (101, 60, 60, 40), (99, 60, 60, 40), (41, 30, 40, 31), (40, 30, 40, 31), (40, 30, 41, 33),
        (43, 30, 40, 29), (42, 30, 40, 29), (41, 30, 40, 30), (300, 400, 224, 224), (400, 300, 224, 224), (500, 20, 64, 96),
        (2, 600_000, 3, 300), (600_000, 2, 300, 3),  # so long that the weights are computed in parts
    ]
    boxes = [  # of an image: height, width; top, left, height, width → height, width
        (90, 120, 3, 5, 61, 40, 21, 20), (90, 120, 3, 5, 60, 40, 20, 20), (90, 120, 29, 77, 61, 43, 24, 24),
        (90, 120, 0, 0, 90, 47, 24, 20), (120, 90, 60, 1, 60, 89, 24, 24), (120, 90, 7, 11, 100, 20, 32, 32),
    ]
    cases = [(h, w, 0, 0, h, w, *to) for h, w, *to in sizes] + boxes
    with open(os.path.join(HERE, "resize_goldens.txt"), "w") as out:
        out.write("# height width channels, top left height width of the box, new_height new_width filter sha256; "
                  f"make_image_goldens.py with Pillow {__version__}\n")
        for height, width, top, left, box_height, box_width, new_height, new_width in cases:
            for channels in (1, 3):
                image = Image.fromarray(noise(height, width, channels))
                box = image.crop((left, top, left + box_width, top + box_height))
                for name, kind in FILTERS.items():
                    resized = np.asarray(box.resize((new_width, new_height), kind))
                    out.write(f"{height} {width} {channels} {top} {left} {box_height} {box_width} {new_height} {new_width} "
                              f"{name} {sha(resized)}\n")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows, width, depth, color, extra=b""):
    """Formats that Pillow reads but does not write. rows: the packed bytes of each row."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def make_images():
    folder = os.path.join(HERE, "images")
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    color = Image.fromarray(image(37, 43))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        color.save(path(f"rgb_{name}.jpg"), quality=85, subsampling=subsampling)
    color.save(path("progressive.jpg"), quality=60, progressive=True)
    color.convert("L").save(path("gray.jpg"), quality=90)
    color.convert("CMYK").save(path("cmyk.jpg"), quality=90)
    Image.fromarray(image(1, 1)).save(path("one_pixel.jpg"))
    color.save(path("rgb.png"))
    color.convert("L").save(path("gray.png"))
    color.convert("P", palette=Image.ADAPTIVE, colors=19).save(path("palette.png"))
    alpha = np.dstack([image(9, 11), np.arange(99, dtype=np.uint8).reshape(9, 11) * 2])
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

    more_jpegs(path, color)
    more_pngs(path, values, wide)
    webps(path, color, alpha)
    oriented(path)
    bmps(path, color, values)
    tiffs(path, color, alpha)


def more_jpegs(path, color):
    """Formats that Pillow reads but does not write, made by changing the color transform in the Adobe segment."""
    with open(path("cmyk.jpg"), "rb") as file:
        cmyk = bytearray(file.read())
    at = cmyk.index(b"Adobe") + 11
    assert cmyk[at] == 0  # CMYK without transform
    cmyk[at] = 2  # YCCK
    with open(path("ycck.jpg"), "wb") as out:
        out.write(cmyk)
    with open(path("rgb_444.jpg"), "rb") as file:
        rgb = file.read()
    adobe = b"\xff\xee" + struct.pack(">H", 14) + b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)
    first = rgb.index(b"\xff\xdb")  # instead of JFIF, which implies YCbCr
    with open(path("rgb_not_ycc.jpg"), "wb") as out:
        out.write(rgb[:2] + adobe + rgb[first:])
    odd_jpegs(path, rgb, cmyk)


def odd_jpegs(path, rgb, cmyk):
    """Complete images for which libjpeg gives warnings, made by editing bytes. (odd_sampling.jpg was written with libjpeg
    itself: a v_samp_factor of 3, which Pillow does not offer.)"""
    def write(name, data):
        with open(path(name), "wb") as out:
            out.write(data)

    jfif, scan, end = rgb.index(b"JFIF\0"), rgb.index(b"\xff\xda"), len(rgb) - 2
    write("odd_jfif.jpg", rgb[:jfif + 5] + b"\0\0" + rgb[jfif + 7:])
    write("odd_end.jpg", rgb[:end] + bytes(range(1, 200)) + rgb[end:])
    write("odd_gap.jpg", rgb[:scan] + b"between segments" + rgb[scan:])
    write("odd_scan.jpg", rgb[:scan + 11] + b"\0\0\0" + rgb[scan + 14:])
    adobe = cmyk.index(b"Adobe") + 11
    write("odd_adobe.jpg", cmyk[:adobe] + b"\x01" + cmyk[adobe + 1:])


def interlaced(values, depth, pixel):
    """The seven passes of Adam7, each packed row after its filter byte. values: (height, width) of packed pixels (bytes)
    or of values of less than 8 bits."""
    data = b""
    for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        part = values[y0::dy, x0::dx]
        if part.size == 0:
            continue
        for row in part:
            data += b"\0" + (pack(row, depth) if pixel == 0 else row.tobytes())
    return zlib.compress(data, 9)


def more_pngs(path, values, wide):
    def header(width, height, depth, color, interlace=0):
        return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))

    def write(name, head, extra, data):
        with open(path(name), "wb") as out:
            out.write(b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))

    colors = bytes((7 * i + 11) % 256 for i in range(3 * 256))
    for depth in (1, 2):
        extra = chunk(b"PLTE", colors[:3 << depth]) + chunk(b"tRNS", bytes([0]))
        write_png(path(f"palette_{depth}bit.png"), [pack(row % (1 << depth), depth) for row in values], 13, depth, 3, extra)
    extra = chunk(b"PLTE", colors[:3 * 117]) + chunk(b"tRNS", bytes(range(0, 200, 2)))
    write_png(path("palette_8bit_transparent.png"), [row.astype(np.uint8).tobytes() for row in values], 13, 8, 3, extra)
    small = image(9, 13)
    write_png(path("gray_transparent.png"), [row.tobytes() for row in small[:, :, 0].copy()], 13, 8, 0,
              chunk(b"tRNS", struct.pack(">H", int(small[4, 4, 0]))))
    write_png(path("rgb_transparent.png"), [row.tobytes() for row in small], 13, 8, 2,
              chunk(b"tRNS", struct.pack(">HHH", *map(int, small[4, 4]))))
    alpha16 = np.stack([wide, wide[::-1], wide[:, ::-1], wide[::-1, ::-1]], -1)
    write_png(path("rgba_16bit.png"), [row.tobytes() for row in alpha16], 13, 16, 6)
    write_png(path("gray_alpha_16bit.png"), [row.tobytes() for row in alpha16[:, :, :2].copy()], 13, 16, 4)

    write("interlaced_rgb.png", header(13, 9, 8, 2, 1), b"", interlaced(small, 8, 3))
    write("interlaced_rgba.png", header(3, 2, 8, 6, 1), b"", interlaced(alpha16[:2, :3].astype(np.uint8), 8, 4))
    write("interlaced_gray_2bit.png", header(13, 9, 2, 0, 1), b"", interlaced(values % 4, 2, 0))
    write("interlaced_palette_4bit.png", header(13, 9, 4, 3, 1), chunk(b"PLTE", colors[:48]), interlaced(values % 16, 4, 0))
    write("interlaced_rgb_16bit.png", header(13, 9, 16, 2, 1), b"", interlaced(alpha16[:, :, :3].copy(), 16, 6))
    write("one_pixel_interlaced.png", header(1, 1, 8, 2, 1), b"", interlaced(small[:1, :1], 8, 3))
    Image.fromarray(small).save(path("a_png.JPEG"), "PNG")


def riff(chunks):
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webps(path, color, alpha):
    color.save(path("lossy.webp"), quality=70)
    color.resize((16, 16)).save(path("lossy_even.webp"), quality=20)
    color.save(path("lossless.webp"), lossless=True)
    color.convert("L").save(path("gray.webp"), quality=80)
    with_alpha = Image.fromarray(alpha, "RGBA")
    with_alpha.save(path("alpha_lossy.webp"), quality=80)
    with_alpha.save(path("alpha_lossless.webp"), lossless=True, exact=True)
    color.resize((20, 14)).save(path("animated.webp"), save_all=True, append_images=[Image.new("RGB", (20, 14), "red")], duration=50)
    # An animation whose first frame covers only a part of the canvas.
    still = io.BytesIO()
    color.resize((10, 6)).save(still, "WEBP", quality=70)
    frame = still.getvalue()[12:]
    u24 = lambda n: struct.pack("<I", n)[:3]
    with open(path("animated_part.webp"), "wb") as out:
        out.write(riff([(b"VP8X", bytes([2, 0, 0, 0]) + u24(15) + u24(11)), (b"ANIM", bytes([9, 8, 7, 255, 0, 0])),
                        (b"ANMF", u24(2) + u24(1) + u24(9) + u24(5) + u24(100) + b"\0" + frame)]))


def oriented(path):
    small = Image.fromarray(image(7, 10))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010F] = "maker"
        exif[0x0112] = orientation
        small.save(path(f"exif_{orientation}.jpg"), quality=90, exif=exif)
    exif[0x0112] = 6
    small.save(path("exif_6.png"), exif=exif)
    small.save(path("exif_6.webp"), lossless=True, exif=exif.tobytes())
    small.convert("L").save(path("exif_6_gray.jpg"), quality=90, exif=exif)
    big_endian = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0"
    small.save(path("exif_8_big_endian.jpg"), quality=90, exif=big_endian)
    small.save(path("exif_9.jpg"), quality=90, exif=big_endian.replace(b"\x08\0\0\0\0\0\0", b"\x09\0\0\0\0\0\0"))


def tables():
    """{file name: its text} for the existing images and the installed Pillow."""
    folder = os.path.join(HERE, "images")
    decoded = "# file channels height width sha256 of the pixels; make_image_goldens.py\n"
    as_seen = "# file channels height width sha256 of exif_transpose(image); make_image_goldens.py\n"
    scaled = "# file channels divided_by height width sha256 of the pixels; make_image_goldens.py\n"
    line = lambda name, channels, p, *more: " ".join(map(str, (name, channels, *more, *p.shape[:2], sha(p)))) + "\n"
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        for channels, mode in ((1, "L"), (3, "RGB")):
            with Image.open(path) as image:
                if name == "gray_16bit.png":  # Pillow saturates here; we want the high byte
                    pixels = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
                    if channels == 3:
                        pixels = np.repeat(pixels[:, :, None], 3, 2)
                else:
                    pixels = np.asarray(image.convert(mode))
            decoded += line(name, channels, pixels)
            if "exif" in name:
                with Image.open(path) as image:
                    as_seen += line(name, channels, np.asarray(ImageOps.exif_transpose(image).convert(mode)))
            if name in ("rgb_420.jpg", "rgb_422.jpg", "rgb_444.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "ycck.jpg",
                        "odd_sampling.jpg", "odd_jfif.jpg"):
                for divided_by in (2, 4, 8):
                    with Image.open(path) as image:
                        image.draft(image.mode, (image.width // divided_by, image.height // divided_by))
                        scaled += line(name, channels, np.asarray(image.convert(mode)), divided_by)
    return {"decode_goldens.txt": decoded, "exif_goldens.txt": as_seen, "scaled_goldens.txt": scaled}


if "--check" in sys.argv:
    differ = 0
    for name, text in tables().items():
        with open(os.path.join(HERE, name)) as file:
            for old, new in zip(file.read().splitlines(), text.splitlines(), strict=True):
                if old != new:
                    differ += 1
                    print(f"{name}: {old}\n{' ' * len(name)}  {new}")
    print(f"Pillow {__version__}: {differ} rows differ")
    sys.exit(differ != 0)
if "--images" in sys.argv:
    make_images()
resize_goldens()
for name, text in tables().items():
    with open(os.path.join(HERE, name), "w") as out:
        out.write(text)
