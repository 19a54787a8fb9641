#!/usr/bin/env python3
"""Checks Mask R-CNN, Faster R-CNN and Cascade Mask R-CNN on Swin against torchvision, and against the names and
shapes of both generations of mmdetection, written down from its source and made with random weights (its own
packages need a compiler). torchvision's model has the official Swin as its body, as `--dialect torchvision`
writes it, or that of transformers, which is read, too. Every tensor is compared bit by bit, and the maps and
answers of torchvision with those of `swin verify`.

    python scripts/reference/check_detectors.py --swin build/ci/cli/swin [--keys tests/weights/dialect_keys]

--keys also writes the names and shapes that the tests use. Needs torch, torchvision, transformers and
safetensors; checked with torch 2.14.1, torchvision 0.29.1, transformers 5.24.0.
"""
import argparse
import json
import os
import re
import sys
import tempfile

import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file

from check_segmenters import CLASSES, SWIN, Check, backbone_shapes, same_bits, second_generation, shapes_of
from detection_bodies import (HEADS, RATIOS, SIZES, TOP, HubSwin, OfficialSwin, position_index, randomized,
                              torchvision_model)

STRIDE_4 = dict(SWIN, patch=4)  # as published; the levels of regions are counted from it
SWIN_T = dict(patch=4, dim=96, depths=[2, 2, 6, 2], heads=[3, 6, 12, 24], window=7)
MASK_R_CNN = dict(channels=256, anchors=3, box=1024, mask=256, convs=4)


# ---- mmdetection, from the source of both generations ---------------------------------------------------

def head_shapes(swin, heads, classes, cascade=False):
    """FPN, RPNHead, and Shared2FCBBoxHead with FCNMaskHead, or three of ConvFCBBoxHead (4conv1fc)."""
    shapes = {}

    def layer(name, *shape):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, shape[:1]

    channels, box, mask = heads["channels"], heads["box"], heads["mask"]
    for i in range(len(swin["depths"])):
        layer(f"neck.lateral_convs.{i}.conv", channels, swin["dim"] << i, 1, 1)
        layer(f"neck.fpn_convs.{i}.conv", channels, channels, 3, 3)
    layer("rpn_head.rpn_conv", channels, channels, 3, 3)
    layer("rpn_head.rpn_cls", heads["anchors"], channels, 1, 1)
    layer("rpn_head.rpn_reg", 4 * heads["anchors"], channels, 1, 1)
    for stage in (["0.", "1.", "2."] if cascade else [""]):
        at = "roi_head.bbox_head." + stage
        for i in range(4 if cascade else 0):
            shapes[f"{at}shared_convs.{i}.conv.weight"] = (channels, channels, 3, 3)
            for leaf in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{at}shared_convs.{i}.bn.{leaf}"] = (channels,)
            shapes[f"{at}shared_convs.{i}.bn.num_batches_tracked"] = ()
        layer(at + "shared_fcs.0", box, 49 * channels)
        if not cascade:
            layer(at + "shared_fcs.1", box, box)
        layer(at + "fc_cls", classes + 1, box)
        layer(at + "fc_reg", 4 * classes, box)
        if not mask:
            continue
        at = "roi_head.mask_head." + stage
        for i in range(heads["convs"]):
            layer(f"{at}convs.{i}.conv", mask, mask if i else channels, 3, 3)
        layer(at + "upsample", mask, mask, 2, 2)
        shapes[at + "upsample.bias"] = (mask,)
        layer(at + "conv_logits", classes, mask, 1, 1)
    return shapes


def mmdet_shapes(generation, swin=SWIN, heads=HEADS, classes=len(CLASSES), cascade=False):
    shapes = {"backbone." + name: shape for name, shape in backbone_shapes(generation, swin).items()}
    return shapes | head_shapes(swin, heads, classes, cascade)


def random_state(shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("relative_position_index"):
            state[name] = position_index(int(shape[0] ** 0.5))
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)
        else:
            state[name] = torch.randn(shape, generator=generator)
    return state


# ---- torchvision ----------------------------------------------------------------------------------------

