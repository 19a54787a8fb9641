#!/usr/bin/env python3
"""Reads the event files of a run with the real TensorBoard and compares them with log.jsonl (pip: tensorboard==2.21.0).

    swin train configs/fashion_mnist_demo.json --output RUN --set trainer.tensorboard=true
    venv/bin/python scripts/reference/check_tensorboard.py RUN

Every number of log.jsonl must be a scalar of its step, rounded to float32, and every scalar of these tags a
number of log.jsonl; no tag may have a step twice; the text must be config.json's. Exits with 1 if not.
`tensorboard --logdir RUN` shows the same in a browser.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

OF_STEPS = {"lr", "grad_norm", "images_per_second", "data_wait_seconds", "peak_memory_bytes"}
OF_EPOCHS = {"bad_images": "epoch/bad_images", "evaluate_seconds": "epoch/evaluate_seconds",
             "validation_bad_images": "validation/bad_images"}


def logged(run):
    """{tag: {step: value}} of log.jsonl; the line of an epoch has the step of its row in summary.csv."""
    if not (run / "summary.csv").exists():
        raise SystemExit(f"{run}: found no summary.csv, expected a run with a finished epoch")
    header, *rows = [line.split(",") for line in (run / "summary.csv").read_text().splitlines()]
    last_step = {int(row[0]): int(row[1]) for row in rows}
    numbers = {}
    for line in (run / "log.jsonl").read_text().splitlines():
        line = json.loads(line)
        of_step = "step" in line
        epoch = line.pop("epoch")
        step = line.pop("step") if of_step else last_step[epoch]
        for name, value in line.items():
            tag = ((name if name in OF_STEPS else f"train/{name}") if of_step
                   else OF_EPOCHS.get(name, f"validation/{name}"))
            if value is not None and not (value < 0 and tag.startswith("validation/")):
                numbers.setdefault(tag, {})[step] = float(np.float32(value))
    return numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=pathlib.Path)
    run = parser.parse_args().run
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={
        kind: 0 for kind in ("scalars", "images", "histograms", "tensors", "compressedHistograms")}).Reload()
    tags, wrong, compared = events.Tags(), [], 0
    numbers = logged(run)
    scalars = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in sorted(numbers.keys() | {tag for tag in scalars if not tag.startswith("validation_")}):
        theirs, ours = scalars.get(tag, []), sorted(numbers.get(tag, {}).items())
        compared += len(ours)
        if theirs != ours:
            wrong.append(f"{tag}: TensorBoard has {theirs[:5]}…, log.jsonl {ours[:5]}…")
    counts = {}
    for kind, read in (("scalars", events.Scalars), ("images", events.Images), ("histograms", events.Histograms),
                       ("tensors", events.Tensors)):
        for tag in tags[kind]:
            steps = [event.step for event in read(tag)]
            counts[kind] = counts.get(kind, 0) + len(steps)
            if len(set(steps)) != len(steps):
                wrong.append(f"{tag}: has a step twice")
    for tag in tags["images"]:
        if not all(event.encoded_image_string.startswith(b"\x89PNG") for event in events.Images(tag)):
            wrong.append(f"{tag}: is no PNG")
    text = events.Tensors("config")[-1].tensor_proto.string_val[0].decode()
    if json.loads(text) != json.loads((run / "config.json").read_text()):
        wrong.append("config: is not config.json")
    print(f"{compared} numbers of log.jsonl compared; TensorBoard read", ", ".join(f"{n} {k}" for k, n in counts.items()),
          "in", ", ".join(f"{len(tags[kind])} tags of {kind}" for kind in counts))
    print("\n".join(wrong) or "equal")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
