#!/usr/bin/env python3
"""Makes the v1_ goldens of tests/goldens whose weights are in a file, from torchvision's Swin.

    python3 scripts/reference/make_v1_goldens.py

Needs what make_goldens.py needs. Weights and inputs are float32; torchvision computes in float64, so
the goldens are exact up to the rounding to float32 (6e-8), which the double build has to match.
make_goldens.py --check measures the noise of these goldens, too.
"""
import functools
import math

import safetensors.torch
import torch
import torchvision

import golden_file
import peers
from golden_maker import Case, Golden, cross_entropy

# Two models, three inputs, all small: the folder stays under 1 MB. The seeds are for torch's
# generator; the search for a quiet input always starts at `seed`.
MODELS = {
    "square_window": dict(embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4],
                          mlp_ratio=2.0, in_chans=3, num_classes=10),
    "oblong_window": dict(embed_dim=12, depths=[2, 1, 1], num_heads=[2, 3, 4], window_size=[3, 5],
                          mlp_ratio=2.0, in_chans=1, num_classes=7),
}
MODEL_SEEDS = {"square_window": 100, "oblong_window": 101}
CASES = {
    # 16 × 16 and 8 × 8 tokens: multiples of the window, both stages shift.
    "v1_square": dict(model="square_window", image_size=[64, 64], batch=2, soft=False, seed=200),
    # 13 × 11 and 7 × 6 tokens, padded to 16 × 12 and 8 × 8, then rolled; a merge of an odd map.
    "v1_padded": dict(model="square_window", image_size=[52, 44], batch=2, soft=True, seed=201),
    # 10 × 14, 5 × 7 and 3 × 4 tokens, windows of 3 × 5: every map is padded.
    "v1_oblong": dict(model="oblong_window", image_size=[40, 56], batch=2, soft=False, seed=202),
}
MADE_BY = (f"scripts/reference/make_v1_goldens.py with torch {torch.__version__} "
           f"and torchvision {torchvision.__version__}")


def official_name(name):
    return peers.torchvision_links(name)[0][0]


def randomize(model, generator):
    """Random weights: attention is not uniform, and norms, biases and tables differ from their initial
    values."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("relative_position_bias_table"):
                parameter.copy_(noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.3 * noise + (1.0 if name.endswith("weight") else 0.0))
            else:
                spread = 2.0 if "qkv" in name else 1.0
                parameter.copy_(noise * spread / math.sqrt(parameter[0].numel()))


def model_section(config, image_size):
    keys = ["in_chans", "embed_dim", "depths", "num_heads", "window_size", "mlp_ratio",
            "num_classes"]
    return {"image_size": image_size, "patch_size": 4, **{key: config[key] for key in keys},
            "window_shrink": "never", "pad_mode": "pad_then_roll", "drop_path_rate": 0.0}


def build(name, image_size):
    """The model section and torchvision's model of it with random weights."""
    section = model_section(MODELS[name], image_size)
    peer = peers.build("torchvision", {"name": "swin", **section})
    randomize(peer.model, torch.Generator().manual_seed(MODEL_SEEDS[name]))
    return section, peer


def golden(case, seed):
    section, peer = build(case["model"], case["image_size"])
    classes = section["num_classes"]
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(case["batch"], section["in_chans"], *case["image_size"],
                         generator=generator)
    if case["soft"]:
        target = torch.softmax(torch.randn(case["batch"], classes, generator=generator), dim=1)
    else:
        target = torch.randint(classes, (case["batch"],), generator=generator)
    return Golden(section, peer, images.numpy(), cross_entropy(target.numpy()),
                  {"made_by": MADE_BY, "weights": f"v1_{case['model']}.safetensors"},
                  extra={"target": target.numpy()})


def cases():
    return [Case(name, functools.partial(golden, case), case["seed"])
            for name, case in CASES.items()]


def main():
    torch.set_num_threads(1)
    for name in MODELS:
        _, peer = build(name, [64, 64])  # the weights do not depend on the image size
        weights = {official_name(key): value.float() if value.is_floating_point() else value
                   for key, value in peer.model.state_dict().items()}
        path = golden_file.GOLDENS / f"v1_{name}.safetensors"
        # One metadata entry: safetensors writes several in random order.
        safetensors.torch.save_file(weights, path, {"made_by": MADE_BY})
        path.chmod(0o644)
    for case in cases():
        case.make()
    # The names and shapes of Swin-T, for the tests.
    tiny = torchvision.models.swin_t()
    lines = sorted(f"{official_name(name)} {' '.join(map(str, parameter.shape))}"
                   for name, parameter in tiny.named_parameters())
    (golden_file.GOLDENS / "swin_tiny_parameters.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
