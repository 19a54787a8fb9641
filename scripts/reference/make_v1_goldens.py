#!/usr/bin/env python3
"""Makes the v1_ goldens of tests/goldens whose weights are in a file, from torchvision's Swin.

    python3 scripts/reference/make_v1_goldens.py [--output tests/goldens]

Needs what make_goldens.py needs. Weights and inputs
are float32 numbers; torchvision then computes in float64, so the goldens are exact to the float32
they are stored in, and the double build of the engine can be held to that (6e-8) instead of to the
rounding of a float32 forward.
"""
import argparse
import json
import math
import pathlib

import safetensors.torch
import torch
import torchvision
from torchvision.models.swin_transformer import SwinTransformer

import peers

# Two models; three inputs. Everything is kept small: the folder stays under 1 MB.
MODELS = {
    "square_window": dict(embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4],
                          mlp_ratio=2.0, in_chans=3, num_classes=10),
    "oblong_window": dict(embed_dim=12, depths=[2, 1, 1], num_heads=[2, 3, 4], window_size=[3, 5],
                          mlp_ratio=2.0, in_chans=1, num_classes=7),
}
CASES = {
    # 16 × 16 and 8 × 8 tokens: windows divide the maps, both stages shift.
    "v1_square": dict(model="square_window", image_size=[64, 64], batch=2, soft=False),
    # 13 × 11 and 7 × 6 tokens, padded to 16 × 12 and 8 × 8, then rolled; a merge of an odd map.
    "v1_padded": dict(model="square_window", image_size=[52, 44], batch=2, soft=True),
    # 10 × 14, 5 × 7 and 3 × 4 tokens under windows of 3 × 5: nothing divides.
    "v1_oblong": dict(model="oblong_window", image_size=[40, 56], batch=2, soft=False),
}


def official_name(name):
    return peers.torchvision_links(name)[0][0]


def build(config):
    model = SwinTransformer(patch_size=[4, 4], embed_dim=config["embed_dim"],
                            depths=config["depths"], num_heads=config["num_heads"],
                            window_size=list(config["window_size"]), mlp_ratio=config["mlp_ratio"],
                            stochastic_depth_prob=0.0, num_classes=config["num_classes"])
    if config["in_chans"] != 3:
        model.features[0][0] = torch.nn.Conv2d(config["in_chans"], config["embed_dim"], 4, 4)
    return model.eval()


def randomize(model, generator):
    """Numbers that act: attention that is not uniform, norms, biases and tables off their start."""
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


def golden(model, images, target):
    """Input, logits, loss, each stage's map and the gradient of every parameter, as float32."""
    num_stages = len(model.features) // 2
    model = model.double()
    features, hooks = {}, []
    for stage in range(num_stages):
        def keep(module, inputs, output, name=f"features.{stage}"):
            features[name] = output.detach()
        hooks.append(model.features[2 * stage + 1].register_forward_hook(keep))
    logits = model(images.double())
    target64 = target.double() if target.is_floating_point() else target
    loss = torch.nn.functional.cross_entropy(logits, target64)
    model.zero_grad()
    loss.backward()
    for hook in hooks:
        hook.remove()
    tensors = {"logits": logits.detach(), "loss": loss.detach(), **features}
    for name, parameter in model.named_parameters():
        tensors["grad." + official_name(name)] = parameter.grad
    tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    return {"input": images, "target": target, **tensors}


def model_section(config, image_size):
    keys = ["in_chans", "embed_dim", "depths", "num_heads", "window_size", "mlp_ratio",
            "num_classes"]
    return {"model": {"image_size": image_size, "patch_size": 4,
                      **{key: config[key] for key in keys}, "window_shrink": "never",
                      "pad_mode": "pad_then_roll", "drop_path_rate": 0.0}}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parents[2] / "tests" / "goldens")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    # One entry: safetensors writes several in an order that differs from run to run.
    made_by = (f"scripts/reference/make_v1_goldens.py with torch {torch.__version__} "
               f"and torchvision {torchvision.__version__}")
    models = {}
    for seed, (name, config) in enumerate(MODELS.items()):
        model = build(config)
        randomize(model, torch.Generator().manual_seed(100 + seed))
        models[name] = model
        weights = {official_name(key): value.clone()
                   for key, value in model.state_dict().items()}
        safetensors.torch.save_file(weights, output / f"v1_{name}.safetensors",
                                    {"made_by": made_by})
    for seed, (name, case) in enumerate(CASES.items()):
        config = MODELS[case["model"]]
        generator = torch.Generator().manual_seed(200 + seed)
        images = torch.randn(case["batch"], config["in_chans"], *case["image_size"],
                             generator=generator)
        if case["soft"]:
            noise = torch.randn(case["batch"], config["num_classes"], generator=generator)
            target = torch.softmax(noise, dim=1)
        else:
            target = torch.randint(config["num_classes"], (case["batch"],), generator=generator)
        notes = {"made_by": made_by, "weights": f"v1_{case['model']}.safetensors"}
        safetensors.torch.save_file(golden(models[case["model"]], images, target),
                                    output / f"{name}.safetensors",
                                    {"swin": json.dumps(notes, sort_keys=True)})
        text = json.dumps(model_section(config, case["image_size"]), indent=2)
        (output / f"{name}.json").write_text(text + "\n")
    # The names and shapes of Swin-T, to compare the engine's with.
    tiny = torchvision.models.swin_t()
    lines = sorted(f"{official_name(name)} {' '.join(map(str, parameter.shape))}"
                   for name, parameter in tiny.named_parameters())
    (output / "swin_tiny_parameters.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
