"""Writes tests/goldens/detection_parts.json: what torchvision, and mmdetection's rules, say of anchors, deltas, matches,
suppression, levels, pasted masks and mask targets. All in float64; numbers are exact decimals of doubles.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install torch torchvision numpy
    /tmp/peers/bin/python scripts/reference/make_detection_parts_goldens.py

mmdetection cannot run here: the functions that begin with mm_ are its rules, written from mmdet 2.11 and 3.x
(anchor_generator.py, delta_xywh_bbox_coder.py, max_iou_assigner.py, single_level_roi_extractor.py, fcn_mask_head.py,
mask/structures.py).
"""
import argparse
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torchvision import ops
from torchvision.models.detection import _utils, anchor_utils, image_list, roi_heads
from torchvision.ops import poolers

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / 'tests' / 'goldens'


def double(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float64).reshape(-1, 4)


# Anchors.
def tv_anchors(case):
    generator = anchor_utils.AnchorGenerator(tuple(map(tuple, case['sizes'])), (tuple(case['ratios']),) * len(case['sizes']))
    maps = [torch.zeros(1, 1, *case['map'], dtype=torch.float64)] * len(case['sizes'])
    images = image_list.ImageList(torch.zeros(1, 1, *case['padded']), [tuple(case['padded'])])
    per_level = case['map'][0] * case['map'][1] * len(case['ratios']) * len(case['sizes'][0])
    anchors = generator(images, maps)[0]
    assert len(anchors) == per_level * len(case['sizes'])
    return anchors[case['level'] * per_level:][:per_level], [1] * per_level


def mm_anchors(case):
    stride = case['first_stride'] * 2**case['level']
    ratios = torch.tensor(case['ratios'], dtype=torch.float64)
    scales = torch.tensor(case['sizes'][case['level']], dtype=torch.float64) / stride
    h_ratios = ratios.sqrt()
    w = (stride * (1 / h_ratios)[:, None] * scales[None]).view(-1)
    h = (stride * h_ratios[:, None] * scales[None]).view(-1)
    base = torch.stack([-.5 * w, -.5 * h, .5 * w, .5 * h], 1)
    rows, columns = (torch.arange(n, dtype=torch.float64) * stride for n in case['map'])
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    shifts = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    valid_h, valid_w = (min(math.ceil(own / stride), n) for own, n in zip(case['own'], case['map']))
    valid = (torch.arange(case['map'][0]) < valid_h)[:, None] & (torch.arange(case['map'][1]) < valid_w)[None]
    return (shifts + base).reshape(-1, 4), valid.reshape(-1, 1).expand(-1, len(base)).reshape(-1).int().tolist()


def anchor_cases(make, thin):
    cases = [dict(sizes=[[32], [64], [128], [256], [512]], ratios=[.5, 1, 2], level=4, map=[13, 13], padded=[800, 800], own=[800, 800]),
             dict(sizes=[[33, 7], [20, 21.5]], ratios=[.25, 1, 3], level=0, map=[3, 4], padded=[12, 16], own=[12, 8]),
             dict(sizes=[[8], [16]], ratios=[.5, 2], level=1, map=[4, 3], padded=[32, 24], own=[18, 24])]
    for case in cases:
        case['first_stride'] = 4
        anchors, valid = make(case)
        step = thin if len(anchors) > 100 else 1
        case.update(count=len(anchors), step=step, anchors=anchors[::step].tolist(), valid=valid)
    return cases


# Deltas.
def mm_encode(truth, boxes, stds):
    px, py = (boxes[:, 0] + boxes[:, 2]) * .5, (boxes[:, 1] + boxes[:, 3]) * .5
    pw, ph = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    gx, gy = (truth[:, 0] + truth[:, 2]) * .5, (truth[:, 1] + truth[:, 3]) * .5
    gw, gh = truth[:, 2] - truth[:, 0], truth[:, 3] - truth[:, 1]
    deltas = torch.stack([(gx - px) / pw, (gy - py) / ph, torch.log(gw / pw), torch.log(gh / ph)], 1)
    return deltas / torch.tensor(stds, dtype=torch.float64)


