#!/usr/bin/env python3
"""Makes the goldens of tests/goldens from published implementations, with generated weights.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_goldens.py [CASE…] [--full DIR]

Needs torch, torchvision, timm, transformers and safetensors; nothing else in the project does. Both
sides fill weights and images from the counter-based generator (generated.py), so no file holds any.
The library computes in float64: goldens are exact to the float32 they are stored in. Large cases
keep 256 values of each tensor and its largest entry; --full DIR writes whole tensors there instead
(any case), which `swin verify counted:SEED --golden … --config …` compares as well.
"""
import argparse
import functools
import pathlib

import numpy as np
import torch

import generated
import golden_file
import peers

# Seed of the generated weights. Cosine attention can be ill-conditioned: where a gradient is a sum whose
# terms cancel, float32 is off by more than goldens allow, whoever computes it. V2's cases have seeds at
# which PyTorch's own float32, under noise of one bit in weights and images, stays within half of
# that.
SEED = 7


def model(name="swin", **fields):
    base = dict(name=name, image_size=[32, 32], patch_size=2, in_chans=3, embed_dim=12,
                depths=[2, 2], num_heads=[2, 3], window_size=4, mlp_ratio=2.0, num_classes=10,
                window_shrink="never", pad_mode="pad_then_roll", drop_path_rate=0.0)
    return {**base, **fields}


def timm(name="swin", **fields):
    return model(name, window_shrink="per_dimension", pad_mode="roll_then_pad", **fields)


def vit(**fields):
    base = dict(name="vit", image_size=[32, 32], patch_size=8, in_chans=3, embed_dim=24, depths=[3],
                num_heads=[3], mlp_ratio=2.0, num_classes=10, global_pool="token",
                drop_path_rate=0.0)
    return {**base, **fields}


TINY = dict(patch_size=4, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24],
            mlp_ratio=4.0, num_classes=1000)

# name → library, model section, what else. Token maps are of side ⌈image / patch⌉.
CASES = {
    # 16 × 16 and 8 × 8 tokens: windows divide the maps, both stages shift.
    "v2_square": ("torchvision", model("swin_v2"), dict(seed=2)),
    # 13 × 11 and 7 × 6 tokens padded to windows of 4, then rolled; a merge of an odd map.
    "v2_padded": ("torchvision", model("swin_v2", image_size=[26, 22]),
                  dict(soft=True, seed=2)),
    # 12 × 20 and 6 × 10 tokens under windows of 3 × 5: both sides shift, neither pads.
    "v2_oblong_window": ("torchvision", model("swin_v2", image_size=[24, 40], window_size=[3, 5]),
                         dict(seed=1)),
    # 14 × 22 and 7 × 11 tokens, one channel; keys without bias by Hugging Face's own attention.
    "v2_oblong": ("transformers", model("swin_v2", image_size=[28, 44], in_chans=1, depths=[2, 1],
                                        num_classes=7), dict(seed=2)),
    # Coordinates scaled by the windows of a pretraining.
    "v2_pretrained": ("timm", timm("swin_v2", pretrained_window_sizes=[6, 3]),
                      dict(seed=8)),
    # Rolled, then padded; 9 × 15 and 5 × 8 tokens.
    "v2_roll_then_pad": ("timm", timm("swin_v2", image_size=[18, 30]), {}),
    # 4 × 4, 2 × 2 and 1 × 1 tokens: the last window has one token and no coordinate to scale.
    "v2_single_token": ("timm", timm("swin_v2", image_size=[8, 8], depths=[2, 2, 1],
                                     num_heads=[2, 3, 4]), dict(seed=8)),
    # Heads above and below the largest logit_scale, ln 100; these weights are in a file.
    "v2_clamped": ("torchvision", model("swin_v2", image_size=[16, 16], depths=[1, 1], embed_dim=8,
                                        num_heads=[2, 2]),
                   dict(logit_scales=[[5.0, 2.0], [1.0, 6.0]])),
    # 13 × 11 and 7 × 6 tokens, rolled, then padded.
    "v1_roll_then_pad": ("timm", timm(image_size=[26, 22]), dict(soft=True)),
    # 5 × 13 and 3 × 7 tokens: windows shrink along one side alone and shift along the other.
    "v1_per_dimension": ("timm", timm(image_size=[10, 26], window_size=[6, 4]), {}),
    # A window and an MLP ratio for each stage.
    "v1_stages": ("timm", timm(image_size=[24, 32], window_sizes=[4, [2, 3]],
                               mlp_ratio=[2.0, 3.0]), {}),
    # Absolute position embedding; 14 × 22 and 7 × 11 tokens, padded, then rolled.
    "v1_ape": ("transformers", model(image_size=[28, 44], ape=True), dict(soft=True)),
    "vit_token": ("timm", vit(), {}),
    "vit_avg": ("timm", vit(image_size=[40, 24], global_pool="avg", in_chans=1), dict(soft=True)),
    "vit_huggingface": ("transformers", vit(patch_size=4, depths=[2]), {}),
    "swin_tiny_224": ("torchvision", model(image_size=[224, 224], window_size=7, **TINY),
                      dict(large=True)),
    "swin_tiny_200x240": ("torchvision", model(image_size=[200, 240], window_size=7, **TINY),
                          dict(large=True)),
    "swin_tiny_200x240_roll_then_pad": ("timm", timm(image_size=[200, 240], window_size=7, **TINY),
                                        dict(large=True)),
    "swin_v2_tiny_256_window8": ("torchvision", model("swin_v2", image_size=[256, 256],
                                                      window_size=8, **TINY),
                                 dict(large=True)),
    "swin_v2_tiny_256_window16": ("timm", timm("swin_v2", image_size=[256, 256], window_size=16,
                                               **TINY),
                                  dict(large=True, seed=2)),
    "vit_base_224": ("timm", vit(image_size=[224, 224], patch_size=16, embed_dim=768, depths=[12],
                                 num_heads=[12], mlp_ratio=4.0, num_classes=1000),
                     dict(large=True)),
}
BACKBONE = dict(config=model(image_size=[28, 44], depths=[2, 1, 2], num_heads=[2, 3, 4]),
                stages=[0, 2])
