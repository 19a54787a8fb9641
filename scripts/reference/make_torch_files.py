#!/usr/bin/env python3
"""Writes the small .pth files, valid and hostile, of tests/files/torch_file_test.cpp and the seeds of the fuzz
targets.

    python3 scripts/reference/make_torch_files.py          (torch 2.14.1; into tests/files/torch/ and fuzz/corpus/)

The values are those of arange, so that the tests know them. torch stores random keys or addresses, so a second run gives
the same contents, but not the same bytes.
"""
import argparse
import collections
import hashlib
import io
import os
import pathlib
import pickle
import shutil
import struct
import sys
import types as module_types
import zipfile

import torch


def arange(*shape, dtype=torch.float32):
    count = 1
    for dim in shape:
        count *= dim
    return torch.arange(count).reshape(shape).to(dtype)


def state_dict(dtype=torch.float32):
    """Like the result of nn.Module.state_dict: an OrderedDict with an attribute _metadata."""
    result = collections.OrderedDict()
    result["norm.weight"] = arange(3, dtype=dtype)
    result["head.weight"] = arange(2, 3, dtype=dtype) / 4 - 1
    result["norm.num_batches_tracked"] = torch.tensor(7)
    result._metadata = collections.OrderedDict({"": {"version": 1}})
    return result


def odd_tensors():
    base = arange(4, 6)
    return {
        "transposed": base.t(),
        "shared": base,
        "row": base[1],
        "column": base[:, 2],
        "step": base[::2, 1::3],
        "expanded": torch.tensor([5.0]).expand(3),
        "permuted": arange(2, 3, 4).permute(2, 0, 1),
        "one_sided": arange(3).reshape(3, 1).t(),
        "empty": torch.empty(0, 3),
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(arange(2)),
        "channels_last": arange(1, 2, 2, 2).contiguous(memory_format=torch.channels_last),
    }


def types():
    values = [0, 1, 2, 100]
    return {str(dtype)[len("torch."):]: torch.tensor(values).to(dtype) for dtype in (
        torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
        torch.int8, torch.uint8, torch.bool)}


class Config(dict):
    """Pickled like yacs.config.CfgNode, which need not be installed."""


Config.__module__, Config.__qualname__, Config.__name__ = "yacs.config", "CfgNode", "CfgNode"


class History:
    """Pickled like mmengine.logging.HistoryBuffer, with its methods."""

    def __init__(self):
        self.log = [1.0]

    def min(self):
        return min(self.log)

    def __getstate__(self):
        return {"log": self.log, "statistics_methods": {"min": History.min}}


History.__module__, History.__qualname__ = "mmengine.logging.history_buffer", "HistoryBuffer"
History.min.__module__, History.min.__qualname__ = "mmengine.logging.history_buffer", "HistoryBuffer.min"


def mm_run():
    """A checkpoint of mmengine."""
    return {"meta": {"epoch": 12, "cfg": "model = dict()"}, "state_dict": state_dict(),
            "message_hub": {"log_scalars": {"train/loss": History()}}}