def mm_decode(deltas, boxes, stds):
    dx, dy, dw, dh = (deltas * torch.tensor(stds, dtype=torch.float64)).unbind(1)
    most = abs(math.log(16 / 1000))
    pw, ph = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x = (boxes[:, 0] + boxes[:, 2]) * .5 + pw * dx
    y = (boxes[:, 1] + boxes[:, 3]) * .5 + ph * dy
    w, h = pw * dw.clamp(-most, most).exp(), ph * dh.clamp(-most, most).exp()
    return torch.stack([x - w * .5, y - h * .5, x + w * .5, y + h * .5], 1)


def coder_cases(rng, encode, decode):
    cases = []
    for weights in ([1., 1, 1, 1], [10., 10, 5, 5]):
        boxes, truth = random_boxes(rng, 8, 300), random_boxes(rng, 8, 300)
        deltas = rng.normal(0, 1, (8, 4)) * np.array(weights)
        deltas[:2, 2:] *= 9  # to be clamped
        deltas[0, 2], deltas[1, 2] = 50, -50
        deltas = double(deltas)
        cases.append(dict(weights=weights, boxes=boxes.tolist(), truth=truth.tolist(), deltas=deltas.tolist(),
                          encoded=encode(truth, boxes, weights).tolist(), decoded=decode(deltas, boxes, weights).tolist()))
    return cases


# Matches.
def mm_iou(truth, boxes):
    low, high = torch.max(truth[:, None, :2], boxes[None, :, :2]), torch.min(truth[:, None, 2:], boxes[None, :, 2:])
    common = (high - low).clamp(min=0).prod(2)
    area = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (truth, boxes)]
    return common / torch.clamp(area[0][:, None] + area[1][None] - common, min=1e-6)


def mm_match(iou, low, high, low_quality, minimum):
    """0-based objects, −1 background, −2 ignored."""
    matches = torch.full((iou.shape[1],), -2, dtype=torch.int64)
    best, of = iou.max(0)
    matches[(best >= 0) & (best < low)] = -1
    matches[best >= high] = of[best >= high]
    if low_quality:
        highest = iou.max(1).values
        for g in range(len(iou)):
            if highest[g] >= minimum:
                matches[iou[g] == highest[g]] = g
    return matches


def tv_match(iou, low, high, low_quality, minimum):
    return _utils.Matcher(high, low, low_quality)(iou)


def random_boxes(rng, count, side, grid=None, outside=10):
    corner = rng.uniform(-outside, side * .8, (count, 2))
    size = rng.uniform(2, side * .5, (count, 2))
    boxes = np.concatenate([corner, corner + size], 1)
    if grid:
        boxes = np.round(boxes / grid) * grid
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + grid)
    return double(np.round(boxes, 2))


def match_cases(rng, anchors, iou_of, match):
    case = dict(sizes=[[16], [32], [64]], ratios=[.5, 1, 2], level=1, map=[8, 8], padded=[64, 64], own=[64, 64], first_stride=4)
    grid = anchors(case)[0]
    sets = []
    objects = random_boxes(rng, 4, 64, outside=0)
    sets.append((objects, grid))
    # an object equal to an anchor, two equal ones, one of a single pixel, one whose best anchors are another's
    special = torch.cat([grid[100:101], objects[:1], objects[:1], double([[20, 20, 21, 21]]), grid[100:101] + double([[0, 0, 0, 1]])])
    sets.append((special, grid))
    sets.append((random_boxes(rng, 6, 64, grid=8, outside=0), random_boxes(rng, 60, 64, grid=8)))
    crowded = random_boxes(rng, 3, 64, outside=0)
    near = (crowded[:, None] + double(rng.normal(0, 2, (36, 4))).reshape(1, -1, 4)).reshape(-1, 4).round(decimals=2)
    sets.append((crowded, near))
    cases = []
    for truth, boxes in sets:
        iou = iou_of(truth, boxes)
        results = []
        for low, high, low_quality, minimum in ((.3, .7, True, .3), (.5, .5, False, 0), (.5, .5, True, .5), (.1, .4, True, 0)):
            results.append(dict(low=low, high=high, low_quality=low_quality, minimum=minimum,
                                matches=match(iou, low, high, low_quality, minimum).tolist()))
        assert iou.max(1).values.min() > 0
        cases.append(dict(truth=truth.tolist(), boxes=boxes.tolist(), results=results,
                          iou=iou[:, ::5].reshape(-1).tolist()))
    return cases


