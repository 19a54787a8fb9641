#!/usr/bin/env python3
"""Writes docs/demo_images: the first test image of each Fashion-MNIST class, as 28 x 28 gray PNG files.

Needs only Python and Debian's dataset-fashion-mnist:  scripts/reference/make_demo_images.py [FOLDER]
"""
import gzip
import pathlib
import struct
import sys
import zlib

CLASSES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]


def png(rows):
    """An 8-bit gray PNG file from rows of bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    target = pathlib.Path(__file__).resolve().parents[2] / "docs" / "demo_images"
    target.mkdir(parents=True, exist_ok=True)
    for label, name in enumerate(CLASSES):
        begin = 16 + 784 * labels.index(label)
        rows = [images[begin + 28 * y : begin + 28 * (y + 1)] for y in range(28)]
        (target / f"{name}.png").write_bytes(png(rows))


if __name__ == "__main__":
    main()
