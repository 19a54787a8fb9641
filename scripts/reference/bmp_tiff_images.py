"""The BMP and TIFF files among the images of make_image_goldens.py: the kinds that Pillow writes, and by hand those that it
only reads. `path` gives the path of a file's name."""
import struct
import zlib

import numpy as np
from PIL import Image

from sample_pixels import image, pack


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
