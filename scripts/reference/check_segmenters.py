#!/usr/bin/env python3
"""Converts UPerNet with `swin convert` between Hugging Face and both generations of mmsegmentation.

Makes a small UperNetForSemanticSegmentation of transformers with random weights, converts its folder, its
state_dict() and files with mmsegmentation's names to every dialect and back, and loads the results with
strict=True. Every tensor is compared bit by bit, and the logits of transformers with those of `swin verify`.

    python scripts/reference/check_segmenters.py --swin build/ci/cli/swin [--keys tests/weights/dialect_keys]

--keys also writes the names and shapes that the tests use. Needs torch, transformers and safetensors;
checked with torch 2.14.1, transformers 5.24.0.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

CLASSES = ["wall", "building", "sky", "floor", "tree"]
SWIN = dict(image=64, patch=2, dim=8, depths=[1, 2, 1, 1], heads=[1, 1, 2, 2], window=3)
CHANNELS, AUXILIARY, SCALES = 6, 4, [1, 2, 3, 6]


def huggingface_config(auxiliary=True):
    names = dict(enumerate(CLASSES))
    backbone = transformers.SwinConfig(image_size=SWIN["image"], patch_size=SWIN["patch"], embed_dim=SWIN["dim"],
                                       depths=SWIN["depths"], num_heads=SWIN["heads"], window_size=SWIN["window"],
                                       out_features=["stage1", "stage2", "stage3", "stage4"])
    return transformers.UperNetConfig(backbone_config=backbone, hidden_size=CHANNELS, pool_scales=SCALES,
                                      use_auxiliary_head=auxiliary, auxiliary_channels=AUXILIARY,
                                      auxiliary_in_channels=4 * SWIN["dim"], id2label=names,
                                      label2id={name: i for i, name in names.items()})


@torch.no_grad()
def huggingface_model(seed, auxiliary=True):
    model = transformers.UperNetForSemanticSegmentation(huggingface_config(auxiliary))
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(model.state_dict().items()):
        if not tensor.is_floating_point():
            continue
        values = torch.empty(tensor.shape).normal_(generator=generator)
        if name.endswith("running_var") or (tensor.dim() == 1 and name.endswith("weight")):
            values = 1 + 0.2 * values.clamp(-2, 2)
        elif tensor.dim() > 1:
            values *= 0.3
        else:
            values *= 0.1
        tensor.copy_(values)
    return model.eval()


# ---- mmsegmentation, from the source of both generations ------------------------------------------------

def backbone_shapes(generation, swin=SWIN):
    """Of SwinTransformer in SwinTransformer/Swin-Transformer-Semantic-Segmentation (1), and in mmseg (2)."""
    dim, area, table = swin["dim"], swin["window"] ** 2, (2 * swin["window"] - 1) ** 2
    first = generation == 1
    proj = "patch_embed.proj" if first else "patch_embed.projection"
    shapes = {proj + ".weight": (dim, 3, swin["patch"], swin["patch"]), proj + ".bias": (dim,),
              "patch_embed.norm.weight": (dim,), "patch_embed.norm.bias": (dim,)}
    for i, (depth, heads) in enumerate(zip(swin["depths"], swin["heads"])):
        stage = f"layers.{i}." if first else f"stages.{i}."
        for j in range(depth):
            block = f"{stage}blocks.{j}."
            attn = block + ("attn." if first else "attn.w_msa.")
            fc = [block + name for name in (("mlp.fc1", "mlp.fc2") if first else ("ffn.layers.0.0", "ffn.layers.1"))]
            for norm in ("norm1", "norm2"):
                shapes |= {f"{block}{norm}.weight": (dim,), f"{block}{norm}.bias": (dim,)}
            shapes |= {attn + "relative_position_bias_table": (table, heads),
                       attn + "relative_position_index": (area, area),
                       attn + "qkv.weight": (3 * dim, dim), attn + "qkv.bias": (3 * dim,),
                       attn + "proj.weight": (dim, dim), attn + "proj.bias": (dim,),
                       fc[0] + ".weight": (4 * dim, dim), fc[0] + ".bias": (4 * dim,),
                       fc[1] + ".weight": (dim, 4 * dim), fc[1] + ".bias": (dim,)}
        shapes |= {f"norm{i}.weight": (dim,), f"norm{i}.bias": (dim,)}
        if i + 1 < len(swin["depths"]):
            shapes |= {stage + "downsample.norm.weight": (4 * dim,), stage + "downsample.norm.bias": (4 * dim,),
                       stage + "downsample.reduction.weight": (2 * dim, 4 * dim)}
            dim *= 2
    return shapes


def mmseg_shapes(generation, auxiliary=True):
    """Of EncoderDecoder with SwinTransformer, UPerHead and FCNHead."""
    shapes = {"backbone." + name: shape for name, shape in backbone_shapes(generation).items()}
    dims = [SWIN["dim"] << i for i in range(len(SWIN["depths"]))]

    def conv_module(name, inputs, channels, kernel):
        shapes[name + ".conv.weight"] = (channels, inputs, kernel, kernel)
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{leaf}"] = (channels,)
        shapes[name + ".bn.num_batches_tracked"] = ()

    def conv_seg(head, channels):
        shapes[head + ".conv_seg.weight"] = (len(CLASSES), channels, 1, 1)
        shapes[head + ".conv_seg.bias"] = (len(CLASSES),)

    conv_seg("decode_head", CHANNELS)
    for i in range(len(SCALES)):
        conv_module(f"decode_head.psp_modules.{i}.1", dims[-1], CHANNELS, 1)
    conv_module("decode_head.bottleneck", dims[-1] + len(SCALES) * CHANNELS, CHANNELS, 3)
    for i, dim in enumerate(dims[:-1]):
        conv_module(f"decode_head.lateral_convs.{i}", dim, CHANNELS, 1)
        conv_module(f"decode_head.fpn_convs.{i}", CHANNELS, CHANNELS, 3)
    conv_module("decode_head.fpn_bottleneck", len(dims) * CHANNELS, CHANNELS, 3)
    if auxiliary:
        conv_seg("auxiliary_head", AUXILIARY)
        conv_module("auxiliary_head.convs.0", dims[2], AUXILIARY, 3)
    return shapes


def unfolded(value):
    """A first generation's patch merging for the second: the correct_unfold_…_order of its converters."""
    if value.dim() == 1:
        return value.reshape(4, -1)[[0, 2, 1, 3]].transpose(0, 1).reshape(-1)
    return value.reshape(len(value), 4, -1)[:, [0, 2, 1, 3]].transpose(1, 2).reshape(value.shape)


