#!/usr/bin/env python3
"""Images per second of training steps or inference: swin against PyTorch with torchvision's Swin.

Both run the same model in float32 on the same number of threads. They take turns, `--rounds` times;
the median step of each round and then the median of the rounds are compared. A training step is
forward, cross entropy, backward, clipping of the gradient norm to 5 and AdamW. PyTorch runs eagerly, with its fused AdamW.

    python3 benchmarks/against_pytorch.py build/release/cli/swin benchmarks/workloads/w1.json
    python3 benchmarks/against_pytorch.py build/release/cli/swin benchmarks/workloads/w4.json \\
        --mode infer --batch 1

Needs torch and torchvision.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import time

import torch
import torchvision
from torchvision.models.swin_transformer import SwinTransformer


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def read_config(path):
    with open(path) as file:
        return json.loads(re.sub(r"^\s*//.*$", "", file.read(), flags=re.MULTILINE))


def build(model):
    """torchvision's Swin for the `model` section of a config."""
    net = SwinTransformer(
        patch_size=pair(model["patch_size"]), embed_dim=model["embed_dim"], depths=model["depths"],
        num_heads=model["num_heads"], window_size=pair(model["window_size"]),
        mlp_ratio=model["mlp_ratio"], stochastic_depth_prob=0.0, num_classes=model["num_classes"])
    if model["in_chans"] != 3:
        net.features[0][0] = torch.nn.Conv2d(model["in_chans"], model["embed_dim"],
                                             model["patch_size"], model["patch_size"])
    return net


class PyTorch:
    def __init__(self, model, mode, batch):
        self.batch, self.mode = batch, mode
        self.net = build(model).train(mode == "train")
        self.images = torch.randn(batch, model["in_chans"], *pair(model["image_size"]))
        self.target = torch.randint(model["num_classes"], (batch,))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-4, weight_decay=0.05,
                                           fused=True)

    def step(self):
        if self.mode == "infer":
            with torch.inference_mode():
                self.net(self.images)
            return
        self.optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(self.net(self.images), self.target).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()

    def rate(self, seconds):
        for _ in range(2):
            self.step()
        times, end = [], time.perf_counter() + seconds
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - start)
        return self.batch / statistics.median(times)


def swin_rate(options, batch):
    text = subprocess.run(
        [options.swin, "benchmark", options.config, "--mode", options.mode, "--batch", str(batch),
         "--threads", str(options.threads), "--seconds", str(options.seconds), "--json"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(text)["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("swin", help="path of the swin program")
    parser.add_argument("config", help="config of a Swin V1, such as benchmarks/workloads/w1.json")
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--batch", type=int, help="default: the config's")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="per round, for each program")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = read_config(options.config)
    if config["model"]["name"] != "swin":
        sys.exit(f"{options.config}: found model.name {config['model']['name']}, expected swin")
    batch = options.batch or config["trainer"]["batch_size"]
    torch.set_num_threads(options.threads)
    pytorch = PyTorch(config["model"], options.mode, batch)
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(swin_rate(options, batch))
        theirs.append(pytorch.rate(options.seconds))
    swin, other = statistics.median(ours), statistics.median(theirs)
    if options.json:
        print(json.dumps({"mode": options.mode, "batch": batch, "threads": options.threads,
                          "swin_images_per_second": swin, "pytorch_images_per_second": other,
                          "ratio": swin / other, "torch": torch.__version__,
                          "torchvision": torchvision.__version__}))
    else:
        print(f"{options.mode}, batch {batch}, {options.threads} threads: swin {swin:.2f} images/s, "
              f"PyTorch {torch.__version__} {other:.2f} images/s: {swin / other:.2f} times")


if __name__ == "__main__":
    main()
