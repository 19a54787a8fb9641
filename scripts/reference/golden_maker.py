"""Shared by make_goldens.py and make_v1_goldens.py: a golden is built from a seed, computed in
float64, checked for noise (noise.py) and written."""
import dataclasses
import pathlib
import sys
import typing

import numpy as np
import safetensors.numpy
import torch

import generated
import golden_file
import noise
import peers

NOT_RESULTS = ("input", "target", "mask", "weight")  # and those whose names begin with "input." …


@dataclasses.dataclass
class Golden:
    config: dict  # the model section
    peer: peers.Peer
    images: np.ndarray
    loss_of: typing.Callable  # {name: tensor} → loss, in the precision of the tensors
    notes: dict  # the metadata
    extra: dict = dataclasses.field(default_factory=dict)  # stored, too: target or mask
    weights: dict | None = None  # written to the file notes["weights"]
    task: dict | None = None  # the task section
    vanishing: tuple = ()  # parameters whose gradient is zero but for rounding; it is not stored
    sampled: bool = False  # holds samples of each tensor, and no images (they are generated)

    def compute(self, peer, images):
        """The results in the form in which they are stored: outputs, loss, gradients."""
        tensors = peer.forward(peer, torch.from_numpy(images).to(peer.dtype))
        if "loss" not in tensors:
            tensors["loss"] = self.loss_of(tensors)
        peer.model.zero_grad()
        tensors["loss"].backward()
        tensors.update(peer.gradients())
        tensors = {name: tensor.detach().numpy() for name, tensor in tensors.items()
                   if name.removeprefix("grad.") not in self.vanishing}
        if not self.sampled:
            return tensors
        whole = {name: tensors.pop(name) for name in ("logits", "loss")}
        return {**whole, **samples(tensors, self.notes["seed"])}

    def results(self):
        return self.compute(self.peer, self.images)

    def noise(self, results, runs=noise.RUNS):
        return noise.measure(self.peer, self.images, self.compute, results, runs)

    def save(self, folder, name, results):
        images = {} if self.sampled else {"input": self.images}
        golden_file.save(folder / f"{name}.safetensors", {**images, **self.extra, **results},
                         **self.notes)
        golden_file.save_config(folder / f"{name}.json", self.config, self.task)
        if self.weights is not None:
            golden_file.save(folder / self.notes["weights"], self.weights,
                             made_by=self.notes["made_by"])


def samples(tensors, seed):
    """256 elements of each tensor at generated indices, and its largest absolute value."""
    kept = {}
    for name, tensor in tensors.items():
        flat = tensor.reshape(-1)
        kept["sample." + name] = flat[generated.sample_indices(seed, name, flat.size)]
        kept["max." + name] = np.abs(flat).max()
    return kept


def cross_entropy(target):
    """Cross entropy with labels or with rows of probabilities."""
    target = torch.from_numpy(target)

    def loss_of(tensors):
        logits = tensors["logits"]
        return torch.nn.functional.cross_entropy(
            logits, target.to(logits.dtype) if target.is_floating_point() else target)
    return loss_of


class Case(typing.NamedTuple):
    name: str
    build: typing.Callable  # seed → Golden
    first_seed: int
    folder: pathlib.Path = golden_file.GOLDENS

    @property
    def path(self):
        return self.folder / f"{self.name}.safetensors"

    def seed(self):
        """The seed of the committed golden, or the first if none is recorded."""
        notes = golden_file.notes(self.path) if self.path.exists() else {}
        return notes.get("seed", self.first_seed)

    def is_quiet(self, seed, share, tensor):
        quiet = share <= noise.LIMIT
        print(f"{self.name}: seed {seed}, noise {share:.2f} of the tolerance at {tensor}"
              f"{'' if quiet else ': too much'}", flush=True)
        return quiet

    def make(self):
        """Writes the golden of the first quiet seed, starting at the recorded one."""
        seed = recorded = self.seed()
        while True:
            golden = self.build(seed)
            results = golden.results()
            runs = noise.RUNS if seed == recorded and self.path.exists() else noise.SEARCH_RUNS
            if self.is_quiet(seed, *golden.noise(results, runs)):
                break
            seed += 1
        golden.save(self.folder, self.name, results)

    def check(self):
        """Whether the committed golden is quiet."""
        results = {name: values for name, values in safetensors.numpy.load_file(self.path).items()
                   if name.split(".")[0] not in NOT_RESULTS}
        return self.is_quiet(self.seed(), *self.build(self.seed()).noise(results))


def chosen(cases, names):
    unknown = set(names) - {case.name for case in cases}
    if unknown:
        sys.exit(f"found the case {', '.join(sorted(unknown))}, expected some of "
                 f"{', '.join(case.name for case in cases)}")
    return [case for case in cases if not names or case.name in names]


def check(cases):
    """Exits with 1 and names the cases whose noise is over the limit."""
    noisy = [case.name for case in cases if not case.check()]
    if noisy:
        sys.exit(f"noise over {noise.LIMIT} of the tolerance: {', '.join(noisy)}; make them again")