# Suppression: the same in both.
def nms_cases(rng):
    cases = []
    for grid, step in ((None, 1e-6), (8, .125), (4, .25)):
        boxes = random_boxes(rng, 60, 96, grid=grid)
        scores = double(np.round(rng.uniform(0, 1, 60) / step) * step).reshape(-1)
        groups = torch.as_tensor(rng.integers(0, 3, 60))
        for threshold in (.3, .5, .7):
            cases.append(dict(boxes=boxes.tolist(), scores=scores.tolist(), groups=groups.tolist(), threshold=threshold,
                              kept=ops.nms(boxes, scores, threshold).tolist(),
                              kept_by_group=ops.batched_nms(boxes, scores, groups, threshold).tolist()))
    return cases


# Levels.
def mm_levels(boxes):
    side = torch.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    return torch.floor(torch.log2(side / 56 + 1e-6)).clamp(0, 3).long()


def tv_levels(boxes):
    return poolers.LevelMapper(2, 5)([boxes])


def level_cases(rng, levels):
    boxes = []
    for side in (0, 1e-3, 1, 10, 55.9, 56, 111.9999, 112, 112.001, 223, 223.9999, 224, 225, 447.99, 447.9999, 448, 449, 900, 3000):
        boxes.append([5, 7, 5 + side, 7 + side])
        boxes.append([5, 7, 5 + side / 2, 7 + side * 2])
    return dict(boxes=boxes, levels=levels(double(boxes)).tolist())


# Masks.
def mm_paste(mask, box, height, width):
    x0, y0, x1, y1 = box
    left, top = max(math.floor(x0) - 1, 0), max(math.floor(y0) - 1, 0)
    right, bottom = min(math.ceil(x1) + 1, width), min(math.ceil(y1) + 1, height)
    x = (torch.arange(left, right, dtype=torch.float64) + .5 - x0) / (x1 - x0) * 2 - 1
    y = (torch.arange(top, bottom, dtype=torch.float64) + .5 - y0) / (y1 - y0) * 2 - 1
    x[torch.isinf(x)], y[torch.isinf(y)] = 0, 0
    grid = torch.stack([x[None].expand(len(y), -1), y[:, None].expand(-1, len(x))], -1)
    image = torch.zeros(height, width, dtype=torch.float64)
    if len(x) and len(y):
        image[top:bottom, left:right] = F.grid_sample(mask[None, None], grid[None], align_corners=False)[0, 0]
    return image


def tv_paste(mask, box, height, width):
    return roi_heads.paste_masks_in_image(mask[None, None], double(box), (height, width))[0, 0]


def paste_cases(rng, paste, threshold):
    cases = []
    boxes = [(4, [3.3, 2.7, 15.1, 12.2]), (4, [4, 4, 12, 12]), (5, [-6.2, -3.1, 8.5, 30]), (3, [10.2, 9, 10.9, 9.4]),
             (4, [-9, -9, 1.5, 1.2]), (7, [0, 0, 20, 16]), (28, [2, 1, 19, 15.5]), (5, [6, 3, 6, 11])]
    for side, box in boxes:
        mask = double(np.round(rng.uniform(0, 1, side * side + (-side * side) % 4), 3)).reshape(-1)[:side * side].reshape(side, side)
        if side == 4:
            mask = (mask > .4).double()  # values of exactly one half
        image = paste(mask, box, 16, 20)
        if box[0] == box[2]:
            image = image.nan_to_num()
        cases.append(dict(side=side, mask=mask.reshape(-1).tolist(), box=box, image=[16, 20],
                          probabilities=[round(v, 14) for v in image.reshape(-1).tolist()],
                          inside=''.join(str(int(v)) for v in threshold(image).reshape(-1))))
    return cases


