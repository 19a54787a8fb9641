#!/usr/bin/env python3
"""Makes the goldens of tests/goldens from published implementations, with generated weights.

    python3 scripts/reference/make_goldens.py [CASE…] [--check | --full DIR]

Needs torch, torchvision, timm, transformers and safetensors. Weights and images are generated here and
in swin (generated.py), so no file holds them. The library computes in float64: goldens are exact up to
the rounding to float32.

A case keeps the seed that its golden records if the golden's noise (noise.py) is at most half of the
tolerance; otherwise the next seed that is quiet enough is taken and recorded. --check writes nothing:
it measures the noise of the committed goldens, including those of make_v1_goldens.py, and fails if it
is too much.

Large cases hold 256 elements of each tensor and its largest absolute value. --full DIR writes whole
tensors to DIR instead, for any case; `swin verify counted:SEED --golden … --config …` compares them,
too.
"""
import argparse
import functools
import pathlib

import numpy as np
import torch

import generated
import golden_file
import golden_maker
import make_v1_goldens
import peers
from golden_maker import Case, Golden, cross_entropy

# The first seed tried if there is no golden yet. Cosine attention can be ill-conditioned: if a
# gradient is a sum whose terms cancel, every float32 program exceeds the tolerance.
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

# name → library, model section, options. A token map has the sides ⌈image / patch⌉.
CASES = {
    # 16 × 16 and 8 × 8 tokens: multiples of the window, both stages shift.
    "v2_square": ("torchvision", model("swin_v2"), {}),
    # 13 × 11 and 7 × 6 tokens padded to windows of 4, then rolled; a merge of an odd map.
    "v2_padded": ("torchvision", model("swin_v2", image_size=[26, 22]),
                  dict(soft=True)),
    # 12 × 20 and 6 × 10 tokens under windows of 3 × 5: both sides shift, neither pads.
    "v2_oblong_window": ("torchvision", model("swin_v2", image_size=[24, 40], window_size=[3, 5]),
                         {}),
    # 14 × 22 and 7 × 11 tokens, one channel; Hugging Face's attention has keys without bias.
    "v2_oblong": ("transformers", model("swin_v2", image_size=[28, 44], in_chans=1, depths=[2, 1],
                                        num_classes=7), {}),
    # Coordinates are divided by the windows of a pretraining.
    "v2_pretrained": ("timm", timm("swin_v2", pretrained_window_sizes=[6, 3]),
                      {}),
    # Rolled, then padded; 9 × 15 and 5 × 8 tokens.
    "v2_roll_then_pad": ("timm", timm("swin_v2", image_size=[18, 30]), {}),
    # 4 × 4, 2 × 2 and 1 × 1 tokens: the last window has one token and no coordinate to scale.
    "v2_single_token": ("timm", timm("swin_v2", image_size=[8, 8], depths=[2, 2, 1],
                                     num_heads=[2, 3, 4]), {}),
    # Heads above and below the largest logit_scale, ln 100; these weights are in a file.
    "v2_clamped": ("torchvision", model("swin_v2", image_size=[16, 16], depths=[1, 1], embed_dim=8,
                                        num_heads=[2, 2]),
                   dict(logit_scales=[[5.0, 2.0], [1.0, 6.0]])),
    # 13 × 11 and 7 × 6 tokens, rolled, then padded.
    "v1_roll_then_pad": ("timm", timm(image_size=[26, 22]), dict(soft=True)),
    # 5 × 13 and 3 × 7 tokens: windows shrink along one side only and shift along the other.
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
                                  dict(large=True)),
    "vit_base_224": ("timm", vit(image_size=[224, 224], patch_size=16, embed_dim=768, depths=[12],
                                 num_heads=[12], mlp_ratio=4.0, num_classes=1000),
                     dict(large=True)),
}
BACKBONE = dict(config=model(image_size=[28, 44], depths=[2, 1, 2], num_heads=[2, 3, 4]),
                stages=[0, 2])
# timm changes image size and windows; the weights are those of RESIZED["source"].
RESIZED = dict(source=timm(), config=timm(image_size=[24, 20], window_size=[6, 5]))
SIMMIM = {"simmim": model(image_size=[32, 32]),
          "simmim_v2": model("swin_v2", image_size=[16, 16], embed_dim=8, depths=[2, 1],
                             num_heads=[2, 2])}


