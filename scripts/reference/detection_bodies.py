"""Small Faster and Mask R-CNNs of torchvision with a Swin as their body: with the official module names, or that of
transformers; for check_detectors.py."""
import collections

import torch
import torch.nn.functional as F
import transformers
from torchvision.models import detection
from torchvision.models.detection import faster_rcnn, mask_rcnn, rpn
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign, feature_pyramid_network

from check_segmenters import CLASSES, SWIN

HEADS = dict(channels=6, anchors=3, box=10, mask=4, convs=2)


def position_index(window):
    rows, columns = (torch.arange(window * window) // window), (torch.arange(window * window) % window)
    down, right = rows[:, None] - rows[None], columns[:, None] - columns[None]
    return (down + window - 1) * (2 * window - 1) + right + window - 1


class Attention(torch.nn.Module):
    def __init__(self, dim, heads, window):
        super().__init__()
        self.heads, self.window = heads, window
        self.relative_position_bias_table = torch.nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", position_index(window))
        self.qkv, self.proj = torch.nn.Linear(dim, 3 * dim), torch.nn.Linear(dim, dim)

    def forward(self, windows, mask):
        """(images, windows, tokens, dim)"""
        n, count, tokens, dim = windows.shape
        q, k, v = self.qkv(windows).reshape(n, count, tokens, 3, self.heads, -1).permute(3, 0, 1, 4, 2, 5)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        logits = q @ k.transpose(-1, -2) / (dim // self.heads) ** 0.5 + bias
        if mask is not None:
            logits = logits + mask[:, None]
        return self.proj((logits.softmax(-1) @ v).transpose(2, 3).reshape(n, count, tokens, dim))


class Block(torch.nn.Module):
    def __init__(self, dim, heads, window, shift):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1, self.norm2 = torch.nn.LayerNorm(dim), torch.nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, window)
        self.mlp = torch.nn.ModuleDict(dict(fc1=torch.nn.Linear(dim, 4 * dim), fc2=torch.nn.Linear(4 * dim, dim)))

    def windows(self, x):
        n, height, width, dim = x.shape
        x = x.reshape(n, height // self.window, self.window, width // self.window, self.window, dim)
        return x.transpose(2, 3).reshape(n, -1, self.window ** 2, dim)

    def regions(self, height, width):
        """Which part of the rolled map a token is of: those of different parts do not see each other."""
        part = lambda side: torch.cat([torch.zeros(side - self.window), torch.ones(self.window - self.shift),
                                       torch.full((self.shift,), 2.0)])
        return 3 * part(height)[:, None] + part(width)[None]

    def forward(self, x):
        n, height, width, dim = x.shape
        more = [-side % self.window for side in (height, width)]
        y = F.pad(self.norm1(x), (0, 0, 0, more[1], 0, more[0]))
        tall, wide, mask = height + more[0], width + more[1], None
        if self.shift:
            y = y.roll((-self.shift, -self.shift), (1, 2))
            parts = self.windows(self.regions(tall, wide)[None, :, :, None])[0, :, :, 0]
            mask = torch.where(parts[:, None] == parts[:, :, None], 0.0, -100.0)
        y = self.attn(self.windows(y), mask)
        y = y.reshape(n, tall // self.window, wide // self.window, self.window, self.window, dim)
        y = y.transpose(2, 3).reshape(n, tall, wide, dim)
        if self.shift:
            y = y.roll((self.shift, self.shift), (1, 2))
        x = x + y[:, :height, :width]
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Merging(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = torch.nn.LayerNorm(4 * dim), torch.nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        return self.reduction(self.norm(torch.cat([x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)],
                                                  -1)))


class OfficialSwin(torch.nn.Module):
    """The Swin of published detectors, under its names: windows never shrink, and each output has a norm."""

    def __init__(self, swin=SWIN):
        super().__init__()
        dim, self.patch = swin["dim"], swin["patch"]
        self.patch_embed = torch.nn.ModuleDict(dict(proj=torch.nn.Conv2d(3, dim, self.patch, self.patch),
                                                    norm=torch.nn.LayerNorm(dim)))
        self.layers = torch.nn.ModuleList()
        for i, (depth, heads) in enumerate(zip(swin["depths"], swin["heads"])):
            layer = torch.nn.Module()
            layer.blocks = torch.nn.ModuleList(
                Block(dim, heads, swin["window"], swin["window"] // 2 * (j % 2)) for j in range(depth))
            self.add_module(f"norm{i}", torch.nn.LayerNorm(dim))
            if i + 1 < len(swin["depths"]):
                layer.downsample = Merging(dim)
                dim *= 2
            self.layers.append(layer)

    def forward(self, images):
        images = F.pad(images, (0, -images.shape[3] % self.patch, 0, -images.shape[2] % self.patch))
        x, maps = self.patch_embed["norm"](self.patch_embed["proj"](images).permute(0, 2, 3, 1)), []
        for i, layer in enumerate(self.layers):
            for block in layer.blocks:
                x = block(x)
            maps.append(getattr(self, f"norm{i}")(x).permute(0, 3, 1, 2))
            x = layer.downsample(x) if hasattr(layer, "downsample") else x
        return maps


class HubSwin(torch.nn.Module):
    """The same of transformers."""

    def __new__(cls):
        return transformers.SwinBackbone(transformers.SwinConfig(
            image_size=SWIN["image"], patch_size=SWIN["patch"], embed_dim=SWIN["dim"], depths=SWIN["depths"],
            num_heads=SWIN["heads"], window_size=SWIN["window"], out_features=[f"stage{i + 1}" for i in range(4)]))


class SwinFpn(torch.nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body, self.out_channels = body, HEADS["channels"]
        self.fpn = FeaturePyramidNetwork([SWIN["dim"] << i for i in range(4)], self.out_channels,
                                         extra_blocks=feature_pyramid_network.LastLevelMaxPool())

    def forward(self, images):
        maps = self.body(images)
        maps = getattr(maps, "feature_maps", maps)
        return self.fpn(collections.OrderedDict((str(i), x) for i, x in enumerate(maps)))


SIZES, RATIOS = [8, 16, 32, 64, 128], [0.5, 1.0, 2.0]  # of the anchors
TOP = (200, 50)  # proposals before and after suppression; more would have scores too near to each other


def torchvision_model(body, mask=True):
    channels, box, levels = HEADS["channels"], HEADS["box"], ["0", "1", "2", "3"]
    arguments = dict(
        rpn_anchor_generator=rpn.AnchorGenerator(tuple((size,) for size in SIZES), (tuple(RATIOS),) * 5),
        rpn_head=rpn.RPNHead(channels, HEADS["anchors"]),
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2), box_head=faster_rcnn.TwoMLPHead(49 * channels, box),
        box_predictor=faster_rcnn.FastRCNNPredictor(box, len(CLASSES) + 1),
        rpn_pre_nms_top_n_test=TOP[0], rpn_post_nms_top_n_test=TOP[1],
        min_size=64, max_size=96, image_mean=[0.0] * 3, image_std=[1.0] * 3)  # images of 64 × 96 stay as they are
    if not mask:
        return detection.FasterRCNN(SwinFpn(body), **arguments)
    width = HEADS["mask"]
    return detection.MaskRCNN(
        SwinFpn(body), mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        mask_head=mask_rcnn.MaskRCNNHeads(channels, [width] * HEADS["convs"], 1),
        mask_predictor=mask_rcnn.MaskRCNNPredictor(width, width, len(CLASSES) + 1), **arguments)


@torch.no_grad()
def randomized(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, value in sorted(model.state_dict().items()):
        if not value.is_floating_point():
            continue
        values = torch.empty(value.shape).normal_(generator=generator)
        if value.dim() > 1:
            value.copy_(values / value[0].numel() ** 0.5)
        else:
            value.copy_(1 + 0.2 * values.clamp(-2, 2) if name.endswith("weight") else 0.1 * values)
    return model.eval()
