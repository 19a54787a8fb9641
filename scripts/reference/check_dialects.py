#!/usr/bin/env python3
"""Converts weights with `swin convert` from every library to every other and back.

Makes a small model of each library with random weights, saves it as .safetensors and .pth, converts it
to every dialect and loads the result with strict=True. Compares the logits of both libraries, and,
after converting back, every tensor bit by bit. Then folders with class names and pre-processing, out and
in (check_folders.py).

    python scripts/reference/check_dialects.py --swin build/swin [--keys tests/weights/dialect_keys]

--keys also writes the names and shapes that the tests use. Needs torch, torchvision, timm,
transformers and safetensors; checked with torchvision 0.29.1, timm 1.0.31, transformers 5.24.0.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

import timm
import torchvision
import transformers
from timm.models.swin_transformer import SwinTransformer as TimmSwin
from timm.models.swin_transformer_v2 import SwinTransformerV2 as TimmSwinV2
from timm.models.vision_transformer import VisionTransformer as TimmVit
from torchvision.models import VisionTransformer as TorchvisionVit
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2
from torchvision.models.swin_transformer import SwinTransformer as TorchvisionSwin

from check_folders import check_folders

CLASSES = 5
# Every map is a multiple of the window, so that all libraries compute the same.
SWIN = dict(image=24, patch=2, dim=8, depths=[2, 2], heads=[1, 2], window=3)
VIT = dict(image=32, patch=8, dim=64, depth=2, heads=1, hidden=128)
DERIVED = ("relative_position_index", "relative_coords_table", "attn_mask")


def config_of(model):
    if model == "vit":
        return {"model": dict(name="vit", image_size=VIT["image"], patch_size=VIT["patch"], embed_dim=VIT["dim"],
                              depths=[VIT["depth"]], num_heads=[VIT["heads"]], mlp_ratio=VIT["hidden"] / VIT["dim"],
                              num_classes=CLASSES)}
    return {"model": dict(name=model, image_size=SWIN["image"], patch_size=SWIN["patch"], embed_dim=SWIN["dim"],
                          depths=SWIN["depths"], num_heads=SWIN["heads"], window_size=SWIN["window"],
                          num_classes=CLASSES)}


def torchvision_model(model):
    if model == "vit":
        return TorchvisionVit(VIT["image"], VIT["patch"], VIT["depth"], VIT["heads"], VIT["dim"], VIT["hidden"],
                              num_classes=CLASSES)
    extra = dict(block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2) if model == "swin_v2" else {}
    return TorchvisionSwin([SWIN["patch"]] * 2, SWIN["dim"], SWIN["depths"], SWIN["heads"], [SWIN["window"]] * 2,
                           num_classes=CLASSES, **extra)


def timm_model(model):
    if model == "vit":
        return TimmVit(img_size=VIT["image"], patch_size=VIT["patch"], embed_dim=VIT["dim"], depth=VIT["depth"],
                       num_heads=VIT["heads"], mlp_ratio=VIT["hidden"] / VIT["dim"], num_classes=CLASSES)
    make = TimmSwinV2 if model == "swin_v2" else TimmSwin
    return make(img_size=SWIN["image"], patch_size=SWIN["patch"], embed_dim=SWIN["dim"], depths=SWIN["depths"],
                num_heads=SWIN["heads"], window_size=SWIN["window"], num_classes=CLASSES)


def huggingface_config(model, **extra):
    if model == "vit":
        return transformers.ViTConfig(image_size=VIT["image"], patch_size=VIT["patch"], hidden_size=VIT["dim"],
                                      num_hidden_layers=VIT["depth"], num_attention_heads=VIT["heads"],
                                      intermediate_size=VIT["hidden"], num_labels=CLASSES,
                                      layer_norm_eps=1e-6, **extra)
    make = transformers.Swinv2Config if model == "swin_v2" else transformers.SwinConfig
    return make(image_size=SWIN["image"], patch_size=SWIN["patch"], embed_dim=SWIN["dim"], depths=SWIN["depths"],
                num_heads=SWIN["heads"], window_size=SWIN["window"], num_labels=CLASSES, encoder_stride=4, **extra)


HUGGINGFACE = {"swin": "SwinForImageClassification", "swin_v2": "Swinv2ForImageClassification",
               "vit": "ViTForImageClassification"}
SIMMIM = {"swin": "SwinForMaskedImageModeling", "swin_v2": "Swinv2ForMaskedImageModeling"}
BACKBONE = {"swin": "SwinBackbone", "swin_v2": "Swinv2Backbone"}


def huggingface_model(model, classes=HUGGINGFACE):
    extra = dict(out_features=["stage1", "stage2"]) if classes is BACKBONE else {}
    return getattr(transformers, classes[model])(huggingface_config(model, **extra))


MAKERS = {"timm": timm_model, "torchvision": torchvision_model, "huggingface": huggingface_model}


@torch.no_grad()
def randomize(module, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(module.named_parameters()):
        values = torch.empty(parameter.shape).normal_(generator=generator)
        if parameter.dim() > 1:
            values *= 0.3
        elif name.endswith("weight"):
            values = 1 + 0.2 * values
        else:
            values *= 0.1
        if name.endswith("attn.qkv.bias") and any("logit_scale" in n for n, _ in module.named_parameters()):
            third = values.numel() // 3  # torchvision's V2 sets it to zero in every forward
            values[third:2 * third] = 0
        parameter.copy_(values)
    return module.eval()


def swin_shapes(version, simmim=False):
    """Names and shapes of microsoft/Swin-Transformer's state dict, from its source."""
    dim, window, area = SWIN["dim"], SWIN["window"], SWIN["window"] ** 2
    shapes = {"patch_embed.proj.weight": (dim, 3, SWIN["patch"], SWIN["patch"]), "patch_embed.proj.bias": (dim,),
              "patch_embed.norm.weight": (dim,), "patch_embed.norm.bias": (dim,)}
    side = SWIN["image"] // SWIN["patch"]
    for i, (depth, heads) in enumerate(zip(SWIN["depths"], SWIN["heads"])):
        for j in range(depth):
            b = f"layers.{i}.blocks.{j}."
            for norm in ("norm1", "norm2"):
                shapes |= {b + norm + ".weight": (dim,), b + norm + ".bias": (dim,)}
            shapes |= {b + "mlp.fc1.weight": (4 * dim, dim), b + "mlp.fc1.bias": (4 * dim,),
                       b + "mlp.fc2.weight": (dim, 4 * dim), b + "mlp.fc2.bias": (dim,)}
            if version == "swin_mlp":
                shapes |= {b + "spatial_mlp.weight": (heads * area, area, 1), b + "spatial_mlp.bias": (heads * area,)}
                continue
            shapes |= {b + "attn.proj.weight": (dim, dim), b + "attn.proj.bias": (dim,),
                       b + "attn.qkv.weight": (3 * dim, dim), b + "attn.relative_position_index": (area, area)}
            if version == "swin":
                shapes |= {b + "attn.qkv.bias": (3 * dim,),
                           b + "attn.relative_position_bias_table": ((2 * window - 1) ** 2, heads)}
            else:
                shapes |= {b + "attn.q_bias": (dim,), b + "attn.v_bias": (dim,), b + "attn.logit_scale": (heads, 1, 1),
                           b + "attn.cpb_mlp.0.weight": (512, 2), b + "attn.cpb_mlp.0.bias": (512,),
                           b + "attn.cpb_mlp.2.weight": (heads, 512),
                           b + "attn.relative_coords_table": (1, 2 * window - 1, 2 * window - 1, 2)}
            if j % 2 == 1 and side > window:
                shapes[b + "attn_mask"] = ((side // window) ** 2, area, area)
        if i + 1 < len(SWIN["depths"]):
            d, normed = f"layers.{i}.downsample.", (2 if version == "swin_v2" else 4) * dim
            shapes |= {d + "reduction.weight": (2 * dim, 4 * dim), d + "norm.weight": (normed,),
                       d + "norm.bias": (normed,)}
            dim, side = 2 * dim, side // 2
    shapes |= {"norm.weight": (dim,), "norm.bias": (dim,)}
    if simmim:
        stride = SWIN["patch"] * 2 ** (len(SWIN["depths"]) - 1)
        shapes["mask_token"] = (1, 1, SWIN["dim"])
        shapes = {"encoder." + name: shape for name, shape in shapes.items()}
        shapes |= {"decoder.0.weight": (3 * stride ** 2, dim, 1, 1), "decoder.0.bias": (3 * stride ** 2,)}
    else:
        shapes |= {"head.weight": (CLASSES, dim), "head.bias": (CLASSES,)}
    return shapes


def shapes_of(state):
    return {name: tuple(value.shape) for name, value in state.items()}


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.contiguous().view(torch.uint8),
                                                                     b.contiguous().view(torch.uint8))


class Check:
    def __init__(self, program, folder):
        self.program, self.folder, self.rows, self.failed = program, folder, [], 0

    def convert(self, source, target, *arguments):
        done = subprocess.run([self.program, "convert", source, target, "--json", *arguments], capture_output=True,
                              text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def row(self, *cells):
        self.rows.append(cells)
        self.failed += any(str(cell).startswith("DIFFERS") or str(cell).startswith("ERROR") for cell in cells)
        print("".join(str(cell).ljust(width) for cell, width in zip(cells, (10, 24, 14, 16, 18, 12, 0))), flush=True)

    def load(self, dialect, model, file, classes=HUGGINGFACE):
        """A model of that library with the weights of `file`; no key may be missing or unexpected."""
        if dialect == "huggingface":
            folder = self.path("hub")
            os.makedirs(folder, exist_ok=True)
            huggingface_model(model, classes).config.save_pretrained(folder)
            os.replace(file, os.path.join(folder, "model.safetensors"))
            loaded, info = getattr(transformers, classes[model]).from_pretrained(folder, output_loading_info=True)
            wrong = {kind: keys for kind, keys in info.items() if keys}
            if wrong:
                raise RuntimeError(str(wrong)[:120])
            return loaded.eval()
        loaded = MAKERS[dialect](model)
        loaded.load_state_dict(load_file(file), strict=True)
        return loaded.eval()

    def official(self, state, expected, with_masks=True):
        """@param with_masks False if the image size, on which the masks depend, is unknown."""
        if not with_masks:
            state = {name: value for name, value in state.items() if "attn_mask" not in name}
            expected = {name: shape for name, shape in expected.items() if "attn_mask" not in name}
        if shapes_of(state) != expected:
            odd = sorted(set(shapes_of(state).items()) ^ set(expected.items()))
            raise RuntimeError(f"official keys differ: {odd[:3]}")


def logits_of(module, images):
    with torch.no_grad():
        out = module(images)
    return out.logits if hasattr(out, "logits") else out


def difference(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def check_pair(check, model, origin, form, source, module, config):
    """Converts a file of one library to every dialect and back."""
    images = torch.randn(2, 3, *(2 * [VIT["image"] if model == "vit" else SWIN["image"]]),
                         generator=torch.Generator().manual_seed(7))
    expected = logits_of(module, images)
    state = module.state_dict()
    for target in ("official", "timm", "torchvision", "huggingface", "h5"):
        converted = check.path("converted." + ("h5" if target == "h5" else "safetensors"))
        strict = logits = ""
        try:
            arguments = [] if target == "h5" else ["--dialect", target]
            if config:
                arguments += ["--config", config]
            report = check.convert(source, converted, *arguments)
            if report["source_dialect"] not in (origin, "official" if model == "vit" else origin):
                raise RuntimeError(f"taken for {report['source_dialect']}")
            back = check.path("back.safetensors")
            check.convert(converted, back, "--dialect", origin, *(["--config", config] if config else []))
            if target in MAKERS:
                other = check.load(target, model, converted)
                strict = "strict"
                logits = f"{difference(logits_of(other, images), expected):.1e}"
            elif target == "official" and model != "vit":
                check.official(load_file(converted), swin_shapes(model), with_masks=config is not None)
                strict = "keys as published"
            again = check.load(origin, model, back).state_dict()
            equal = set(again) == set(state) and all(
                same_bits(again[name], value) or (name.endswith("relative_coords_table") and
                                                  torch.allclose(again[name], value, rtol=1e-6, atol=0))
                for name, value in state.items())
            bits = f"{len(state)} equal" if equal else "DIFFERS"
            if logits and float(logits) > 2e-5:
                logits = "DIFFERS " + logits
        except Exception as error:
            bits = "ERROR " + str(error)[:300]
        check.row(model, f"{origin} {form}", target, strict, logits, bits)


def check_classifiers(check):
    for model in ("swin", "swin_v2", "vit"):
        config = check.path(model + ".json")
        with open(config, "w") as file:
            json.dump(config_of(model), file)
        for origin, make in MAKERS.items():
            module = randomize(make(model), 3)
            state = {name: value.contiguous().clone() for name, value in module.state_dict().items()}
            safetensors, pth = check.path("source.safetensors"), check.path("source.pth")
            if origin == "huggingface":
                module.save_pretrained(check.path("source"))
                os.replace(check.path("source/model.safetensors"), safetensors)
            else:
                save_file(state, safetensors)
            torch.save(state, pth)
            check_pair(check, model, origin, "safetensors", safetensors, module, config)
            # A training checkpoint with a wrapper prefix; Swin without a config: the shapes are enough.
            torch.save({"epoch": 3, "model": {"module." + name: value for name, value in state.items()}}, pth)
            check_pair(check, model, origin, "pth module.", pth, module, None if model == "swin" else config)


def check_simmim(check):
    for model, name in SIMMIM.items():
        config = check.path(model + ".json")
        module = randomize(huggingface_model(model, SIMMIM), 4)
        module.save_pretrained(check.path("source"))
        source, target, back = (check.path(n) for n in ("source/model.safetensors", "converted.safetensors",
                                                        "back.safetensors"))
        try:
            check.convert(source, target, "--dialect", "official", "--config", config)
            check.official(load_file(target), swin_shapes(model, simmim=True))
            check.convert(target, back, "--dialect", "huggingface", "--config", config)
            again = check.load("huggingface", model, back, SIMMIM).state_dict()
            state = module.state_dict()
            bits = f"{len(state)} equal" if all(same_bits(again[k], v) for k, v in state.items()) else "DIFFERS"
        except Exception as error:
            bits = "ERROR " + str(error)[:300]
        check.row(model, "huggingface SimMIM", "official", "keys as published", "", bits)


def check_backbone(check):
    for model in BACKBONE:
        config = check.path(model + ".json")
        module = randomize(huggingface_model(model, BACKBONE), 5)
        module.save_pretrained(check.path("source"))
        source, target, back = (check.path(n) for n in ("source/model.safetensors", "converted.safetensors",
                                                        "back.safetensors"))
        try:
            check.convert(source, target, "--dialect", "official", "--config", config)
            check.convert(target, back, "--dialect", "huggingface", "--config", config)
            again, state = check.load("huggingface", model, back, BACKBONE).state_dict(), module.state_dict()
            equal = all(same_bits(again[k], v) for k, v in state.items() if "swin.layernorm" not in k)
            bits = f"{len(state)} equal" if equal else "DIFFERS"
        except Exception as error:
            bits = "ERROR " + str(error)[:300]
        check.row(model, "huggingface backbone", "official", "strict", "", bits)


def write_keys(folder):
    """One line per key: name and shape. Hugging Face: the file's names; official: those of the source."""
    os.makedirs(folder, exist_ok=True)

    def write(name, shapes):
        with open(os.path.join(folder, name + ".txt"), "w") as file:
            for key, shape in shapes.items():
                file.write(f"{key} {','.join(map(str, shape)) or 'scalar'}\n")

    for model in ("swin", "swin_v2", "swin_mlp"):
        write(f"official_{model}", swin_shapes(model))
    for model in SIMMIM:
        write(f"official_simmim_{model}", swin_shapes(model, simmim=True))
    for model in ("swin", "swin_v2", "vit"):
        write(f"timm_{model}", shapes_of(timm_model(model).state_dict()))
        write(f"torchvision_{model}", shapes_of(torchvision_model(model).state_dict()))
        with tempfile.TemporaryDirectory() as hub:
            module = huggingface_model(model)
            module.save_pretrained(hub)
            write(f"huggingface_{model}", shapes_of(load_file(os.path.join(hub, "model.safetensors"))))
            if shapes_of(module.state_dict()) != shapes_of(load_file(os.path.join(hub, "model.safetensors"))):
                write(f"huggingface_memory_{model}", shapes_of(module.state_dict()))
            if model in SIMMIM:
                huggingface_model(model, SIMMIM).save_pretrained(hub)
                write(f"huggingface_simmim_{model}", shapes_of(load_file(os.path.join(hub, "model.safetensors"))))
    write("timm_vit_avg", shapes_of(TimmVit(img_size=VIT["image"], patch_size=VIT["patch"], embed_dim=VIT["dim"],
                                            depth=VIT["depth"], num_heads=VIT["heads"], num_classes=CLASSES,
                                            mlp_ratio=VIT["hidden"] / VIT["dim"], global_pool="avg",
                                            class_token=False).state_dict()))


def write_tiny(file):
    """A torchvision model's state_dict(), written by torch.save."""
    torch.manual_seed(1)
    torch.save(TorchvisionSwin([4, 4], 4, [1, 2], [1, 2], [2, 2], mlp_ratio=2.0, num_classes=3).state_dict(), file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swin", default="build/swin")
    parser.add_argument("--keys")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}, "
          f"transformers {transformers.__version__}")
    if arguments.keys:
        write_keys(arguments.keys)
        write_tiny(os.path.join(arguments.keys, "torchvision_tiny.pth"))
    with tempfile.TemporaryDirectory() as folder:
        check = Check(os.path.abspath(arguments.swin), folder)
        check.row("model", "from", "to", "loads", "logits differ", "bits after converting back")
        check_classifiers(check)
        check_simmim(check)
        check_backbone(check)
        check_folders(check, MAKERS, randomize, config_of)
    print(f"{len(check.rows) - 1} conversions, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
