#!/usr/bin/env python3
"""Makes the goldens of tests/goldens/dense: Hugging Face's UPerNet on Swin, with generated weights and
running statistics, in float64.

    python3 scripts/reference/make_upernet_goldens.py [CASE…] [--check]

Seeds and noise are as in make_goldens.py. A golden of a training step (`training` in its metadata)
has the batch norms use the statistics of the batch. It holds logits and loss, and of each other tensor
256 elements and its largest absolute value.
"""
import argparse
import functools
import math

import numpy as np
import torch
import transformers

import generated
import golden_file
import golden_maker
import peers
from golden_maker import Case, Golden

SEED = 7
CLASSES, IGNORED = 5, 255
CHANNELS, AUXILIARY = {"batch": 32, "group": 48}, 24

# A batch norm subtracts what these biases add to a convolution 1×1.
VANISHING = ("backbone.norm0.bias", "backbone.norm1.bias")

# name → image size, images, norm, training
CASES = {
    # 16 × 16 … 2 × 2 tokens.
    "upernet_train": ([64, 64], 4, "batch", True),
    "upernet": ([64, 64], 1, "batch", False),
    # 37 × 53 pixels: 10 × 14, 5 × 7, 3 × 4 and 2 × 2 tokens, padded to windows of 4.
    "upernet_odd_train": ([37, 53], 3, "batch", True),
    "upernet_odd": ([37, 53], 2, "batch", False),
    "upernet_group": ([40, 56], 1, "group", True),
}


def model_section(size):
    return dict(name="swin", image_size=size, patch_size=4, in_chans=3, embed_dim=24,
                depths=[1, 1, 2, 1], num_heads=[2, 4, 4, 8], window_size=4, mlp_ratio=2.0,
                num_classes=CLASSES, drop_path_rate=0.0)


def task_section(norm):
    head = dict(channels=CHANNELS[norm], norm=norm, dropout=0, auxiliary_channels=AUXILIARY)
    return dict(name="semantic_segmentation", head=head, loss_mean="valid")


def grouped(model):
    """The same model with group norm in place of every batch norm: 32 groups, or the greatest common
    divisor with the channels."""
    for module in model.modules():
        if hasattr(module, "batch_norm"):
            channels = module.batch_norm.num_features
            module.batch_norm = torch.nn.GroupNorm(math.gcd(32, channels), channels, eps=1e-5)
    return model


def official(name, norm):
    """The name of mmsegmentation for a parameter or buffer."""
    return name.replace("batch_norm", "bn" if norm == "batch" else "gn").replace(
        "classifier", "conv_seg")


def upernet(config, norm, training, target, seed):
    """Tensors logits and auxiliary_logits (B, classes, H, W), and loss."""
    stages = [f"stage{i + 1}" for i in range(len(config["depths"]))]
    model = transformers.UperNetForSemanticSegmentation(transformers.UperNetConfig(
        backbone_config=peers.huggingface_config(config, out_features=stages),
        hidden_size=CHANNELS[norm], auxiliary_channels=AUXILIARY, num_labels=CLASSES,
        loss_ignore_index=IGNORED))
    model = grouped(model) if norm == "group" else model
    kept = peers.keep_outputs([model.auxiliary_head])
    labels = torch.from_numpy(target)

    def links(name):
        if "swin.layernorm." in name:  # the classifier's, which the backbone does not use
            return []
        if name.startswith("backbone."):
            return [("backbone." + link[0], link[1], name, link[3])
                    for link in peers.huggingface_links(name.removeprefix("backbone."))]
        return [(official(name, norm), None, name, None)]

    def forward(peer, images):
        out = peer.model(images, labels=labels)
        auxiliary = torch.nn.functional.interpolate(kept[0], size=images.shape[2:],
                                                    mode="bilinear", align_corners=False)
        return {"logits": out.logits, "auxiliary_logits": auxiliary, "loss": out.loss}
    peer = peers.Peer(model, links, forward)
    peer.model.train(training)
    for name, buffer in peer.model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            values = generated.weight(seed, official(name, norm), tuple(buffer.shape))
            buffer.copy_(torch.from_numpy(values))
    return peer


def labels_of(seed, count, size):
    """Classes in rectangles of 3 × 5 pixels, every eighth of them ignored."""
    rows, columns = -(-size[0] // 3), -(-size[1] // 5)
    words = generated.words(seed, "target", count * rows * columns).astype(np.int64)
    cells = np.where(words % 8 == 0, IGNORED, words // 8 % CLASSES).reshape(count, rows, columns)
    return cells.repeat(3, 1).repeat(5, 2)[:, :size[0], :size[1]].copy()


def golden(name, seed):
    size, count, norm, training = CASES[name]
    config = model_section(size)
    images = generated.images(seed, (count, 3, *size))
    target = labels_of(seed, count, size)
    peer = upernet(config, norm, training, target, seed)
    peer.load_generated(seed)
    notes = dict(weights=f"counted:{seed}", seed=seed, image_shape=list(images.shape),
                 training=training,
                 made_by="scripts/reference/make_upernet_goldens.py with " +
                         golden_file.versions(torch, transformers))
    return Golden(config, peer, images, None, notes, extra={"target": target.astype(np.uint8)},
                  task=task_section(norm), vanishing=VANISHING if norm == "batch" and training else (),
                  sampled=True)


def cases():
    return [Case(name, functools.partial(golden, name), SEED, golden_file.GOLDENS / "dense")
            for name in CASES]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all when none is named")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = golden_maker.chosen(cases(), arguments.cases)
    if arguments.check:
        golden_maker.check(chosen)
        return
    for case in chosen:
        case.make()


if __name__ == "__main__":
    main()
