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


def save_config(path, model, task=None):
    """A config of a model section, and of a task section if there is one, for `swin verify --config`."""
    def section(name, fields):
        lines = [f'    {json.dumps(key)}: {json.dumps(value)}' for key, value in fields.items()]
        return f'  "{name}": {{\n' + ",\n".join(lines) + "\n  }"
    sections = [section("model", model)] + ([section("task", task)] if task else [])
    path.write_text("{\n" + ",\n".join(sections) + "\n}\n")
    path.chmod(0o644)