NAMES = [  # ours, torchvision's, and its names before version 0.14
    (r"neck\.lateral_convs\.(\d+)\.conv\.", r"backbone.fpn.inner_blocks.\1.0.", r"backbone.fpn.inner_blocks.\1."),
    (r"neck\.fpn_convs\.(\d+)\.conv\.", r"backbone.fpn.layer_blocks.\1.0.", r"backbone.fpn.layer_blocks.\1."),
    (r"rpn_head\.rpn_conv\.", "rpn.head.conv.0.0.", "rpn.head.conv."),
    (r"rpn_head\.rpn_cls\.", "rpn.head.cls_logits.", None),
    (r"rpn_head\.rpn_reg\.", "rpn.head.bbox_pred.", None),
    (r"roi_head\.bbox_head\.shared_fcs\.0\.", "roi_heads.box_head.fc6.", None),
    (r"roi_head\.bbox_head\.shared_fcs\.1\.", "roi_heads.box_head.fc7.", None),
    (r"roi_head\.bbox_head\.fc_cls\.", "roi_heads.box_predictor.cls_score.", None),
    (r"roi_head\.bbox_head\.fc_reg\.", "roi_heads.box_predictor.bbox_pred.", None),
    (r"roi_head\.mask_head\.convs\.(\d+)\.conv\.", r"roi_heads.mask_head.\1.0.", "roi_heads.mask_head.mask_fcn#."),
    (r"roi_head\.mask_head\.upsample\.", "roi_heads.mask_predictor.conv5_mask.", None),
    (r"roi_head\.mask_head\.conv_logits\.", "roi_heads.mask_predictor.mask_fcn_logits.", None),
    (r"backbone\.", "backbone.body.", None),
]


def torchvision_name(name, old=False):
    for ours, theirs, before in NAMES:
        found = re.match(ours, name)
        if not found:
            continue
        theirs = (before if old else None) or theirs
        if "#" in theirs:
            theirs = theirs.replace("#", str(int(found[1]) + 1))
        return re.sub("^" + ours, theirs, name)
    raise KeyError(name)


def slots(name):
    """Rows of the background that torchvision has and nothing reads."""
    return 4 if ".fc_reg." in name else 1 if ".conv_logits." in name else 0


def to_torchvision(state, old=False):
    result = {}
    for name, value in state.items():
        if ".fc_cls." in name:
            value = torch.cat([value[-1:], value[:-1]])
        value = torch.cat([torch.zeros_like(value[:slots(name)]), value]) if slots(name) else value
        result[torchvision_name(name, old)] = value
    return result


def from_torchvision(state, names):
    result = {}
    for name in names:
        value = state[torchvision_name(name)]
        value = torch.cat([value[1:], value[:1]]) if ".fc_cls." in name else value[slots(name):]
        result[name] = value.contiguous()
    return result


def torchvision_shapes(old=False):
    ours = {name: torch.empty(shape, device="meta") for name, shape in mmdet_shapes(1).items()}
    return {name: tuple(value.shape) for name, value in to_torchvision(ours, old).items()}


# ---------------------------------------------------------------------------------------------------------

def require_equal(found, wanted, but=()):
    if shapes_of(found) != shapes_of(wanted):
        odd = set(shapes_of(found).items()) ^ set(shapes_of(wanted).items())
        raise RuntimeError(f"keys differ: {sorted(odd)[:3]}")
    unequal = [name for name, value in wanted.items() if not same_bits(found[name], value) and name not in but]
    if unequal:
        raise RuntimeError(f"values differ: {unequal[:3]}")
    return f"{len(wanted)} tensors equal"


def check_mmdetection(check):
    first = random_state(mmdet_shapes(1), 1)
    second = second_generation(first)
    given, path = check.path("given.pth"), {}
    for name in ("official", "mm", "torchvision"):
        path[name] = check.path(name + ".safetensors")

    def converted(source, dialect, wanted):
        check.convert(source, path[dialect], dialect)
        return require_equal(load_file(path[dialect]), wanted)

    torch.save(dict(meta=dict(CLASSES=tuple(CLASSES)), state_dict=first, optimizer=dict(state={})), given)
    check.row("mmdet 2.11 → mm", lambda: converted(given, "mm", second))
    check.row("mm → official", lambda: converted(path["mm"], "official", first))
    check.row("official → torchvision", lambda: converted(path["official"], "torchvision", to_torchvision(first)))
    check.row("torchvision → official", lambda: converted(path["torchvision"], "official", first))

    cascade = random_state(mmdet_shapes(1, cascade=True), 2)
    torch.save(dict(state_dict=cascade), check.path("cascade.pth"))
    check.row("cascade, mmdet 2.11 → mm",
              lambda: converted(check.path("cascade.pth"), "mm", second_generation(cascade)))
    check.row("cascade, mm → official", lambda: converted(path["mm"], "official", cascade))

    def names(state, meta, dialect):
        torch.save(dict(meta=meta, state_dict=state), given)
        said = check.convert(given, check.path("again.safetensors"), "official")
        if (said["kind"], said["class_names"], said["source_dialect"]) != ("detector", CLASSES, dialect):
            raise RuntimeError(f"{said['kind']} of {said['class_names']}, {said['source_dialect']}")
        return "class names and dialect"

    check.row("meta of mmdet 2", lambda: names(first, dict(CLASSES=tuple(CLASSES)), "official"))
    check.row("meta of mmdet 3", lambda: names(second, dict(dataset_meta=dict(classes=CLASSES)), "mm"))

    def old():
        torch.save(to_torchvision(first, old=True), given)
        return converted(given, "official", first)

    check.row("names before torchvision 0.14", old)


