#!/usr/bin/env python3
"""Makes tests/goldens/training_curve.json: twenty AdamW steps of small models in PyTorch.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_training_curve.py

torchvision's Swin and Swin V2 begin with generated weights; batch t has the generated images of the
stream batch.<t>/input and the labels of batch.<t>/target (generated.py). Each step is: mean cross
entropy with smoothed labels, gradients clipped to a global norm, torch.optim.AdamW in two groups
(decay but for biases, norms, tables, cpb_mlp and logit_scale), the rate of `schedule`. The losses
are those before each step: in float32, which is what is compared, and in float64, which tells
how much of a difference is rounding.
"""
import copy
import json
import math

import torch
import torchvision

import generated
import golden_file
import peers
from make_goldens import model

SEED, STEPS, BATCH = 7, 20, 8
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


def curve(config, dtype):
    peer = peers.build("torchvision", config)
    peer.load_generated(SEED)
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
        images = generated.images(SEED, (BATCH, config["in_chans"], *config["image_size"]),
                                f"batch.{step}/input")
        labels = generated.labels(SEED, BATCH, config["num_classes"], f"batch.{step}/target")
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


def main():
    result = {"made_by": "scripts/reference/make_training_curve.py with " +
                         golden_file.versions(torch, torchvision),
              "seed": SEED, "curves": {}}
    for name, section in MODELS.items():
        config = {"model": section, "task": {"label_smoothing": SMOOTHING},
                  "data": {"train": {"format": "synthetic", "samples": BATCH}},
                  "optimizer": OPTIMIZER, "schedule": SCHEDULE,
                  "trainer": {"batch_size": BATCH, "clip_grad": CLIP}}
        losses32, _ = curve(copy.deepcopy(section), torch.float32)
        losses64, norms64 = curve(copy.deepcopy(section), torch.float64)
        rounding = max(abs(a - b) / b for a, b in zip(losses32, losses64))
        print(f"{name}: {losses64[0]:.4f} … {losses64[-1]:.4f}, float32 is off by {rounding:.1e}; "
              f"gradient norms {min(norms64):.2f} … {max(norms64):.2f}")
        result["curves"][name] = {
            "config": config, "losses": losses32, "losses_float64": losses64,
            "gradient_norms_float64": norms64,
            "learning_rates": [learning_rate(step) for step in range(1, STEPS + 1)]}
    path = golden_file.GOLDENS / "training_curve.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    path.chmod(0o644)


if __name__ == "__main__":
    main()
