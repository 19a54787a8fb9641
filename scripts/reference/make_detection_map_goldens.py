#!/usr/bin/env python3
"""Makes tests/goldens/detection/maps.safetensors, in float64: torchvision's feature pyramid on maps with
odd sides (25 × 19 → 13 × 10 → 7 × 5 → 4 × 3), and the features of regions of all levels, some of them
partly outside of the image, by torchvision's rules and by those of the twin of mmdetection.

    python3 scripts/reference/make_detection_map_goldens.py [--check]

Weights, maps and what outputs are multiplied with for the gradients are generated (generated.py).
"""
import argparse
import collections

import numpy as np
import safetensors.numpy
import torch
import torchvision
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign, feature_pyramid_network

import detection_models
import generated
import golden_file
import golden_maker
import mm_detection_twin
import noise

SEED = 7
PATH = golden_file.GOLDENS / "detection" / "maps.safetensors"
MAPS = [(8, 25, 19), (16, 13, 10), (32, 7, 5), (64, 4, 3)]  # of the backbone
CHANNELS = 8
IMAGE = (512, 640)
# One of each level, on their borders, partly outside, thin, and smaller than a pixel of its map.
REGIONS = [(10.3, 20.7, 60.1, 55.2), (100.4, 50.3, 230.9, 200.2), (30.2, 10.6, 400.7, 260.9),
           (5.5, 3.25, 630.3, 500.8), (-40.3, -20.8, 50.2, 70.6), (250.7, 450.1, 300.9, 560.4),
           (300.1, 200.3, 303.2, 480.7), (200.6, 300.2, 201.1, 300.9), (-15.2, 100.3, 655.8, 130.9),
           (2.4, 5.1, 20.6, 300.7)]
FEW = [0, 2, 4]  # of these none is on the second or the fourth level


def pyramid(values, dtype):
    """values: name → array, of weights and maps."""
    def tensor(name):
        return torch.from_numpy(values[name]).to(dtype)
    model = FeaturePyramidNetwork([shape[0] for shape in MAPS], CHANNELS,
                                  extra_blocks=feature_pyramid_network.LastLevelMaxPool()).to(dtype)
    names = {official: name for name, _ in model.named_parameters()
             for official, *_ in detection_models.links("backbone.fpn." + name)}
    for official, name in names.items():
        model.get_parameter(name).data.copy_(tensor(official))
    maps = model(collections.OrderedDict(
        (level, tensor(f"fpn_input.{i}")) for i, level in enumerate(detection_models.LEVELS)))
    found = {f"fpn.{i}": map for i, map in enumerate(maps.values())}
    sum((map * torch.from_numpy(generated.images(SEED, map.shape, "cotangent." + name))).sum()
        for name, map in found.items()).backward()
    gradients = {"grad." + official: model.get_parameter(name).grad for official, name in names.items()}
    return found, gradients


def regions(values, dtype, convention, size, chosen):
    maps = [torch.from_numpy(values[f"map.{i}"]).to(dtype).requires_grad_() for i in range(4)]
    boxes = torch.tensor([REGIONS[i] for i in chosen], dtype=torch.float32).to(dtype)
    name = f"{convention}.{len(chosen)}.{size}"
    if convention == "mmdet":
        found = mm_detection_twin.pool(maps, [boxes], size)
        levels = mm_detection_twin.level_of(boxes)
    else:
        pool = MultiScaleRoIAlign(detection_models.LEVELS, size, 2)
        found = pool(dict(zip(detection_models.LEVELS, maps)), [boxes], [IMAGE])
        levels = pool.map_levels([boxes])
    (found * torch.from_numpy(generated.images(SEED, found.shape, "cotangent." + name))).sum().backward()
    gradients = {f"grad.{name}.{i}": map.grad for i, map in enumerate(maps) if map.grad is not None}
    return {name: found, f"{name}.levels": levels.to(torch.int32)}, gradients


def compute(values, dtype):
    found, gradients = pyramid(values, dtype)
    for convention in ("torchvision", "mmdet"):
        for size, chosen in ((7, range(len(REGIONS))), (14, FEW)):
            more = regions(values, dtype, convention, size, chosen)
            found.update(more[0])
            gradients.update(more[1])
    gradients = {name: value.numpy() for name, value in gradients.items()}
    return {**{name: value.detach().numpy() for name, value in found.items()},
            **golden_maker.samples(gradients, SEED)}


def inputs():
    values = {f"fpn_input.{i}": generated.images(SEED, (2, *shape), f"fpn_input.{i}")
              for i, shape in enumerate(MAPS)}
    for i, (channels, _, _) in enumerate(MAPS):
        for name, shape in ((f"lateral_convs.{i}", (CHANNELS, channels, 1, 1)),
                            (f"fpn_convs.{i}", (CHANNELS, CHANNELS, 3, 3))):
            for leaf, dims in (("weight", shape), ("bias", shape[:1])):
                official = f"neck.{name}.conv.{leaf}"
                values[official] = generated.weight(SEED, official, dims)
        values[f"map.{i}"] = generated.images(
            SEED, (1, 2, IMAGE[0] >> i + 2, IMAGE[1] >> i + 2), f"map.{i}")
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="measure the noise of the committed file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    values = inputs()
    results = safetensors.numpy.load_file(PATH) if arguments.check else compute(values, torch.float64)
    results.pop("regions", None)
    worst = (0.0, "")
    for run in range(noise.RUNS):
        generator = np.random.default_rng(run)
        moved = {name: noise.moved(value, generator) for name, value in values.items()}
        worst = max(worst, max((share, name) for name, share in
                               noise.shares(results, compute(moved, torch.float32)).items()))
    print(f"maps: noise {worst[0]:.2f} of the tolerance at {worst[1]}")
    if worst[0] > noise.LIMIT:
        raise SystemExit(f"noise over {noise.LIMIT} of the tolerance")
    if not arguments.check:
        golden_file.save(PATH, {**results, "regions": np.array(REGIONS, np.float32)}, seed=SEED,
                         made_by="scripts/reference/make_detection_map_goldens.py with " +
                                 golden_file.versions(torch, torchvision))


if __name__ == "__main__":
    main()