def mm_target(pixels, box, side):
    height, width = pixels.shape
    box = double(box).clone()
    box[:, 0::2] = box[:, 0::2].clamp(0, width)
    box[:, 1::2] = box[:, 1::2].clamp(0, height)
    soft = ops.roi_align(pixels[None, None].double(), [box], side, 1.0, 0, aligned=True)[0, 0]
    return (soft >= .5 - 1e-9).double()  # one half exactly, but for rounding, is inside


def tv_target(pixels, box, side):
    return roi_heads.project_masks_on_boxes(pixels[None], double(box), torch.zeros(1, dtype=torch.int64), side)[0]


def target_cases(rng, target):
    height, width = 18, 22
    y, x = np.mgrid[:height, :width]
    shapes = {'disk': (y - 8) ** 2 + (x - 11) ** 2 < 40, 'pixel': (y == 5) & (x == 6), 'square': (y >= 4) & (y < 12) & (x >= 4) & (x < 12),
              'noise': rng.uniform(0, 1, (height, width)) < .5, 'all': y >= 0}
    boxes = [[4, 1, 19, 16], [6, 5, 7, 6], [4, 4, 12, 12], [2.3, 1.9, 14.6, 17.2], [-3.5, -2, 30, 25], [20.5, 16.1, 22, 18],
             [8.1, 7.2, 8.4, 7.3], [2, 2, 14, 14]]
    cases = []
    for name, pixels in shapes.items():
        pixels = torch.as_tensor(pixels.astype(np.uint8))
        for box in boxes:
            for side in (4, 7):
                values = target(pixels, box, side)
                cases.append(dict(shape=name, box=box, side=side, target=[round(v, 14) for v in values.reshape(-1).tolist()]))
    return dict(image=[height, width], cases=cases,
                shapes={name: ''.join(str(int(v)) for v in pixels.reshape(-1)) for name, pixels in shapes.items()})


def convention(seed, anchors, encode, decode, iou, match, levels, paste, threshold, target):
    rng = np.random.default_rng(seed)
    return dict(anchors=anchor_cases(anchors, 37), coder=coder_cases(rng, encode, decode), matches=match_cases(rng, anchors, iou, match),
                levels=level_cases(rng, levels), paste=paste_cases(rng, paste, threshold), mask_targets=target_cases(rng, target))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output', type=pathlib.Path, default=GOLDENS / 'detection_parts.json')
    output = parser.parse_args().output
    torchvision = convention(
        16, tv_anchors, lambda truth, boxes, weights: _utils.BoxCoder(weights).encode_single(truth, boxes),
        lambda deltas, boxes, weights: _utils.BoxCoder(weights).decode_single(deltas, boxes), ops.box_iou, tv_match, tv_levels,
        tv_paste, lambda image: image > .5, tv_target)
    mmdet = convention(
        16, mm_anchors, lambda truth, boxes, weights: mm_encode(truth, boxes, [1 / w for w in weights]),
        lambda deltas, boxes, weights: mm_decode(deltas, boxes, [1 / w for w in weights]), mm_iou, mm_match, mm_levels,
        mm_paste, lambda image: image >= .5 - 1e-12, mm_target)
    golden = dict(torchvision=torchvision, mmdet=mmdet, nms=nms_cases(np.random.default_rng(17)))
    output.write_text(json.dumps(golden, separators=(',', ':')) + '\n')
    output.chmod(0o644)
    print(output, output.stat().st_size)


if __name__ == '__main__':
    main()
