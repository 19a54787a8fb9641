#!/usr/bin/env python3
"""Writes tests/files/hdf5/*.h5: small third-party data sets, some to be read and some to be refused.

    python3 scripts/reference/make_third_party_hdf5.py [FOLDER]

Needs h5py. Images are (6, 5, 7, 3) with the byte (131 n + 17 y + 29 x + 71 c) mod 256, labels n mod 3.
"""
import pathlib
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/files/hdf5")
folder.mkdir(parents=True, exist_ok=True)
n, y, x, c = np.indices((6, 5, 7, 3))
IMAGES = ((131 * n + 17 * y + 29 * x + 71 * c) % 256).astype(np.uint8)
LABELS = (np.arange(6) % 3).astype(np.int64)
NAMES = np.array(["cat", "dog", "emu"], "S")


def write(name, images=IMAGES, labels=LABELS, names=None, image_options={}, label_options={}, libver=None):
    with h5py.File(folder / f"{name}.h5", "w", libver=libver) as file:
        if images is not None:
            file.create_dataset("images", data=images, track_times=False, **image_options)
        if labels is not None:
            file.create_dataset("labels", data=labels, track_times=False, **label_options)
        if names is not None:
            file.create_dataset("class_names", data=names, track_times=False)
    return folder / f"{name}.h5"


write("contiguous", names=NAMES)
write("chunked", image_options={"chunks": (2, 5, 7, 3)}, label_options={"chunks": (4,)})
write("latest", names=NAMES, image_options={"chunks": (4, 3, 7, 3), "maxshape": (None, 5, 7, 3)}, libver="latest")
write("gray", images=IMAGES[..., 0], labels=LABELS.astype(">i2"))
many = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1], [1, 0, 0]])
write("many_labels", labels=many.astype(bool), names=NAMES)
with h5py.File(write("names_attribute"), "a") as file:
    file.attrs["class_names"] = NAMES

write("gzip", image_options={"chunks": (2, 5, 7, 3), "compression": "gzip"})
write("checksum", label_options={"chunks": (6,), "fletcher32": True})
write("float_images", images=IMAGES.astype(np.float32))
write("float_labels", labels=LABELS.astype(np.float64))
write("two_channels", images=IMAGES[..., :2])
write("flat_images", images=IMAGES.reshape(6, -1))
write("short_labels", labels=LABELS[:5])
write("no_labels", labels=None)
write("empty", images=IMAGES[:0], labels=LABELS[:0])
write("label_out_of_range", labels=np.array([0, 1, 2, 3, 0, 1]), names=NAMES)
write("class_left_out", labels=np.array([0, 1, 3, 3, 0, 1]))
write("negative_label", labels=np.array([0, 1, 2, -1, 0, 1]))
write("not_a_bit", labels=np.array(many * 2))
with h5py.File(write("variable_names"), "a") as file:
    file.attrs["class_names"] = ["cat", "dog", "emu"]
with h5py.File(write("unwritten", images=None), "a") as file:
    file.create_dataset("images", (6, 5, 7, 3), np.uint8, chunks=(2, 5, 7, 3), track_times=False)
with h5py.File(write("partly_written", images=None), "a") as file:  # three of four chunks, larger than the images
    options = {"chunks": (4, 3, 7, 3), "fill_time": "never"}
    images = file.create_dataset("images", IMAGES.shape, np.uint8, track_times=False, **options)
    images[:4] = IMAGES[:4]
    images[4:, :3] = IMAGES[4:, :3]
with h5py.File(write("huge", images=None), "a") as file:
    file.create_dataset("images", (1 << 30, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3), track_times=False)
with h5py.File(write("soft_link", images=None), "a") as file:
    file.create_dataset("elsewhere", data=IMAGES, track_times=False)
    file["images"] = h5py.SoftLink("/elsewhere")
with h5py.File(write("external_link", images=None), "a") as file:
    file["images"] = h5py.ExternalLink("contiguous.h5", "/images")
with h5py.File(write("external_storage", images=None), "a") as file:
    file.create_dataset("images", IMAGES.shape, np.uint8, external=[("/etc/passwd", 0, IMAGES.size)], track_times=False)
with h5py.File(write("virtual", images=None), "a") as file:
    layout = h5py.VirtualLayout(IMAGES.shape, np.uint8)
    layout[:] = h5py.VirtualSource("contiguous.h5", "images", IMAGES.shape)
    file.create_virtual_dataset("images", layout)
with h5py.File(write("group", images=None), "a") as file:
    file.create_group("images")