# timm's own change of image and windows; the weights are those of RESIZED["source"].
RESIZED = dict(source=timm(), config=timm(image_size=[24, 20], window_size=[6, 5]))
SIMMIM = {"simmim": dict(config=model(image_size=[32, 32]), seed=SEED),
          "simmim_v2": dict(config=model("swin_v2", image_size=[16, 16], embed_dim=8, depths=[2, 1],
                                         num_heads=[2, 2]), seed=4)}


def sampled(tensors, seed):
    """256 values of each tensor by the generator's choice, and its largest absolute entry."""
    kept = {}
    for name, tensor in tensors.items():
        flat = tensor.reshape(-1)
        kept["sample." + name] = flat[generated.sample_places(seed, name, flat.size)]
        kept["max." + name] = np.abs(flat).max()
    return kept


def evaluated(peer, images, loss_of):
    """What the library computes, as float64 arrays: tensors of its forward, loss, gradients."""
    tensors = peer.forward(peer, torch.from_numpy(images).double())
    tensors["loss"] = loss_of(tensors)
    peer.model.zero_grad()
    tensors["loss"].backward()
    tensors.update(peer.gradients())
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def entry(library, images, seed=SEED):
    module = peers.LIBRARIES[library]
    return dict(weights=f"counted:{seed}", seed=seed, image_shape=list(images.shape),
                made_by="scripts/reference/make_goldens.py with " +
                        golden_file.versions(torch, module))


def inputs_of(config, batch, seed=SEED):
    return generated.images(seed, (batch, config["in_chans"], *config["image_size"]))


