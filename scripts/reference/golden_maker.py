"""What make_goldens.py and make_v1_goldens.py share: a golden is built from a seed, computed in
float64, compared with its own noise (noise.py) and written."""
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

BESIDE = ("input", "target", "mask")  # what a golden holds besides results


@dataclasses.dataclass
class Golden:
    config: dict  # the model section
    peer: peers.Peer
    images: np.ndarray
    loss_of: typing.Callable  # {name: tensor} → loss, in the precision of the tensors
    notes: dict  # the metadata
    beside: dict = dataclasses.field(default_factory=dict)  # target or mask
    weights: dict | None = None  # to be written to the file that notes["weights"] names
    sampled: bool = False  # keeps samples of each tensor, and leaves the images to the generator

    def compute(self, peer, images):
        """What the library computes, as it is stored: tensors of its forward, loss, gradients."""
        tensors = peer.forward(peer, torch.from_numpy(images).to(peer.dtype))
        if "loss" not in tensors:
            tensors["loss"] = self.loss_of(tensors)
        peer.model.zero_grad()
        tensors["loss"].backward()
        tensors.update(peer.gradients())
        tensors = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
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
        golden_file.save(folder / f"{name}.safetensors", {**images, **self.beside, **results},
                         **self.notes)
        golden_file.save_config(folder / f"{name}.json", self.config)
        if self.weights is not None:
            golden_file.save(folder / self.notes["weights"], self.weights,
                             made_by=self.notes["made_by"])


def samples(tensors, seed):
    """256 values of each tensor by the generator's choice, and its largest absolute entry."""
    kept = {}
    for name, tensor in tensors.items():
        flat = tensor.reshape(-1)
        kept["sample." + name] = flat[generated.sample_places(seed, name, flat.size)]
        kept["max." + name] = np.abs(flat).max()
    return kept


def cross_entropy(target):
    """The loss of logits against labels, or against rows of probabilities."""
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
        """That of the committed golden; where none is recorded, the first."""
        notes = golden_file.notes(self.path) if self.path.exists() else {}
        return notes.get("seed", self.first_seed)

    def is_quiet(self, seed, share, tensor):
        quiet = share <= noise.LIMIT
        print(f"{self.name}: seed {seed}, noise {share:.2f} of the tolerance at {tensor}"
              f"{'' if quiet else ': too much'}", flush=True)
        return quiet

    def make(self):
        """Writes the golden of the next seed, from the recorded one on, that is quiet."""
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
                   if name not in BESIDE}
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