def check_torchvision(check, mask):
    title = "" if mask else "Faster R-CNN: "
    model = randomized(torchvision_model(OfficialSwin(STRIDE_4), mask), 3)
    state = model.state_dict()
    heads = HEADS if mask else dict(HEADS, mask=0)
    given, official, back = check.path("given.pth"), check.path("official.safetensors"), check.path("back.safetensors")
    torch.save(state, given)

    def read():
        check.convert(given, official, "official")
        return require_equal(load_file(official), from_torchvision(state, mmdet_shapes(1, STRIDE_4, heads)))

    def written():
        check.convert(official, back, "torchvision")
        module = torchvision_model(OfficialSwin(STRIDE_4), mask)
        module.load_state_dict(load_file(back), strict=True)
        return require_equal(module.state_dict(), {**state, **zeros_in_slots(state)})

    check.row(title + "torchvision → official", read)
    check.row(title + "official → torchvision, strict", written)

    def unread():
        """Neither answers nor gradients depend on the slots of the background."""
        images = [torch.rand(3, 64, 80, generator=torch.Generator().manual_seed(5))]
        zero = torchvision_model(OfficialSwin(STRIDE_4), mask).eval()
        zero.load_state_dict({**state, **zeros_in_slots(state)})
        with torch.no_grad():
            a, b = model(images)[0], zero(images)[0]
        if not len(a["boxes"]) or any(not torch.equal(a[key], b[key]) for key in a):
            raise RuntimeError(f"{len(a['boxes'])} answers, which differ")
        box, target = torch.tensor([[8.0, 8.0, 40.0, 50.0]]), torch.zeros(1, 64, 80, dtype=torch.uint8)
        target[:, 8:50, 8:40] = 1
        losses = model.train()(images, [dict(boxes=box, labels=torch.tensor([2]), masks=target)])
        model.eval()
        sum(losses.values()).backward()
        for name, value in model.named_parameters():
            count = 4 if ".bbox_pred." in name and "roi_heads" in name else 1 if ".mask_fcn_logits." in name else 0
            if count and (value.grad[:count] != 0).any():
                raise RuntimeError(name + " has a gradient")
        return f"{len(a['boxes'])} answers equal, no gradient"

    check.row(title + "the background's slots are not read", unread)
    for source, dialect in ((given, "torchvision"), (official, "official")):
        check.row(f"{title}maps and answers, {dialect}", lambda: verified(check, model, mask, source))


@torch.no_grad()
def answers_of(model, images, mask):
    """What the model computes for one image, under the names of swin's outputs."""
    kept, hooks = {}, []

    def keep(module, name):
        hooks.append(module.register_forward_hook(lambda _, inputs, output: kept.update({name: output})))

    keep(model.backbone, "maps"), keep(model.rpn.head, "rpn"), keep(model.rpn, "proposals")
    keep(model.roi_heads.box_predictor, "boxes")
    if mask:
        keep(model.roi_heads.mask_predictor, "masks")
    found = model(list(images))[0]
    for hook in hooks:
        hook.remove()
    logits, deltas = kept["boxes"]
    tensors = {f"fpn.{i}": x for i, x in enumerate(kept["maps"].values())}
    for i, (objectness, moves) in enumerate(zip(*kept["rpn"])):
        tensors |= {f"rpn_objectness.{i}": objectness, f"rpn_deltas.{i}": moves}
    tensors |= {"proposals.0": kept["proposals"][0][0], "box_deltas.0": deltas[:, 4:],
                "class_logits.0": torch.cat([logits[:, 1:], logits[:, :1]], 1),
                "detections.0": torch.cat([found["boxes"], found["scores"][:, None],
                                           found["labels"][:, None] - 1.0], 1)}
    if mask:
        each = torch.arange(len(found["labels"]))
        tensors["masks.0"] = kept["masks"].sigmoid()[each, found["labels"]]
    return {name: value.contiguous() for name, value in tensors.items()}


