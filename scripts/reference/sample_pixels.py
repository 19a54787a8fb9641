"""The pixels of the images that make_image_goldens.py makes."""
import numpy as np


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
