"""Writes tests/goldens/coco: what pycocotools says of small random sets, and of polygons and run lengths.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install pycocotools==2.0.11 numpy
    /tmp/peers/bin/python scripts/reference/make_coco_goldens.py

NAME.json: {"truth": annotations, "results": results, "boxes": [12 texts], "masks": [12 texts] or null}; the texts are
doubles in hexadecimal. polygons.json: [{"size": [height, width], "polygons", "counts"}, …].
"""
import argparse
import contextlib
import copy
import io
import json
import pathlib

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def score(truth, results, kind):
    """The twelve numbers. Results with bbox and segmentation lose bbox for masks, so that areas are those of the masks."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        results = copy.deepcopy(results)
        if kind == 'segm':
            for result in results:
                result.pop('bbox', None)
        evaluation = COCOeval(coco, coco.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(number) for number in evaluation.stats]


def star(rng, center, radius, points):
    """A polygon around a center that may leave the image."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, points))
    radii = radius * rng.uniform(.4, 1, points)
    xy = np.stack([center[0] + radii * np.cos(angles), center[1] + radii * np.sin(angles)], 1)
    return [round(float(value), 2) for value in xy.ravel()]


def runs_of(polygons, height, width):
    runs = masks.merge(masks.frPyObjects(polygons, height, width))
    return {'size': runs['size'], 'counts': runs['counts'].decode()}


def counts_list(runs):
    pixels = masks.decode({'size': runs['size'], 'counts': runs['counts'].encode()}).ravel(order='F')
    changes = np.flatnonzero(np.diff(np.concatenate([[0], pixels]))).tolist() + [len(pixels)]
    return {'size': runs['size'], 'counts': np.diff([0] + changes).tolist()}


def random_set(rng, images, classes, side, objects, extra, with_masks, grid=None, step=.1, keep=.8):
    """Objects, and detections near them.
    @param objects the most of an image   @param extra the most false detections of an image
    @param grid boxes on multiples of it, for equal overlaps   @param step of scores, for equal ones"""
    category_ids = sorted(rng.choice(np.arange(1, 4 * classes + 1), classes, replace=False).tolist())
    image_ids = rng.permutation(np.arange(1, 10 * images))[:images].tolist()
    truth = {'images': [], 'annotations': [], 'categories': [
        {'id': i, 'name': f'class {i}'} for i in rng.permutation(category_ids).tolist()]}
    results = []

    def number(value):
        value = float(value)
        return round(value / grid) * grid if grid else round(value, 3)

    def box_of(size):
        w, h = (max(number(v), grid or 1) for v in rng.uniform(4, size, 2))
        return [number(rng.uniform(-2, side - w)), number(rng.uniform(-2, side - h)), w, h]

    for image_id in image_ids:
        truth['images'].append({'id': image_id, 'file_name': f'{image_id}.png', 'width': side, 'height': side})
        count = int(rng.integers(0, objects + 1)) if rng.random() < .85 else 0
        found = []
        for _ in range(count):
            # the last class has no objects, only detections
            category = category_ids[int(rng.integers(0, max(classes - 1, 1)))]
            box = box_of(side / 2)
            x, y, w, h = box
            crowd = int(rng.random() < .1)
            annotation = {'id': len(truth['annotations']) + 1, 'image_id': image_id, 'category_id': category,
                          'iscrowd': crowd, 'bbox': box, 'area': w * h}
            polygon = None
            if with_masks:
                polygon = [star(rng, (x + w / 2, y + h / 2), (w + h) / 4 + 1, int(rng.integers(3, 12)))]
                if rng.random() < .3:
                    polygon.append(star(rng, (x, y), 5, 4))
                runs = runs_of(polygon, side, side)
                annotation['area'] = int(masks.area({'size': runs['size'], 'counts': runs['counts'].encode()}))
                annotation['segmentation'] = (counts_list(runs) if crowd else
                                              runs if rng.random() < .3 else polygon)
            if rng.random() < .2:
                annotation['area'] = [1024, 9216, 1024.5, 9215][int(rng.integers(0, 4))]
            truth['annotations'].append(annotation)
            for _ in range(int(rng.random() < keep) + int(rng.random() < .3)):
                shift = rng.choice([0, 0, .05, .1, .2]) * np.array([w, h, w, h]) * rng.uniform(-1, 1, 4)
                near = [number(v) for v in np.array(box) + shift]
                near[2:] = [max(v, grid or 1) for v in near[2:]]
                other = category if rng.random() < .9 else category_ids[int(rng.integers(0, classes))]
                moved = polygon and [[round(v + float(rng.normal(0, 1)), 2) for v in part] for part in polygon]
                found.append((other, near, moved))
        for _ in range(int(rng.integers(0, extra + 1))):
            box = box_of(side / 3)
            part = [star(rng, (box[0] + box[2] / 2, box[1] + box[3] / 2), box[2] / 2 + 1, 6)] if with_masks else None
            found.append((category_ids[int(rng.integers(0, classes))], box, part))
        for category, box, polygon in found:
            result = {'image_id': image_id, 'category_id': category, 'bbox': box,
                      'score': round(round(float(rng.random()) / step) * step, 6)}
            if polygon:
                result['segmentation'] = runs_of(polygon, side, side)
            results.append(result)
    order = rng.permutation(len(results)).tolist()
    return truth, [results[i] for i in order]


