"""Published implementations under the official names: torchvision's, timm's and Hugging Face's
Swin, Swin V2 and ViT, built from the `model` section of a config of this project.

A Peer holds the library's model and the links between its parameters and the official ones; weights
and gradients are exchanged in official names.
"""
import copy
import re

import numpy as np
import timm
import torch
import torchvision
import transformers
from timm.models.swin_transformer import SwinTransformer as TimmSwin
from timm.models.swin_transformer_v2 import SwinTransformerV2 as TimmSwinV2
from timm.models.vision_transformer import VisionTransformer as TimmVit
from torchvision.models import swin_transformer as tv

import generated

LIBRARIES = {"torchvision": torchvision, "timm": timm, "transformers": transformers}


class Peer:
    """links: (official name, which third of it or None, library's name, which third of it or None)."""

    def __init__(self, model, links_of, forward):
        self.model = model.double().eval()
        self.forward = forward  # (self, images) → {tensor name: tensor}
        self.links = [link for name, _ in self.model.named_parameters() for link in links_of(name)]

    @property
    def dtype(self):
        return next(self.model.parameters()).dtype

    def single(self):
        """A copy that computes in float32."""
        single = copy.copy(self)
        single.model = copy.deepcopy(self.model).float()
        return single

    def to_official(self, values):
        """{library's name: tensor} → {official name: tensor}."""
        whole, parts = {}, {}
        for official, third, name, own_third in self.links:
            if values.get(name) is None:
                continue
            value = values[name] if own_third is None else values[name].chunk(3)[own_third]
            if third is None:
                whole[official] = value
            else:
                parts.setdefault(official, {})[third] = value
        for official, thirds in parts.items():
            whole[official] = torch.cat([thirds[i] for i in sorted(thirds)])
        return whole

    def shapes(self):
        return {name: tuple(value.shape)
                for name, value in self.to_official(dict(self.model.named_parameters())).items()}

    def weights(self):
        """{official name: float32 array}, as for `load`."""
        values = self.to_official(dict(self.model.named_parameters()))
        return {name: value.detach().float().numpy() for name, value in values.items()}

    def load(self, official):
        """Sets the weights from official float32 arrays; parameters without a link become zero."""
        parameters = dict(self.model.named_parameters())
        with torch.no_grad():
            for parameter in parameters.values():
                parameter.zero_()
            for name, third, own, own_third in self.links:
                value = torch.from_numpy(np.ascontiguousarray(official[name])).double()
                value = value if third is None else value.chunk(3)[third]
                target = parameters[own]
                (target if own_third is None else target.chunk(3)[own_third]).copy_(value)

    def load_generated(self, seed):
        official = {name: generated.weight(seed, name, shape)
                    for name, shape in self.shapes().items()}
        self.load(official)
        return official

    def gradients(self):
        return {"grad." + name: value for name, value in self.to_official(
            {name: p.grad for name, p in self.model.named_parameters()}).items()}


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def keep_outputs(modules, pick=lambda output: output):
    """Registers hooks that keep the output of each module, by stage, in the returned dict."""
    kept = {}
    for stage, module in enumerate(modules):
        def hook(_, inputs, output, stage=stage):
            kept[stage] = pick(output)
        module.register_forward_hook(hook)
    return kept


# ---- torchvision --------------------------------------------------------------------------------


def torchvision_links(name):
    parts = name.split(".")
    if parts[0] != "features":
        return [(name, None, name, None)]
    index, stage = int(parts[1]), (int(parts[1]) - 1) // 2
    if index == 0:
        official = ".".join(["patch_embed", {"0": "proj", "2": "norm"}[parts[2]]] + parts[3:])
    elif index % 2 == 0:
        official = ".".join([f"layers.{stage}.downsample"] + parts[2:])
    else:
        rest = parts[3:]
        if rest[0] == "mlp":
            rest[1] = {"0": "fc1", "3": "fc2"}[rest[1]]
        official = ".".join([f"layers.{stage}.blocks.{parts[2]}"] + rest)
    return [(official, None, name, None)]


def torchvision_v2_links(name):
    if not name.endswith("attn.qkv.bias"):  # keys have no bias in V2: the library zeroes that third
        return torchvision_links(name)
    official = torchvision_links(name)[0][0].removesuffix("qkv.bias")
    return [(official + "q_bias", None, name, 0), (official + "v_bias", None, name, 2)]


