"""Writes tests/goldens/tide.json: what tidecv says of the sets of tests/goldens/coco (make_coco_goldens.py).

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install tidecv==1.0.1 pycocotools==2.0.11
    /tmp/peers/bin/python scripts/reference/make_tide_goldens.py

{set: {"boxes": {"ap", "gains": [Cls, Loc, Both, Dupe, Bkg, Miss], "counts": [the same], "false_positives",
"false_negatives"}, "masks": the same or null}}; values are percent, doubles in hexadecimal.
Images are in the order of their ids, which decides between equal scores.
"""
import json
import pathlib

import tidecv
from pycocotools import mask as masks

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / 'tests' / 'goldens'
KINDS = ('Cls', 'Loc', 'Both', 'Dupe', 'Bkg', 'Miss')


def runs(segmentation, side):
    if segmentation is None:
        return None
    if isinstance(segmentation, list):
        return masks.merge(masks.frPyObjects(segmentation, *side))
    if isinstance(segmentation['counts'], list):
        return masks.frPyObjects(segmentation, *side)
    return segmentation


def score(golden, mode):
    truth, found = tidecv.Data('truth'), tidecv.Data('found')
    sides = {}
    for image in sorted(golden['truth']['images'], key=lambda image: image['id']):
        truth.add_image(image['id'], image['file_name'])
        sides[image['id']] = (image['height'], image['width'])
    for category in golden['truth']['categories']:
        truth.add_class(category['id'], category['name'])
    for entry in golden['truth']['annotations']:
        add = truth.add_ignore_region if entry['iscrowd'] else truth.add_ground_truth
        add(entry['image_id'], entry['category_id'], entry['bbox'], runs(entry.get('segmentation'), sides[entry['image_id']]))
    for entry in golden['results']:
        found.add_detection(entry['image_id'], entry['category_id'], entry['score'], entry.get('bbox'),
                            runs(entry.get('segmentation'), sides[entry['image_id']]))
    tide = tidecv.TIDE(mode=mode)
    run = tide.evaluate(truth, found)
    main, special = (tide.get_all_errors()[kind]['found'] for kind in ('main', 'special'))
    counts = {error.short_name: count for error, count in run.count_errors().items()}
    print(mode, round(run.ap, 3), {k: round(v, 3) for k, v in (main | special).items()}, counts)
    return {'ap': float(run.ap).hex(), 'gains': [float(main[kind]).hex() for kind in KINDS], 'counts': [counts[kind] for kind in KINDS],
            'false_positives': float(special['FalsePos']).hex(), 'false_negatives': float(special['FalseNeg']).hex()}


def main():
    result = {}
    for name in ('ties', 'fractions', 'many', 'masks', 'masks_alone', 'text_ids', 'perfect'):
        golden = json.loads((GOLDENS / 'coco' / f'{name}.json').read_text())
        print(name)
        result[name] = {'boxes': score(golden, tidecv.TIDE.BOX) if name != 'masks_alone' else None,
                        'masks': score(golden, tidecv.TIDE.MASK) if golden['masks'] else None}
    (GOLDENS / 'tide.json').write_text('{\n' + ',\n'.join(f'"{name}": {json.dumps(row)}' for name, row in result.items()) + '\n}\n')


if __name__ == '__main__':
    main()