def write(folder, name, truth, results, with_masks):
    expected = {'boxes': score(truth, results, 'bbox'), 'masks': score(truth, results, 'segm') if with_masks else None}
    texts = {kind: numbers and [number.hex() for number in numbers] for kind, numbers in expected.items()}
    (folder / f'{name}.json').write_text(json.dumps({'truth': truth, 'results': results, **texts}) + '\n')
    print(name, len(truth['annotations']), len(results), expected['boxes'][0], expected['masks'] and expected['masks'][0])


def polygons(rng, count):
    rows = []
    for i in range(count):
        height, width = (int(v) for v in rng.integers(1, 40, 2))
        parts = []
        for _ in range(int(rng.integers(1, 4))):
            center = (rng.uniform(0, width), rng.uniform(0, height))
            part = star(rng, center, float(rng.uniform(1, 30)), int(rng.integers(3, 15)))
            if i % 4 == 1:
                part = [float(round(v)) for v in part]
            if i % 4 == 2:
                part = [round(v * 2) / 2 for v in part]
            if i % 4 == 3:  # crosses itself
                part = [round(float(v), 1) for v in rng.uniform(-5, 45, len(part))]
            parts.append(part)
        rows.append((height, width, parts))
    rows += [(20, 20, [[0, 0, 10, 0, 10, 10, 0, 10]]), (20, 20, [[0, 0, 10, 0, 0, 10]]),
             (9, 9, [[0, 0, 9, 0, 9, 9, 0, 9]]), (4, 4, [[0, 0, 4, 0, 4, 4, 0, 4]]), (12, 12, [[2, 2, 2, 2, 8, 2, 8, 8, 2, 8]]),
             (5, 7, [[-9, -9, 30, -9, 30, 30, -9, 30]]), (5, 7, [[20, 20, 30, 20, 30, 30]]), (6, 6, [[1, 1, 1, 1, 1, 1]])]
    return [{'size': [h, w], 'polygons': parts, 'counts': runs_of(parts, h, w)['counts']} for h, w, parts in rows]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output', type=pathlib.Path,
                        default=pathlib.Path(__file__).parents[2] / 'tests/goldens/coco')
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(15)
    write(folder, 'ties', *random_set(rng, 8, 4, 200, 10, 6, False, grid=4.), False)
    write(folder, 'fractions', *random_set(rng, 10, 3, 640, 8, 8, False, step=1e-6), False)
    write(folder, 'many', *random_set(rng, 2, 2, 300, 60, 260, False, step=.05), False)
    write(folder, 'masks', *random_set(rng, 8, 4, 120, 6, 3, True), True)
    truth, results = random_set(rng, 5, 3, 90, 5, 3, True, step=.25)
    for result in results:
        del result['bbox']
    write(folder, 'masks_alone', truth, results, True)
    truth, results = random_set(rng, 4, 3, 150, 5, 4, False)
    names = {image['id']: f'frame {image["id"]}' for image in truth['images']}  # ids that are texts
    for entry in truth['images']:
        entry['id'] = names[entry['id']]
    for entry in truth['annotations'] + results:
        entry['image_id'] = names[entry['image_id']]
    write(folder, 'text_ids', truth, results, False)
    truth, _ = random_set(rng, 2, 2, 100, 4, 0, False)
    truth['annotations'] = []
    write(folder, 'no_objects', truth, [{'image_id': truth['images'][0]['id'], 'category_id': truth['categories'][0]['id'],
                                         'bbox': [1, 1, 5, 5], 'score': .5}], False)
    one = {'id': 1, 'image_id': 1, 'category_id': 1, 'iscrowd': 0, 'bbox': [8, 8, 32, 32], 'area': 1024}
    write(folder, 'perfect', {'images': [{'id': 1, 'file_name': 'a.png', 'width': 64, 'height': 64}], 'annotations': [one],
                              'categories': [{'id': 1, 'name': 'a'}]},
          [{'image_id': 1, 'category_id': 1, 'bbox': [8, 8, 32, 32], 'score': .5}], False)
    (folder / 'polygons.json').write_text(
        '[\n' + ',\n'.join(json.dumps(row) for row in polygons(rng, 80)) + '\n]\n')


if __name__ == '__main__':
    main()