def classification(name, output, full):
    library, config, how = CASES[name]
    large, seed = how.get("large", False), how.get("seed", SEED)
    images = inputs_of(config, 1 if large else 2, seed)
    classes = config["num_classes"]
    if how.get("soft"):
        logits = generated.centered(seed, "target", len(images) * classes) * 2
        target = torch.softmax(torch.from_numpy(logits).reshape(-1, classes), 1).float().numpy()
    else:
        target = generated.labels(seed, len(images), classes)
    peer = peers.build(library, config)
    weights = peer.load_generated(seed)
    notes = entry(library, images, seed)
    if "logit_scales" in how:
        for stage, scales in enumerate(how["logit_scales"]):
            weights[f"layers.{stage}.blocks.0.attn.logit_scale"][:, 0, 0] = scales
        peer.load(weights)
        notes["weights"] = f"{name}_weights.safetensors"
        golden_file.save(output / notes["weights"], weights, made_by=notes["made_by"])
    target64 = torch.from_numpy(target)
    target64 = target64.double() if target64.is_floating_point() else target64
    tensors = evaluated(peer, images, lambda out: torch.nn.functional.cross_entropy(out["logits"],
                                                                                    target64))
    if large and not full:  # images too are left to the generator
        whole = {key: tensors.pop(key) for key in ("logits", "loss")}
        tensors = {**whole, **sampled(tensors, seed), "target": target}
    else:
        tensors.update(input=images, target=target)
    folder = output / "large" if large and not full else output
    golden_file.save(folder / f"{name}.safetensors", tensors, **notes)
    golden_file.save_config(folder / f"{name}.json", config)


def backbone(output):
    """output.<stage>; the loss is Σ over stages of the mean of output · a generated tensor."""
    config, stages = BACKBONE["config"], BACKBONE["stages"]
    images = inputs_of(config, 2)
    peer = peers.huggingface_backbone(config, stages)
    peer.load_generated(SEED)

    def loss_of(tensors):
        return sum((torch.from_numpy(generated.centered(SEED, "cotangent." + name, map.numel()))
                    .reshape(map.shape) * map).mean() for name, map in list(tensors.items()))
    tensors = evaluated(peer, images, loss_of)
    golden_file.save(output / "backbone.safetensors", {"input": images, **tensors}, stages=stages,
                     **entry("transformers", images))
    golden_file.save_config(output / "backbone.json", config)


def simmim(name, output):
    """mask (B, H, W) of patches, reconstruction (B, C, H, W), loss."""
    config, seed = SIMMIM[name]["config"], SIMMIM[name]["seed"]
    images = inputs_of(config, 2, seed)
    stride = config["patch_size"] * 2 ** (len(config["depths"]) - 1)
    side = [s // config["patch_size"] for s in config["image_size"]]
    mask = (generated.words(seed, "mask", len(images) * side[0] * side[1]) % 5 < 3).astype(np.int64)
    peer = peers.huggingface_simmim(config, stride, mask.reshape(len(images), -1))
    peer.load_generated(seed)
    tensors = evaluated(peer, images, lambda out: out["loss"])
    golden_file.save(output / f"{name}.safetensors",
                     {"input": images, "mask": mask.reshape(-1, *side), **tensors},
                     **entry("transformers", images, seed))
    golden_file.save_config(output / f"{name}.json", config)


def resized(output):
    """A model with generated weights whose windows and image then change; gradients of the new one."""
    source, config = RESIZED["source"], RESIZED["config"]
    peer = peers.build("timm", source)
    peer.load_generated(SEED)
    peer.model.set_input_size(tuple(config["image_size"]), window_size=tuple(config["window_size"]))
    images = inputs_of(config, 2)
    target = generated.labels(SEED, len(images), config["num_classes"])
    tensors = evaluated(peer, images, lambda out: torch.nn.functional.cross_entropy(
        out["logits"], torch.from_numpy(target)))
    notes = entry("timm", images)
    notes.update(source=source, source_weights=notes.pop("weights"))
    golden_file.save(output / "v1_resized.safetensors",
                     {"input": images, "target": target, **tensors}, **notes)
    golden_file.save_config(output / "v1_resized.json", config)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all when none is named")
    parser.add_argument("--full", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    output = arguments.full or golden_file.GOLDENS
    special = {"backbone": backbone, "v1_resized": resized,
               **{name: functools.partial(simmim, name) for name in SIMMIM}}
    for name in arguments.cases or [*CASES, *special]:
        print(name, flush=True)
        if name in special:
            special[name](output)
        else:
            classification(name, output, arguments.full is not None)


if __name__ == "__main__":
    main()
