"""Writes golden files: tensors as float32, one JSON metadata entry `swin` (safetensors writes several
entries in random order), and a config of the model in a second file."""
import json
import pathlib

import numpy as np
import safetensors
import safetensors.numpy

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"


def versions(*modules):
    return ", ".join(f"{m.__name__} {m.__version__}" for m in modules)


def save(path, tensors, **entry):
    """tensors: name → array; float64 is rounded to float32. entry: the metadata (made_by and more)."""
    stored = {}
    for name, array in tensors.items():
        array = np.asarray(array)
        stored[name] = np.ascontiguousarray(array.astype(np.float32) if array.dtype == np.float64
                                            else array)
    path.parent.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(stored, path, {"swin": json.dumps(entry, sort_keys=True)})
    path.chmod(0o644)


def notes(path):
    """The metadata entry `swin` of a golden."""
    with safetensors.safe_open(path, "numpy") as file:
        return json.loads((file.metadata() or {}).get("swin", "{}"))


def save_config(path, model):
    """A config with only a model section, for `swin verify --config`."""
    lines = [f'    {json.dumps(key)}: {json.dumps(value)}' for key, value in model.items()]
    path.write_text('{\n  "model": {\n' + ",\n".join(lines) + "\n  }\n}\n")
    path.chmod(0o644)
