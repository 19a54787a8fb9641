#!/usr/bin/env python3
"""Compares the twelve numbers of `swin evaluate` with those that pycocotools computes from the files it writes.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install pycocotools==2.0.11 numpy
    /tmp/peers/bin/python scripts/reference/compare_detection_scores.py build/release/cli/swin runs/NAME/last.h5 \
        [arguments of `swin evaluate`, such as --data PATH]

`swin evaluate CHECKPOINT --write-detections NAME.json --json` gives the numbers and the files; `swin evaluate
--detections` reads them, too. Exit 1: a number differs in any bit.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from make_coco_goldens import score

NAMES = ['AP', 'AP50', 'AP75', 'AP_small', 'AP_medium', 'AP_large', 'AR_1', 'AR_10', 'AR_100', 'AR_small', 'AR_medium',
         'AR_large']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('swin')
    parser.add_argument('checkpoint')
    arguments, more = parser.parse_known_args()

    def evaluate(*words):
        done = subprocess.run([arguments.swin, 'evaluate', *words, '--json', '--quiet'], stdout=subprocess.PIPE, text=True,
                              check=True)
        return json.loads(done.stdout)

    with tempfile.TemporaryDirectory() as folder:
        results, truth = f'{folder}/found.json', f'{folder}/found_truth.json'
        ours = evaluate(arguments.checkpoint, '--write-detections', results, *more)
        again = evaluate('--detections', results, '--data', truth)
        results, truth = (json.loads(pathlib.Path(path).read_text()) for path in (results, truth))
    print(f'{len(truth["images"])} images, {len(truth["annotations"])} objects, {len(results)} results')
    if not results:
        sys.exit('pycocotools cannot score an empty list of results')
    differing = 0
    print(f'{"metric":16} {"swin evaluate":>22} {"--detections":>22} {"pycocotools":>22}')
    for kind, prefix in (('bbox', 'box_'), ('segm', 'segm_')):
        if prefix + 'AP' not in ours:
            continue
        for name, theirs in zip(NAMES, score(truth, results, kind), strict=True):
            values = [ours[prefix + name], again[prefix + name], theirs]
            equal = values[0] == values[1] == values[2]
            differing += not equal
            print(f'{prefix + name:16} ' + ' '.join(f'{value!r:>22}' for value in values) + ('' if equal else '  DIFFER'))
    print(f'{differing} numbers differ')
    sys.exit(1 if differing else 0)


if __name__ == '__main__':
    main()