def torchvision_swin(c):
    v2 = c["name"] == "swin_v2"
    extra = dict(block=tv.SwinTransformerBlockV2, downsample_layer=tv.PatchMergingV2) if v2 else {}
    model = tv.SwinTransformer(
        patch_size=pair(c["patch_size"]), embed_dim=c["embed_dim"], depths=c["depths"],
        num_heads=c["num_heads"], window_size=pair(c["window_size"]), mlp_ratio=c["mlp_ratio"],
        stochastic_depth_prob=0.0, num_classes=c["num_classes"], **extra)
    if c["in_chans"] != 3:
        model.features[0][0] = torch.nn.Conv2d(c["in_chans"], c["embed_dim"], c["patch_size"],
                                               c["patch_size"])
    kept = keep_outputs(model.features[1::2])

    def forward(peer, images):
        logits = peer.model(images)
        return {"logits": logits, **{f"features.{i}": map for i, map in kept.items()}}
    return Peer(model, torchvision_v2_links if v2 else torchvision_links, forward)


# ---- timm ---------------------------------------------------------------------------------------


def timm_links(name):
    moved = re.sub(r"^layers\.(\d+)\.downsample",  # in timm patch merging is the start of a stage
                   lambda match: f"layers.{int(match[1]) - 1}.downsample", name)
    return [(moved.replace("head.fc.", "head."), None, name, None)]


def timm_swin(c):
    v2 = c["name"] == "swin_v2"
    windows = c.get("window_sizes") or [c["window_size"]] * len(c["depths"])
    extra = {}
    if v2:
        extra["pretrained_window_sizes"] = c.get("pretrained_window_sizes") or [0] * len(windows)
    ratios = c["mlp_ratio"] if isinstance(c["mlp_ratio"], list) else [c["mlp_ratio"]] * len(windows)
    model = (TimmSwinV2 if v2 else TimmSwin)(
        img_size=pair(c["image_size"]), patch_size=c["patch_size"], in_chans=c["in_chans"],
        num_classes=c["num_classes"], embed_dim=c["embed_dim"], depths=c["depths"],
        num_heads=c["num_heads"], window_size=tuple(tuple(pair(w)) for w in windows),
        mlp_ratio=ratios[0], drop_path_rate=0.0, **extra)
    for stage, ratio in zip(model.layers, ratios):  # timm's layer, built with another ratio
        for block in stage.blocks:
            if ratio != ratios[0]:
                block.mlp = timm.layers.Mlp(block.dim, int(block.dim * ratio))
    kept = keep_outputs(model.layers)

    def forward(peer, images):
        logits = peer.model(images)
        return {"logits": logits, **{f"features.{i}": map for i, map in kept.items()}}
    return Peer(model, timm_links, forward)


def timm_vit(c):
    token = c["global_pool"] == "token"
    model = TimmVit(img_size=pair(c["image_size"]), patch_size=c["patch_size"],
                    in_chans=c["in_chans"], num_classes=c["num_classes"],
                    global_pool=c["global_pool"], class_token=token, embed_dim=c["embed_dim"],
                    depth=c["depths"][0], num_heads=c["num_heads"][0], mlp_ratio=c["mlp_ratio"])
    return Peer(model, timm_links, lambda peer, images: {"logits": peer.model(images)})


# ---- Hugging Face -------------------------------------------------------------------------------

# Two sets of names for attention: transformers 5 rewrote V1 and ViT, but not V2.
HUGGINGFACE_WORDS = [
    (r"^(swin|swinv2|vit)\.", ""), (r"^classifier\.", "head."), (r"^layernorm\.", "norm."),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.norm\.", "patch_embed.norm."), (r"^embeddings\.mask_token$", "mask_token"),
    (r"^embeddings\.cls_token$", "cls_token"), (r"^encoder\.", ""),
    (r"layernorm_before", "norm1"), (r"layernorm_after", "norm2"),
    (r"intermediate\.dense", "mlp.fc1"), (r"attention\.output\.dense", "attn.proj"),
    (r"(?<!attention\.)output\.dense", "mlp.fc2"), (r"attention\.self\.", "attn."),
    (r"attention\.o_proj", "attn.proj"), (r"attention\.relative_position_bias\.", "attn."),
    (r"attention\.", "attn."), (r"continuous_position_bias_mlp", "cpb_mlp"),
    (r"^hidden_states_norms\.stage(\d+)", lambda match: f"norm{int(match[1]) - 1}"),
]
THIRDS = {"q_proj": 0, "k_proj": 1, "v_proj": 2, "query": 0, "key": 1, "value": 2}


def huggingface_links(name, position="absolute_pos_embed", v2=False):
    official = name
    for pattern, word in HUGGINGFACE_WORDS:
        official = re.sub(pattern, word, official)
    official = re.sub(r"^embeddings\.position_embeddings$", position, official)
    match = re.match(r"(.*attn\.)(q_proj|k_proj|v_proj|query|key|value)\.(weight|bias)$", official)
    if not match:
        return [(official, None, name, None)]
    third = THIRDS[match[2]]
    if v2 and match[3] == "bias":
        return [(match[1] + {0: "q_bias", 2: "v_bias"}[third], None, name, None)]
    return [(match[1] + "qkv." + match[3], third, name, None)]


