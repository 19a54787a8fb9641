#!/usr/bin/env python3
"""Makes tests/goldens/training_curve.json: twenty AdamW steps of small models in PyTorch.

    python3 scripts/reference/make_training_curve.py [--check]

torchvision's Swin and Swin V2 start with generated weights; batch t has the generated images of the
stream batch.<t>/input and the labels of batch.<t>/target (generated.py). Each step: mean cross entropy
with smoothed labels, gradients clipped to a global norm, torch.optim.AdamW in two groups (no decay for
biases, norms, tables, cpb_mlp and logit_scale), the learning rate of `schedule`. The losses are those
before each step, in float32, which the test compares, and in float64, which shows the size of rounding
errors. As for the other goldens, the next seed is taken while the noise (noise.py) is over half of the
tolerance. --check measures the committed curves.
"""
import argparse
import json
import math
import sys

import numpy as np
import torch
import torchvision

import generated
import golden_file
import noise
import peers
from make_goldens import model

FIRST_SEED, STEPS, BATCH = 7, 20, 8
TOLERANCE = 1e-4  # tests/trainers/training_curve_test.cpp
OPTIMIZER = {"name": "adamw", "lr": 1e-3, "weight_decay": 0.05, "betas": [0.9, 0.999], "eps": 1e-8}
SCHEDULE = {"name": "cosine", "steps": STEPS, "warmup_steps": 5, "warmup_lr": 1e-5, "min_lr": 1e-4}
CLIP, SMOOTHING = 5.0, 0.1
MODELS = {name: model(name, image_size=[16, 16], embed_dim=16, num_heads=[2, 4])
          for name in ("swin", "swin_v2")}


def learning_rate(step):  # from 1
    t, warm = step - 1, SCHEDULE["warmup_steps"]
    lr, low = OPTIMIZER["lr"], SCHEDULE["min_lr"]
    if t < warm:
        return SCHEDULE["warmup_lr"] + t * (lr - SCHEDULE["warmup_lr"]) / warm
    return low + 0.5 * (lr - low) * (1 + math.cos(math.pi * (t - warm) / (STEPS - warm)))


def decays(official, shape):
    return len(shape) > 1 and not any(word in official for word in
                                      ("relative_position_bias_table", "cpb_mlp", "logit_scale"))


def curve(config, seed, dtype, generator=None):
    """Losses and gradient norms. If there is a generator, it moves weights and images (noise.py)."""
    def inputs(array):
        return array if generator is None else noise.moved(array, generator)
    peer = peers.build("torchvision", config)
    peer.load({name: inputs(value) for name, value in peer.load_generated(seed).items()})
    net = peer.model.to(dtype).train()
    official = {own: name for name, _, own, _ in peer.links}
    groups = {True: [], False: []}
    for name, parameter in net.named_parameters():
        groups[decays(official[name], parameter.shape)].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": OPTIMIZER["weight_decay"]},
         {"params": groups[False], "weight_decay": 0.0}],
        lr=OPTIMIZER["lr"], betas=OPTIMIZER["betas"], eps=OPTIMIZER["eps"])
    losses, norms = [], []
    for step in range(1, STEPS + 1):
        images = inputs(generated.images(seed, (BATCH, config["in_chans"], *config["image_size"]),
                                       f"batch.{step}/input"))
        labels = generated.labels(seed, BATCH, config["num_classes"], f"batch.{step}/target")
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(images).to(dtype)),
                                                 torch.from_numpy(labels),
                                                 label_smoothing=SMOOTHING)
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)))
        optimizer.step()
        losses.append(loss.item())
    return losses, norms


def noise_of(config, seed, expected):
    """The noise of a curve (noise.py): the largest error of a loss in float32, divided by the
    tolerance."""
    worst = 0.0
    for run in range(noise.RUNS):
        losses, _ = curve(config, seed, torch.float32, np.random.default_rng(run))
        worst = max(worst, max(abs(a - b) / b for a, b in zip(losses, expected)))
    return worst / TOLERANCE


def is_quiet(name, seed, expected):
    share = noise_of(MODELS[name], seed, expected)
    quiet = share <= noise.LIMIT
    print(f"{name}: seed {seed}, noise {share:.3f} of the tolerance{'' if quiet else ': too much'}",
          flush=True)
    return quiet


def curves(seed):
    result = {}
    for name, section in MODELS.items():
        config = {"model": section, "task": {"label_smoothing": SMOOTHING},
                  "data": {"train": {"format": "synthetic", "samples": BATCH}},
                  "optimizer": OPTIMIZER, "schedule": SCHEDULE,
                  "trainer": {"batch_size": BATCH, "clip_grad": CLIP}}
        losses32, _ = curve(section, seed, torch.float32)
        losses64, norms64 = curve(section, seed, torch.float64)
        print(f"{name}: {losses64[0]:.4f} … {losses64[-1]:.4f}; "
              f"gradient norms {min(norms64):.2f} … {max(norms64):.2f}")
        result[name] = {
            "config": config, "losses": losses32, "losses_float64": losses64,
            "gradient_norms_float64": norms64,
            "learning_rates": [learning_rate(step) for step in range(1, STEPS + 1)]}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    path = golden_file.GOLDENS / "training_curve.json"
    stored = json.loads(path.read_text()) if path.exists() else {"seed": FIRST_SEED}
    if arguments.check:
        noisy = [name for name, golden in stored["curves"].items()
                 if not is_quiet(name, stored["seed"], golden["losses"])]
        sys.exit(f"too noisy: {', '.join(noisy)}; make them again" if noisy else 0)
    seed = stored["seed"]
    while True:
        result = curves(seed)
        if all(is_quiet(name, seed, golden["losses"]) for name, golden in result.items()):
            break
        seed += 1
    made_by = "scripts/reference/make_training_curve.py with " + \
        golden_file.versions(torch, torchvision)
    path.write_text(json.dumps({"made_by": made_by, "seed": seed, "curves": result}, indent=1) +
                    "\n")
    path.chmod(0o644)


if __name__ == "__main__":
    main()
