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


def pack(values, depth):
    bits = "".join(format(v, f"0{depth}b") for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def image(height, width):
    """Smooth colors with an edge, so that subsampling and ringing have an effect."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x // max(1, width - 1)
    green = 255 * y // max(1, height - 1)
    blue = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(height, width) / 3) ** 2, 230, 20)
    return np.stack([red, green, blue], -1).astype(np.uint8)


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


def bmps(path, color, values):
    """Pillow writes three kinds; the others are made here."""
    color.save(path("rgb.bmp"))
    color.convert("L").save(path("gray.bmp"))
    color.convert("P", palette=Image.ADAPTIVE, colors=19).save(path("palette.bmp"))
    Image.fromarray(image(9, 11)[:, :, 0] > 100).save(path("two_colors.bmp"))
    Image.fromarray(image(1, 1)).save(path("one_pixel.bmp"))

    def write(name, bits, data, size, header=40, compression=0, palette=b"", masks=b"", colors=0, offset=None):
        """data: the rows as they are stored; size: height (negative: from the top), width. Masks fill the rest of a header
        of more than 40 bytes."""
        if header == 12:
            info = struct.pack("<IHHHH", 12, size[1], size[0], 1, bits)
        else:
            info = struct.pack("<IIiHHIIIIII", header, size[1], size[0], 1, bits, compression, len(data), 0, 0, colors, 0)
        info += masks + b"\0" * (header - len(info) - len(masks))
        start = 14 + len(info) + len(palette) if offset is None else offset
        with open(path(name), "wb") as out:
            out.write(b"BM" + struct.pack("<IHHI", 14 + len(info) + len(palette) + len(data), 0, 0, start) + info + palette + data)

    def rows(packed):
        return b"".join(row + b"\0" * (-len(row) % 4) for row in packed)

    quads = bytes(255 if i % 4 == 3 else (37 * i + 5) % 256 for i in range(4 * 256))
    triples = bytes((53 * i + 9) % 256 for i in range(3 * 256))
    whole = (9, 13)  # of values
    for bits in (1, 4):
        packed = rows([pack(row % (1 << bits), bits) for row in values])
        write(f"palette_{bits}bit.bmp", bits, packed, whole, palette=quads[:4 << bits])
        write(f"os2_{bits}bit.bmp", bits, packed, whole, header=12, palette=triples[:3 << bits])
    eight = rows([row.astype(np.uint8).tobytes() for row in values])
    write("os2_8bit.bmp", 8, eight, whole, header=12, palette=triples)
    write("top_down.bmp", 8, eight, (-9, 13), palette=quads)
    write("palette_short.bmp", 8, eight, whole, palette=quads[:4 * 40], colors=40)  # larger indices are black
    grays = b"".join(bytes([i, i, i, 0]) for i in range(40))
    write("gray_short.bmp", 8, eight, whole, palette=grays, colors=40)  # larger indices are gray
    write("early_offset.bmp", 8, eight, whole, palette=quads, offset=54)  # before the palette, as some programs write
    write("no_offset.bmp", 8, eight, whole, palette=quads, offset=0)
    write("os2_second.bmp", 8, eight, whole, header=64, palette=quads)
    five = (values * 557).astype("<u2")
    sixteen = rows([row.tobytes() for row in five])
    write("rgb_555.bmp", 16, sixteen, whole)
    write("rgb_555_masks.bmp", 16, sixteen, whole, compression=3, palette=struct.pack("<III", 0x7C00, 0x3E0, 0x1F))
    write("rgb_565.bmp", 16, sixteen, (-9, 13), compression=3, palette=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    write("rgb_565_v4.bmp", 16, sixteen, whole, header=108, compression=3, masks=struct.pack("<IIII", 0xF800, 0x7E0, 0x1F, 0))
    wide = (values.astype(np.uint64) * 2654435761 % (1 << 32)).astype("<u4").tobytes()
    write("rgb_32bit.bmp", 32, wide, whole)
    layouts = [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0),
               (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
               (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0)]
    for i, masks in enumerate(layouts):
        write(f"masks_{i}.bmp", 32, wide, whole, header=124, compression=3, masks=struct.pack("<IIII", *masks))
    write("masks_v2.bmp", 32, wide, whole, header=52, compression=3, masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
    write("masks_v3.bmp", 32, wide, whole, header=56, compression=3, masks=struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    write("masks_40.bmp", 32, wide, whole, compression=3, palette=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
    three = rows([(row.repeat(3) * 7 % 251 + np.arange(39)).astype(np.uint8).tobytes() for row in values])
    write("masks_24bit.bmp", 24, three, whole, compression=3, palette=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
    # Runs, literals of odd and even length, one over the end of a row, a run over it, a skip, ends of rows.
    write("rle8.bmp", 8, bytes([5, 7, 0, 3, 1, 2, 3, 0, 5, 9, 0, 0, 0, 4, 10, 11, 12, 13, 20, 30, 0, 0, 0, 2, 3, 1, 2, 200, 0, 0,
                                13, 77, 0, 0, 0, 20]) + bytes(range(50, 70)) + bytes([6, 99, 0, 0, 0, 2, 0, 2, 4, 44, 0, 2, 255, 255, 0, 1]),
          whole, compression=1, palette=quads)
    write("rle4.bmp", 4, bytes([5, 0x7A, 0, 3, 0x12, 0x30, 5, 0x9B, 0, 0, 0, 4, 0xAB, 0xCD, 20, 0x3E, 0, 0, 0, 2, 3, 1, 2, 0x21, 0, 0,
                                13, 0x70, 0, 0, 0, 19]) + bytes(range(50, 60)) + bytes([6, 0x99, 0, 0, 0, 2, 0, 2, 4, 0x4F, 0, 2, 255, 255, 0, 1]),
          (-9, 13), compression=2, palette=quads[:64])


def tiffs(path, color, alpha):
    gray = color.convert("L")
    palette = color.convert("P", palette=Image.ADAPTIVE, colors=19)
    for name, compression in (("raw", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits"),
                              ("zip", "tiff_deflate")):
        color.save(path(f"rgb_{name}.tif"), compression=compression)
    color.save(path("predictor.tif"), compression="tiff_lzw", tiffinfo={317: 2})
    color.save(path("rgb_jpeg.tif"), compression="jpeg", quality=85)
    gray.save(path("gray_jpeg.tif"), compression="jpeg", quality=85)
    gray.save(path("gray.tiff"))
    palette.save(path("palette.tif"), compression="packbits")
    with_alpha = Image.fromarray(alpha, "RGBA")
    with_alpha.save(path("rgba.tif"))
    with_alpha.save(path("rgba_lzw.tif"), compression="tiff_lzw")
    Image.fromarray(alpha[:, :, 2:].copy(), "LA").save(path("gray_alpha.tif"))
    color.save(path("big.tif"), big_tiff=True)
    color.resize((20, 14)).save(path("pages.tif"), save_all=True, append_images=[Image.new("RGB", (5, 4), "red")])
    for orientation in range(1, 10):
        Image.fromarray(image(7, 10)).save(path(f"exif_{orientation}.tif"), compression=None if orientation % 2 else "tiff_lzw",
                                           tiffinfo={274: orientation})
    more_tiffs(path, np.asarray(color), np.asarray(gray), alpha)


def more_tiffs(path, color, gray, alpha):
    """Kinds that Pillow reads but does not write."""
    def write(name, size, blocks, samples, photometric, order="<", fill=1, compress=None, **tags):
        """size: height, width; blocks: the bytes of strips or tiles."""
        if compress:
            blocks = [compress(block) for block in blocks]
        entries = {256: ("I", [size[1]]), 257: ("I", [size[0]]), 258: ("H", [8] * samples), 259: ("H", [8 if compress else 1]),
                   262: ("H", [photometric]), 266: ("H", [fill]), 277: ("H", [samples])}
        entries.update({int(tag[1:]): value for tag, value in tags.items() if value is not None})
        if photometric is None:
            del entries[262]
        place = 325 if 322 in entries else 279
        entries[place] = ("I", [len(block) for block in blocks])
        entries[324 if 322 in entries else 273] = ("I", [0] * len(blocks))
        directory_bytes = 2 + 12 * len(entries) + 4
        data_at = 8 + directory_bytes
        extra = b""
        sizes = {"H": 2, "I": 4}
        for tag, (kind, numbers) in entries.items():
            if sizes[kind] * len(numbers) > 4:
                extra += b"\0" * (sizes[kind] * len(numbers))
        starts, at = [], data_at + len(extra)
        for block in blocks:
            starts.append(at)
            at += len(block)
        entries[324 if 322 in entries else 273] = ("I", starts)
        directory, extra = struct.pack(order + "H", len(entries)), b""
        for tag in sorted(entries):
            kind, numbers = entries[tag]
            packed = struct.pack(order + kind * len(numbers), *numbers)
            directory += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[kind], len(numbers))
            if len(packed) > 4:
                directory += struct.pack(order + "I", data_at + len(extra))
                extra += packed
            else:
                directory += packed.ljust(4, b"\0")
        with open(path(name), "wb") as out:
            out.write((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + directory + b"\0" * 4 + extra +
                      b"".join(blocks))

    def tiles(array, side):
        height, width = array.shape[:2]
        padding = [(0, -height % side), (0, -width % side)] + [(0, 0)] * (array.ndim - 2)
        padded = np.pad(array, padding)
        return [padded[y:y + side, x:x + side].tobytes() for y in range(0, padded.shape[0], side) for x in range(0, padded.shape[1], side)]

    def strips(array, rows):
        return [array[y:y + rows].tobytes() for y in range(0, array.shape[0], rows)]

    tile = {"t322": ("I", [16]), "t323": ("I", [16])}
    for name, compress in (("tiles", None), ("tiles_deflate", zlib.compress)):
        write(f"rgb_{name}.tif", (37, 43), tiles(color, 16), 3, 2, compress=compress, **tile)
        write(f"gray_{name}.tif", (37, 43), tiles(gray, 16), 1, 1, compress=compress, **tile)
        planes = [t for c in range(3) for t in tiles(color[:, :, c], 16)]
        write(f"planes_{name}.tif", (37, 43), planes, 3, 2, compress=compress, t284=("H", [2]), **tile)
    write("strips_big_endian.tif", (37, 43), strips(color, 5), 3, 2, order=">", t278=("I", [5]))
    write("gray_inverted.tif", (37, 43), strips(gray, 8), 1, 0, t278=("I", [8]))
    write("no_photometric.tif", (37, 43), [gray.tobytes()], 1, None)
    write("planes.tif", (37, 43), [s for c in range(3) for s in strips(color[:, :, c], 10)], 3, 2, t278=("I", [10]), t284=("H", [2]))
    write("planes_deflate.tif", (9, 11), [alpha[:, :, c].tobytes() for c in range(4)], 4, 2, compress=zlib.compress, t284=("H", [2]),
          t338=("H", [2]))
    write("rgbx.tif", (9, 11), [alpha.tobytes()], 4, 2, t338=("H", [0]))
    write("rgb_premultiplied.tif", (9, 11), [alpha.tobytes()], 4, 2, t338=("H", [1]))
    write("rgb_premultiplied_deflate.tif", (9, 11), [alpha.tobytes()], 4, 2, compress=zlib.compress, t338=("H", [1]))
    write("no_extra_samples.tif", (9, 11), [alpha.tobytes()], 4, 2)
    write("gray_reversed_bits.tif", (9, 11), [bytes(int(f"{b:08b}"[::-1], 2) for b in alpha[:, :, 0].tobytes())], 1, 1, fill=2)
    colors = [i * 557 % 65536 for i in range(3 * 256)]
    write("palette_raw.tif", (9, 11), [alpha[:, :, 1].tobytes()], 1, 3, order=">", t320=("H", colors))
    write("palette_alpha.tif", (9, 11), [alpha[:, :, 1:3].tobytes()], 2, 3, t320=("H", colors), t338=("H", [2]))


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
