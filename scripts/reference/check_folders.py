"""Folders of transformers and timm: what `swin convert` writes is opened there, what they save is read here.

Part of check_dialects.py. Names must be equal, and probabilities of a photograph-like image, from the file to
the answer, equal to 1e-4: both sides resize, crop and normalize on their own.
"""
import json
import os
import subprocess

import numpy as np
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

NAMES = ["10", "9", "café", "a \"b\", c", "007"]
SIZE = {"swin": 24, "swin_v2": 24, "vit": 32}


def preprocess_sections(side):
    return [{"resize": None, "interpolation": "bilinear", "mean": [0.5] * 3, "std": [0.5] * 3},
            {"resize": side + 4, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            {"crop_pct": 0.8, "interpolation": "lanczos", "mean": [0.1, 0.2, 0.3], "std": [0.3, 0.4, 0.5]}]


def write_image(path):
    rows = np.random.default_rng(5).uniform(0, 255, (9, 11, 3)).astype(np.uint8)
    Image.fromarray(rows).resize((66, 54), Image.BICUBIC).save(path)  # every crop cuts an even number: of odd ones transformers rounds otherwise


def probabilities_here(program, checkpoint, image):
    done = subprocess.run([program, "predict", checkpoint, image, "--top-k", "99", "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    shown = json.loads(done.stdout)[0]["predictions"]
    return {p["class_name"]: p["probability"] for p in shown}


@torch.no_grad()
def probabilities_there(dialect, folder, image):
    picture = Image.open(image).convert("RGB")
    if dialect == "huggingface":
        model, info = transformers.AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
        wrong = {kind: keys for kind, keys in info.items() if keys}
        if wrong:
            raise RuntimeError(str(wrong)[:120])
        processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
        logits = model.eval()(**processor(picture, return_tensors="pt")).logits
        names = [model.config.id2label[i] for i in range(model.config.num_labels)]
        if [model.config.label2id[name] for name in names] != list(range(len(names))):
            raise RuntimeError("label2id differs")
    else:
        model = timm.create_model("local-dir:" + folder, pretrained=True).eval()
        transform = create_transform(**resolve_data_config({}, model=model))
        logits = model(transform(picture)[None])
        names = model.pretrained_cfg["label_names"]
    return dict(zip(names, torch.softmax(logits, -1)[0].tolist()))


def furthest(one, other):
    if set(one) != set(other):
        return f"DIFFERS in names: {sorted(one)}, {sorted(other)}"
    off = max(abs(one[name] - other[name]) for name in other)
    return ("DIFFERS " if off > 1e-4 else "") + f"{off:.1e}"


def written(check, dialect, model, state, config_of, image):
    """A checkpoint of ours, opened there."""
    for i, section in enumerate(preprocess_sections(SIZE[model])):
        config, weights, checkpoint, folder = (check.path(f"written_{n}") for n in ("c.json", "w.safetensors", "m.h5", f"{dialect}_{model}_{i}"))
        with open(config, "w") as file:
            json.dump({**config_of(model), "preprocess": section}, file)
        with open(check.path("names.txt"), "w") as file:
            file.write("".join(name + "\n" for name in NAMES))
        save_file(state, weights)
        try:
            check.convert(weights, checkpoint, "--config", config, "--classes", check.path("names.txt"))
            check.convert(checkpoint, folder + "/", "--dialect", dialect)
            here = probabilities_here(check.program, checkpoint, image)
            result = furthest(probabilities_there(dialect, folder, image), here)
            check.convert(folder, check.path("written_back.h5"))
            again = furthest(probabilities_here(check.program, check.path("written_back.h5"), image), here)
        except Exception as error:
            result, again = "ERROR " + str(error)[:300], ""
        check.row(model, f"folder for {dialect}", str(i), "opened there", result, "and back " + again)


def read_huggingface(check, model, make, config, image):
    """A folder of transformers with processors of either kind, read here."""
    processors = [transformers.ViTImageProcessor(size={"height": SIZE[model], "width": SIZE[model]}, resample=3),
                  transformers.CLIPImageProcessor(size={"shortest_edge": SIZE[model] + 4}, resample=2, do_rescale=True,
                                                  crop_size={"height": SIZE[model], "width": SIZE[model]}),
                  transformers.ConvNextImageProcessor(size={"shortest_edge": SIZE[model]}, crop_pct=0.8)]
    for i, processor in enumerate(processors):
        folder = check.path(f"read_hf_{model}_{i}")
        make.config.id2label, make.config.label2id = dict(enumerate(NAMES)), {n: k for k, n in enumerate(NAMES)}
        make.save_pretrained(folder)
        processor.save_pretrained(folder)
        try:
            check.convert(folder, check.path("read.h5"), *config)
            result = furthest(probabilities_here(check.program, check.path("read.h5"), image), probabilities_there("huggingface", folder, image))
        except Exception as error:
            result = "ERROR " + str(error)[:300]
        check.row(model, "folder of huggingface", str(i), "read here", result, "")


def read_timm(check, model, make, config, image):
    for i, cfg in enumerate([dict(crop_pct=0.9, interpolation="bilinear"), dict(crop_pct=1.0, crop_mode="squash", mean=(0.5,) * 3, std=(0.5,) * 3)]):
        folder = check.path(f"read_timm_{model}_{i}")
        os.makedirs(folder, exist_ok=True)
        save_file({k: v.contiguous().clone() for k, v in make.state_dict().items()}, os.path.join(folder, "model.safetensors"))
        arguments = dict(img_size=SIZE[model], num_heads=[1, 2], depths=[2, 2], embed_dim=8, window_size=3, patch_size=2)
        if model == "vit":
            arguments = dict(img_size=32, patch_size=8, embed_dim=64, depth=2, num_heads=1, mlp_ratio=2)
        name = {"swin": "swin_tiny_patch4_window7_224", "swin_v2": "swinv2_tiny_window8_256", "vit": "vit_tiny_patch16_224"}[model]
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(dict(architecture=name, num_classes=len(NAMES), label_names=NAMES, model_args=arguments,
                           pretrained_cfg=dict(input_size=[3, SIZE[model], SIZE[model]], fixed_input_size=True, num_classes=len(NAMES),
                                               first_conv="patch_embed.proj", classifier="head" if model == "vit" else "head.fc", **cfg)), file)
        try:
            check.convert(folder, check.path("read.h5"), *config)
            result = furthest(probabilities_here(check.program, check.path("read.h5"), image), probabilities_there("timm", folder, image))
        except Exception as error:
            result = "ERROR " + str(error)[:300]
        check.row(model, "folder of timm", str(i), "read here", result, "")


def check_folders(check, makers, randomize, config_of):
    image = check.path("image.png")
    write_image(image)
    for model in SIZE:
        for dialect in ("timm", "huggingface"):
            module = randomize(makers[dialect](model), 6)
            state = {name: value.contiguous().clone() for name, value in module.state_dict().items()}
            written(check, dialect, model, state, config_of, image)
        read_huggingface(check, model, randomize(makers["huggingface"](model), 7), [], image)
        read_timm(check, model, randomize(makers["timm"](model), 8), [], image)