def notes(library, images, seed):
    return dict(weights=f"counted:{seed}", seed=seed, image_shape=list(images.shape),
                made_by="scripts/reference/make_goldens.py with " +
                        golden_file.versions(torch, peers.LIBRARIES[library]))


def inputs_of(config, batch, seed):
    return generated.images(seed, (batch, config["in_chans"], *config["image_size"]))


def classification(name, seed, full=False):
    library, config, how = CASES[name]
    large = how.get("large", False)
    images = inputs_of(config, 1 if large else 2, seed)
    classes = config["num_classes"]
    if how.get("soft"):
        logits = generated.centered(seed, "target", len(images) * classes) * 2
        target = torch.softmax(torch.from_numpy(logits).reshape(-1, classes), 1).float().numpy()
    else:
        target = generated.labels(seed, len(images), classes)
    peer = peers.build(library, config)
    weights = peer.load_generated(seed)
    golden = Golden(config, peer, images, cross_entropy(target), notes(library, images, seed),
                    extra={"target": target}, sampled=large and not full)
    if "logit_scales" in how:
        for stage, scales in enumerate(how["logit_scales"]):
            weights[f"layers.{stage}.blocks.0.attn.logit_scale"][:, 0, 0] = scales
        peer.load(weights)
        golden.notes["weights"] = f"{name}_weights.safetensors"
        golden.weights = weights
    return golden


def backbone(seed):
    """output.<stage>; the loss is Σ over stages of the mean of output · a generated tensor."""
    config, stages = BACKBONE["config"], BACKBONE["stages"]
    images = inputs_of(config, 2, seed)
    peer = peers.huggingface_backbone(config, stages)
    peer.load_generated(seed)

    def loss_of(tensors):
        return sum((torch.from_numpy(generated.centered(seed, "cotangent." + name, map.numel()))
                    .to(map.dtype).reshape(map.shape) * map).mean()
                   for name, map in tensors.items())
    return Golden(config, peer, images, loss_of,
                  {"stages": stages, **notes("transformers", images, seed)})


def simmim(name, seed):
    """mask (B, H, W) of patches, reconstruction (B, C, H, W), loss."""
    config = SIMMIM[name]
    images = inputs_of(config, 2, seed)
    stride = config["patch_size"] * 2 ** (len(config["depths"]) - 1)
    side = [s // config["patch_size"] for s in config["image_size"]]
    mask = (generated.words(seed, "mask", len(images) * side[0] * side[1]) % 5 < 3).astype(np.int64)
    peer = peers.huggingface_simmim(config, stride, mask.reshape(len(images), -1))
    peer.load_generated(seed)
    return Golden(config, peer, images, lambda tensors: tensors["loss"],
                  notes("transformers", images, seed), extra={"mask": mask.reshape(-1, *side)})


def resized(seed):
    """A model with generated weights, whose image size and windows are then changed. Gradients and
    noise are those of the changed model."""
    source, config = RESIZED["source"], RESIZED["config"]
    peer = peers.build("timm", source)
    peer.load_generated(seed)
    peer.model.set_input_size(tuple(config["image_size"]), window_size=tuple(config["window_size"]))
    images = inputs_of(config, 2, seed)
    target = generated.labels(seed, len(images), config["num_classes"])
    entry = notes("timm", images, seed)
    entry.update(source=source, source_weights=entry.pop("weights"))
    return Golden(config, peer, images, cross_entropy(target), entry, extra={"target": target})


def cases():
    folder = {name: golden_file.GOLDENS / ("large" if how.get("large") else "")
              for name, (_, _, how) in CASES.items()}
    builders = {**{name: functools.partial(classification, name) for name in CASES},
                "backbone": backbone, "v1_resized": resized,
                **{name: functools.partial(simmim, name) for name in SIMMIM}}
    return [Case(name, build, SEED, folder.get(name, golden_file.GOLDENS))
            for name, build in builders.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all when none is named")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--full", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        golden_maker.check(golden_maker.chosen(cases() + make_v1_goldens.cases(), arguments.cases))
        return
    for case in golden_maker.chosen(cases(), arguments.cases):
        if arguments.full:
            print(case.name, flush=True)
            if case.name in CASES:
                golden = classification(case.name, case.seed(), full=True)
            else:
                golden = case.build(case.seed())
            golden.save(arguments.full, case.name, golden.results())
        else:
            case.make()


if __name__ == "__main__":
    main()
