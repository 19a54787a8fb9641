#!/usr/bin/env python3
"""Compares the metrics of `swin evaluate` with scikit-learn and numpy, on the answers it wrote.

    python3 scripts/reference/check_evaluation.py build/release/cli/swin CHECKPOINT [-- OPTIONS]

`swin evaluate --json --predictions FILE` gives both: the metrics, and the probability of each class
for each image. From these scikit-learn computes the confusion matrix, precision, recall and F1
(labels: the classes that have support, zero_division 0), balanced accuracy, AUROC and average
precision, and ten lines of numpy the expected calibration error. Exit 1: a number differs in a digit
that `swin evaluate` prints (0.01% or 1e-4), or by more than 1e-12.
Needs numpy and scikit-learn. At most 1000 classes.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn import metrics

TOLERANCE = 1e-12


def expected_calibration_error(confidence, right, bins=15):
    """Guo et al. 2017, equation 3: bins (lower, upper] of equal width."""
    edges = np.arange(bins + 1) / bins
    error = 0.0
    for lower, upper in zip(edges, edges[1:]):
        inside = (confidence > lower) & (confidence <= upper)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


class Comparison:
    def __init__(self):
        self.count, self.largest, self.failed = 0, 0.0, False

    def of(self, name, ours, theirs):
        difference = abs(ours - float(theirs))
        printed = f"{ours:.4f}" == f"{float(theirs):.4f}"
        self.count += 1
        self.largest = max(self.largest, difference)
        if difference > TOLERANCE or not printed:
            self.failed = True
            print(f"{name}: swin {ours!r}, reference {float(theirs)!r}")


def compare_classes(compare, result, support, *arguments):
    """Precision, recall, F1 and support of each class.

    support: images that have each class; arguments: labels and answers, as scikit-learn takes them
    """
    present = np.flatnonzero(support)
    rows = metrics.precision_recall_fscore_support(*arguments, labels=present, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), rows):
        for index, value in zip(present, values):
            compare.of(f"{name} of class {index}", result["per_class"][index][name], value)
    for index in np.flatnonzero(support == 0):
        compare.of(f"f1 of class {index}", result["per_class"][index]["f1"], -1)
    macro = metrics.precision_recall_fscore_support(*arguments, labels=present, zero_division=0,
                                                    average="macro")
    for name, value in zip(("macro_precision", "macro_recall", "macro_f1"), macro):
        if name in result:
            compare.of(name, result[name], value)


def compare_one_label(compare, result, names, rows, probabilities):
    place = {name: index for index, name in enumerate(names)}
    labels = np.array([place[row["label"]] for row in rows])
    answers = np.array([place[row["prediction"]] for row in rows])
    right = labels == answers
    compare.of("top1", result["top1"], right.mean())
    compare.of("balanced_accuracy", result["balanced_accuracy"],
               metrics.balanced_accuracy_score(labels, answers))
    compare.of("ece", result["ece"], expected_calibration_error(probabilities.max(axis=1), right))
    compare_classes(compare, result, np.bincount(labels, minlength=len(names)), labels, answers)
    matrix = metrics.confusion_matrix(labels, answers, labels=range(len(names)))
    ours = result["confusion_matrix"]
    if isinstance(ours, dict):
        entries, ours = ours["entries"], np.zeros_like(matrix)
        for label, answer, count in entries:
            ours[label, answer] = count
    compare.of("confusion matrix: unequal entries", int((np.array(ours) != matrix).sum()), 0)


def compare_many_labels(compare, result, names, rows, probabilities):
    labels = np.array([[name in row["labels"].split(";") for name in names] for row in rows], int)
    answers = np.array([[name in row["predictions"].split(";") for name in names] for row in rows],
                       int)
    compare.of("predictions above 1/2", int((answers != (probabilities > 0.5)).sum()), 0)
    compare_classes(compare, result, labels.sum(axis=0), labels, answers)
    compare.of("micro_f1", result["micro_f1"],
               metrics.f1_score(labels, answers, average="micro", zero_division=1))
    aurocs, precisions = [], []
    tables = metrics.multilabel_confusion_matrix(labels, answers)
    for index, (name, ours) in enumerate(zip(names, result["per_class"])):
        (true_negatives, false_positives), (false_negatives, true_positives) = tables[index]
        for key, value in (("true_negatives", true_negatives), ("false_positives", false_positives),
                           ("false_negatives", false_negatives), ("true_positives", true_positives)):
            compare.of(f"{key} of {name}", ours[key], value)
        truth = labels[:, index]
        if truth.any():
            precisions.append(metrics.average_precision_score(truth, probabilities[:, index]))
            compare.of(f"average_precision of {name}", ours["average_precision"], precisions[-1])
        if 0 < truth.sum() < len(truth):
            aurocs.append(metrics.roc_auc_score(truth, probabilities[:, index]))
            compare.of(f"auroc of {name}", ours["auroc"], aurocs[-1])
    compare.of("mean_average_precision", result["mean_average_precision"], np.mean(precisions))
    compare.of("mean_auroc", result["mean_auroc"], np.mean(aurocs))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("swin")
    parser.add_argument("checkpoint")
    parser.add_argument("options", nargs="*", help="for swin evaluate, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "predictions.csv"
        finished = subprocess.run([arguments.swin, "evaluate", arguments.checkpoint, "--json",
                                   "--quiet", "--predictions", path, *arguments.options],
                                  check=True, capture_output=True, text=True)
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    result = json.loads(finished.stdout)
    names = [row["class_name"] for row in result["per_class"]]
    probabilities = np.array([[float(row[f"p({name})"]) for name in names] for row in rows])
    compare = Comparison()
    compare.of("images", result["images"], len(rows))
    kind = compare_many_labels if "labels" in rows[0] else compare_one_label
    kind(compare, result, names, rows, probabilities)
    print(f"{len(rows)} images, {len(names)} classes: {compare.count} numbers, "
          f"largest difference {compare.largest:.1e}")
    return 1 if compare.failed else 0


if __name__ == "__main__":
    sys.exit(main())