def training_run():
    """A published training checkpoint: model, optimizer, epoch, config."""
    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(arange(2, 3))
        model.bias.copy_(arange(2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        model.weight.copy_(arange(2, 3))
        model.bias.copy_(arange(2))
    config = Config(MODEL=Config(TYPE="swin", DROP_PATH_RATE=0.2), AMP=True)
    config.__dict__["__immutable__"] = True
    config.__dict__["__deprecated_keys__"] = {"OLD"}
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 299, "max_accuracy": 81.2,
            "config": config, "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), path=pathlib.PosixPath("x")),
            "dtype": torch.float32, "size": torch.Size([2, 3]), "large": 1 << 40, "bytes": b"\x00\xff",
            "scaler": None, "history": [(1, 2.5), (2, -3.5)], "done": {1, 2}, "frozen": frozenset([1])}


def nested_run():
    """Several state dicts in dicts, one of them in float64, beside an optimizer's state by name."""
    return {"run": {"student": state_dict(torch.float64), "teacher": {"net": state_dict()}}, "epoch": 3,
            "optimizer": {"state": {"weight": {"exp_avg": arange(3)}}}}


class Command:
    """Loading its pickle in Python calls os.system."""

    def __reduce__(self):
        return os.system, ("touch swin_was_fooled",)


def install_classes():
    """Makes the modules in which pickle looks the classes up."""
    for name in ("yacs", "yacs.config", "mmengine", "mmengine.logging", "mmengine.logging.history_buffer"):
        sys.modules[name] = module_types.ModuleType(name)
    sys.modules["yacs.config"].CfgNode = Config
    sys.modules["mmengine.logging.history_buffer"].HistoryBuffer = History


def rewritten(original, change):
    """The zip archive with its entries replaced by those that change(name, bytes) returns."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            for name, content, method in change(entry.filename, source.read(entry)):
                target.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def safetensors_file(header, data):
    return struct.pack("<Q", len(header)) + header + data


def checkpoint(payload):
    """The userblock of a checkpoint (docs/checkpoint_format.md) around any payload."""
    block = b"swin checkpoint\n" + struct.pack("<IIQ", 1, 4096, len(payload)) + hashlib.sha256(payload).digest()
    return block.ljust(4096, b"\0") + payload


def write_seeds(corpus, samples):
    def write(target, name, content):
        (corpus / target).mkdir(parents=True, exist_ok=True)
        (corpus / target / name).write_bytes(content)

    for name in ("plain", "odd", "training", "training_protocol5", "protocol4", "os_system", "nested"):
        with zipfile.ZipFile(samples / f"{name}.pth") as archive:
            write("pickle", f"{name}.pkl", archive.read(archive.namelist()[0]))
    for name in ("plain", "legacy", "legacy_odd", "legacy_training", "twice", "compressed", "nested", "torchscript"):
        (corpus / "torch_file").mkdir(parents=True, exist_ok=True)
        shutil.copy(samples / f"{name}.pth", corpus / "torch_file")
    one = b'"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    two = b'"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},"e":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}'
    write("safetensors", "one", safetensors_file(b"{" + one + b"}", bytes(8)))
    write("safetensors", "metadata", safetensors_file(b'{"__metadata__":{"format":"pt"},' + one + b"}  ", bytes(8)))
    write("safetensors", "three", safetensors_file(b"{" + one + b"," + two + b"}", bytes(12)))
    write("safetensors", "none", safetensors_file(b"{}", b""))
    write("safetensors", "overlap", safetensors_file(b"{" + one + b"," + one.replace(b"w", b"v") + b"}", bytes(8)))
    write("checkpoint", "whole", checkpoint(b"payload"))
    write("checkpoint", "cut", checkpoint(b"payload")[:4000])
    write("checkpoint", "changed", checkpoint(b"payload").replace(b"pay", b"Pay"))
    write("checkpoint", "contents", bytes([1, 2, 3, 7]) + bytes(range(1, 60)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/files/torch")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)

    def write(name, content):
        (output / name).write_bytes(content)

    install_classes()
    legacy = {"_use_new_zipfile_serialization": False}
    plain = saved(state_dict())
    write("plain.pth", plain)
    write("half.pth", saved(state_dict(torch.float16)))
    write("bfloat16.pth", saved(state_dict(torch.bfloat16)))
    write("types.pth", saved(types()))
    write("odd.pth", saved(odd_tensors()))
    write("protocol4.pth", saved(state_dict(), pickle_protocol=4))
    write("legacy.pth", saved(state_dict(), **legacy))
    write("legacy_odd.pth", saved(odd_tensors(), **legacy))
    write("training.pth", saved(training_run()))
    write("legacy_training.pth", saved(training_run(), **legacy))
    write("training_protocol5.pth", saved(training_run(), pickle_protocol=5))

    write("mm.pth", saved(mm_run()))
    write("nested.pth", saved(nested_run()))

    write("single_tensor.pth", saved(arange(3)))
    write("no_tensors.pth", saved({"epoch": 3, "model": {"a": 1}}))
    write("whole_model.pth", saved(torch.nn.Linear(2, 2)))
    write("os_system.pth", saved({"w": arange(3), "x": Command()}))
    write("legacy_os_system.pth", saved({"w": arange(3), "x": Command()}, **legacy))
    write("os_system.pkl", pickle.dumps(Command(), protocol=2))
    write("expanded_bomb.pth", saved({"w": torch.zeros(1).expand(1 << 40)}))

    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    write("traversal.pth", rewritten(plain, lambda name, content: [
        (name, content, stored)] + ([("../../swin_was_fooled", b"x", stored)] if name.endswith("/version") else [])))
    write("absolute.pth", rewritten(plain, lambda name, content: [
        (("/" if name.endswith("data/0") else "") + name, content, stored)]))
    write("compressed.pth", rewritten(plain, lambda name, content: [(name, content, deflated)]))
    write("bomb.pth", rewritten(plain, lambda name, content: [
        (name, bytes(30_000_000) if name.endswith("data/0") else content, deflated if name.endswith("data/0") else stored)]))
    write("twice.pth", rewritten(plain, lambda name, content: [(name, content, stored)] * (
        2 if name.endswith("data/0") else 1)))
    write("big_endian.pth", rewritten(plain, lambda name, content: [
        (name, b"big" if name.endswith("byteorder") else content, stored)]))
    write("short_storage.pth", rewritten(plain, lambda name, content: [
        (name, content[:-4] if name.endswith("data/0") else content, stored)]))
    write("no_storage.pth", rewritten(plain, lambda name, content: [] if name.endswith("data/0") else [
        (name, content, stored)]))
    write("no_pickle.pth", rewritten(plain, lambda name, content: [] if name.endswith("data.pkl") else [
        (name, content, stored)]))
    write("torchscript.pth", rewritten(plain, lambda name, content: [(name, content, stored)] + (
        [(name.replace("data.pkl", "constants.pkl"), b"\x80\x02).", stored)] if name.endswith("data.pkl") else [])))
    encrypted = bytearray(plain)  # the encryption flag in every local and central header
    for magic, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = encrypted.find(magic)
        while at >= 0:
            bits, = struct.unpack_from("<H", encrypted, at + flag)
            struct.pack_into("<H", encrypted, at + flag, bits | 1)
            at = encrypted.find(magic, at + 4)
    write("encrypted.pth", bytes(encrypted))
    write_seeds(pathlib.Path(__file__).resolve().parents[2] / "fuzz/corpus", output)


if __name__ == "__main__":
    main()