def huggingface_config(c, **extra):
    kind = transformers.Swinv2Config if c["name"] == "swin_v2" else transformers.SwinConfig
    size = c["image_size"]
    square = isinstance(size, int) or size[0] == size[1]
    return kind(image_size=pair(size)[0] if square else pair(size), patch_size=c["patch_size"],
                num_channels=c["in_chans"], embed_dim=c["embed_dim"], depths=c["depths"],
                num_heads=c["num_heads"], window_size=c["window_size"], mlp_ratio=c["mlp_ratio"],
                use_absolute_embeddings=c.get("ape", False), drop_path_rate=0.0, **extra)


def map_sizes(c):
    """Tokens of each stage, (height, width)."""
    side = [-(-s // c["patch_size"]) for s in pair(c["image_size"])]
    sizes = []
    for _ in c["depths"]:
        sizes.append(list(side))
        side = [-(-s // 2) for s in side]
    return sizes


def huggingface_swin(c):
    v2 = c["name"] == "swin_v2"
    kind = transformers.Swinv2ForImageClassification if v2 else \
        transformers.SwinForImageClassification
    model = kind(huggingface_config(c, num_labels=c["num_classes"]))
    layers = (model.swinv2 if v2 else model.swin).encoder.layers
    kept = keep_outputs([layer.blocks[-1] for layer in layers], lambda output: output[0])

    def forward(peer, images):
        logits = peer.model(images).logits
        maps = {f"features.{i}": map.reshape(len(images), *size, -1)
                for (i, map), size in zip(kept.items(), map_sizes(c))}
        return {"logits": logits, **maps}
    return Peer(model, lambda name: huggingface_links(name, v2=v2), forward)


def huggingface_backbone(c, stages):
    """Tensors output.<stage>: (B, H, W, C) after the norm of the stage."""
    model = transformers.SwinBackbone(
        huggingface_config(c, out_features=[f"stage{i + 1}" for i in stages]))

    def links(name):  # the module contains the classifier's norm but does not use it
        return [] if name.startswith("swin.layernorm") else huggingface_links(name)

    def forward(peer, images):
        maps = peer.model(images).feature_maps
        return {f"output.{i}": map.permute(0, 2, 3, 1) for i, map in zip(stages, maps)}
    return Peer(model, links, forward)


def huggingface_simmim(c, stride, mask):
    """Tensors reconstruction (B, C, H, W) and loss. mask (B, tokens): 1 where a patch is hidden."""
    v2 = c["name"] == "swin_v2"
    kind = transformers.Swinv2ForMaskedImageModeling if v2 else \
        transformers.SwinForMaskedImageModeling
    model = kind(huggingface_config(c, encoder_stride=stride))

    def links(name):
        prefix = "" if name.startswith("decoder") else "encoder."
        return [(prefix + link[0],) + link[1:] for link in huggingface_links(name, v2=v2)]

    def forward(peer, images):
        out = peer.model(images, bool_masked_pos=torch.from_numpy(mask).bool())
        return {"reconstruction": out.reconstruction, "loss": out.loss}
    return Peer(model, links, forward)


def huggingface_vit(c):
    hidden = c["embed_dim"]
    model = transformers.ViTForImageClassification(transformers.ViTConfig(
        image_size=pair(c["image_size"])[0], patch_size=c["patch_size"],
        num_channels=c["in_chans"], hidden_size=hidden, num_hidden_layers=c["depths"][0],
        num_attention_heads=c["num_heads"][0], intermediate_size=int(hidden * c["mlp_ratio"]),
        layer_norm_eps=1e-6, hidden_act="gelu", num_labels=c["num_classes"]))

    def links(name):
        return [(link[0].replace("layers.", "blocks."),) + link[1:]
                for link in huggingface_links(name, position="pos_embed")]
    return Peer(model, links, lambda peer, images: {"logits": peer.model(images).logits})


BUILDERS = {("torchvision", "swin"): torchvision_swin, ("torchvision", "swin_v2"): torchvision_swin,
            ("timm", "swin"): timm_swin, ("timm", "swin_v2"): timm_swin, ("timm", "vit"): timm_vit,
            ("transformers", "swin"): huggingface_swin,
            ("transformers", "swin_v2"): huggingface_swin,
            ("transformers", "vit"): huggingface_vit}


def build(library, config):
    return BUILDERS[library, config["name"]](config)