def second_generation(state):
    """Names and values of the second generation, made from those of the first."""
    result = {}
    for name, value in state.items():
        if name.startswith("backbone."):
            for ours, theirs in (("patch_embed.proj.", "patch_embed.projection."), ("layers.", "stages."),
                                 ("mlp.fc1.", "ffn.layers.0.0."), ("mlp.fc2.", "ffn.layers.1."),
                                 (".attn.", ".attn.w_msa.")):
                name = name.replace(ours, theirs)
            if ".downsample." in name:
                value = unfolded(value)
        result[name] = value.contiguous()
    return result


# ---------------------------------------------------------------------------------------------------------

def shapes_of(state):
    return {name: tuple(value.shape) for name, value in state.items()}


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.contiguous().flatten().view(torch.uint8),
                                                                     b.contiguous().flatten().view(torch.uint8))


class Check:
    def __init__(self, program, folder):
        self.program, self.folder, self.failed, self.count = program, folder, 0, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments, "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or done.stdout.strip())
        return json.loads(done.stdout)

    def row(self, title, act):
        self.count += 1
        try:
            said = act()
        except Exception as error:
            self.failed += 1
            said = "ERROR " + str(error)[:400]
        print(title.ljust(44), said, flush=True)

    def convert(self, source, target, dialect):
        shutil.rmtree(target, ignore_errors=True)
        return self.run("convert", source, target, "--dialect", dialect)


def load_hub(folder, expected):
    """The folder opened by transformers: no key is missing or unexpected, and every tensor is `expected`'s."""
    model, info = transformers.UperNetForSemanticSegmentation.from_pretrained(folder, output_loading_info=True)
    wrong = {kind: sorted(keys)[:3] for kind, keys in info.items() if keys}
    if wrong:
        raise RuntimeError(f"loading: {wrong}")
    state, wanted = model.state_dict(), expected.state_dict()
    if set(state) != set(wanted):
        raise RuntimeError(f"keys differ: {sorted(set(state) ^ set(wanted))[:3]}")
    unequal = [name for name, value in wanted.items()
               if not same_bits(state[name], value) and "swin.layernorm" not in name]
    if unequal:
        raise RuntimeError(f"values differ: {unequal[:3]}")
    labels = [model.config.id2label[i] for i in range(len(CLASSES))]
    if labels != CLASSES:
        raise RuntimeError(f"class names {labels}")
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    return f"{len(state)} tensors equal, {type(processor).__name__}"