def verified(check, model, mask, source):
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(8))
    golden, config = check.path("golden.safetensors"), check.path("config.json")
    tensors = answers_of(model, images, mask)
    if not len(tensors["detections.0"]):
        raise RuntimeError("no answers")
    save_file({"input": images, **tensors}, golden)
    task = dict(name="detection", convention="torchvision", mask=mask,
                rpn=dict(pre_top_test=TOP[0], post_top_test=TOP[1]), neck=dict(channels=HEADS["channels"]),
                anchors=dict(sizes=SIZES, ratios=RATIOS), box_head=dict(channels=HEADS["box"]))
    if mask:
        task["mask_head"] = dict(channels=HEADS["mask"], convs=HEADS["convs"])
    model_config = check.run("convert", source, check.path("again.safetensors"))["model_config"]
    with open(config, "w") as file:
        json.dump(dict(model=model_config, task=task), file)
    report = check.run("verify", source, "--golden", golden, "--config", config)
    if not report["passed"] or report["ignored"] or len(report["tensors"]) != len(tensors):
        raise RuntimeError(f"{[row['name'] for row in report['tensors'] if not row['passed']]} differ")
    error = max(row["max_rel_error"] for row in report["tensors"])
    return (f"{len(tensors)} tensors, {len(tensors['proposals.0'])} proposals, "
            f"{len(tensors['detections.0'])} answers, differ by {error:.1e}")


def zeros_in_slots(state):
    zeros = {}
    for name, count in (("roi_heads.box_predictor.bbox_pred.", 4), ("roi_heads.mask_predictor.mask_fcn_logits.", 1)):
        for leaf in ("weight", "bias"):
            if name + leaf in state:
                zeros[name + leaf] = state[name + leaf].clone()
                zeros[name + leaf][:count] = 0
    return zeros


def check_hub_body(check):
    model = randomized(torchvision_model(HubSwin()), 4)
    given, official = check.path("given.pth"), check.path("official.safetensors")
    torch.save(model.state_dict(), given)

    def read():
        said = check.convert(given, official, "official")
        if said["source_dialect"] != "torchvision":
            raise RuntimeError(said["source_dialect"])
        if shapes_of(load_file(official)) != mmdet_shapes(1):
            raise RuntimeError("keys differ")
        module = torchvision_model(OfficialSwin()).eval()
        check.convert(official, check.path("back.safetensors"), "torchvision")
        module.load_state_dict(load_file(check.path("back.safetensors")), strict=True)
        images = torch.rand(1, 3, 72, 90, generator=torch.Generator().manual_seed(6))
        with torch.no_grad():
            pairs = zip(model.backbone(images).values(), module.backbone(images).values())
            error = max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)
        if error > 1e-5:
            raise RuntimeError(f"maps differ by {error:.1e}")
        return f"maps of the pyramid differ by {error:.1e}"

    check.row("transformers' Swin as torchvision's body", read)


def write_keys(folder):
    """One line per key: name and shape."""
    def write(name, shapes):
        with open(os.path.join(folder, name + ".txt"), "w") as file:
            for key, shape in shapes.items():
                file.write(f"{key} {','.join(map(str, shape)) or 'scalar'}\n")

    for generation, name in ((1, "official"), (2, "mm")):
        write(name + "_mask_rcnn", mmdet_shapes(generation))
        write(name + "_cascade_mask_rcnn", mmdet_shapes(generation, cascade=True))
        write(name + "_mask_rcnn_swin_tiny", mmdet_shapes(generation, SWIN_T, MASK_R_CNN, 80))
    write("torchvision_mask_rcnn", torchvision_shapes())
    write("torchvision_old_mask_rcnn", torchvision_shapes(old=True))
    write("torchvision_hub_mask_rcnn", shapes_of(torchvision_model(HubSwin()).state_dict()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swin", default="build/ci/cli/swin")
    parser.add_argument("--keys")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    if arguments.keys:
        write_keys(arguments.keys)
    if torchvision_shapes() != shapes_of(torchvision_model(OfficialSwin()).state_dict()):
        raise RuntimeError("the names written down differ from torchvision's")
    with tempfile.TemporaryDirectory() as folder:
        check = Check(os.path.abspath(arguments.swin), folder)
        check_mmdetection(check)
        for mask in (True, False):
            check_torchvision(check, mask)
        check_hub_body(check)
    print(f"{check.count} checks, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