def check_model(check, auxiliary):
    module = huggingface_model(3, auxiliary)
    title = "" if auxiliary else "no auxiliary head: "
    hub, pth = check.path("hub"), check.path("memory.pth")
    shutil.rmtree(hub, ignore_errors=True)
    module.save_pretrained(hub)
    transformers.SegformerImageProcessor(size=dict(height=SWIN["image"], width=SWIN["image"])).save_pretrained(hub)
    torch.save(module.state_dict(), pth)
    official, mm = check.path("official.safetensors"), check.path("mm.safetensors")

    def to_official():
        said = check.convert(hub + "/", official, "official")
        if said["kind"] != "segmenter" or said["class_names"] != CLASSES:
            raise RuntimeError(f"{said['kind']} of {said['class_names']}")
        if shapes_of(load_file(official)) != mmseg_shapes(1, auxiliary):
            odd = set(shapes_of(load_file(official)).items()) ^ set(mmseg_shapes(1, auxiliary).items())
            raise RuntimeError(f"keys differ: {sorted(odd)[:3]}")
        return "keys and shapes of the first generation"

    def to_mm():
        check.convert(official, mm, "mm")
        found, wanted = load_file(mm), second_generation(load_file(official))
        if shapes_of(found) != mmseg_shapes(2, auxiliary):
            odd = set(shapes_of(found).items()) ^ set(mmseg_shapes(2, auxiliary).items())
            raise RuntimeError(f"keys differ: {sorted(odd)[:3]}")
        unequal = [name for name, value in wanted.items() if not same_bits(found[name], value)]
        if unequal:
            raise RuntimeError(f"values differ: {unequal[:3]}")
        return "keys, shapes and values of the second generation"

    check.row(title + "huggingface → official", to_official)
    check.row(title + "official → mm", to_mm)
    for name, source in (("official", official), ("mm", mm), ("huggingface's folder", hub + "/")):
        out = check.path("out") + "/"
        check.row(f"{title}{name} → huggingface", lambda: check.convert(source, out, "huggingface") and
                  load_hub(out, module))

    def from_memory():
        given = check.path("given.json")
        with open(given, "w") as file:
            json.dump({"model": check.run("convert", hub + "/", official, "--dialect", "official")["model_config"]},
                      file)
        again = check.path("again.safetensors")
        check.run("convert", pth, again, "--dialect", "official")
        a, b = load_file(official), load_file(again)
        return "equal" if set(a) == set(b) and all(same_bits(a[k], b[k]) for k in a) else 1 / 0

    check.row(title + "state_dict() → official", from_memory)

    def from_runner():
        for generation, state in ((1, load_file(official)), (2, load_file(mm))):
            meta = {"CLASSES": tuple(CLASSES), "PALETTE": [[0, 0, 0]]}
            if generation == 2:
                meta = {"dataset_meta": {"classes": CLASSES, "palette": []}, "cfg": "text"}
            torch.save({"meta": meta, "state_dict": state, "optimizer": {"state": {}}}, pth)
            said = check.convert(pth, check.path("again.h5"), "official")
            if said["class_names"] != CLASSES or said["source_dialect"] != ("official", "mm")[generation - 1]:
                raise RuntimeError(f"{said['source_dialect']} of {said['class_names']}")
        return "dialect and class names of both generations"

    check.row(title + "files of mmsegmentation's runners", from_runner)

    # The last pair of sides is odd: no patch, no window divides it.
    for height, width in ((64, 64), (96, 32), (75, 61)):
        golden = check.path("golden.safetensors")
        images = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(7))
        with torch.no_grad():
            logits = module(images).logits
        save_file({"input": images, "logits": logits.contiguous()}, golden)

        def verified(source):
            report = check.run("verify", source, "--golden", golden)
            if not report["passed"]:
                raise RuntimeError(report["tensors"])
            return f"logits differ by {max(row['max_rel_error'] for row in report['tensors']):.1e}"

        for name, source in (("official", official), ("mm", mm), ("huggingface", check.path("out") + "/")):
            check.row(f"{title}{name}, {height} × {width}", lambda: verified(source))


def write_keys(folder):
    """One line per key: name and shape. Hugging Face: the file's names, and those in memory."""
    def write(name, shapes):
        with open(os.path.join(folder, name + ".txt"), "w") as file:
            for key, shape in shapes.items():
                file.write(f"{key} {','.join(map(str, shape)) or 'scalar'}\n")

    write("official_upernet", mmseg_shapes(1))
    write("mm_upernet", mmseg_shapes(2))
    with tempfile.TemporaryDirectory() as hub:
        module = huggingface_model(3)
        module.save_pretrained(hub)
        write("huggingface_upernet", shapes_of(load_file(os.path.join(hub, "model.safetensors"))))
        write("huggingface_memory_upernet", shapes_of(module.state_dict()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swin", default="build/ci/cli/swin")
    parser.add_argument("--keys")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    if arguments.keys:
        write_keys(arguments.keys)
    with tempfile.TemporaryDirectory() as folder:
        check = Check(os.path.abspath(arguments.swin), folder)
        for auxiliary in (True, False):
            check_model(check, auxiliary)
    print(f"{check.count} checks, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
