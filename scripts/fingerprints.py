#!/usr/bin/env python3
"""Prints SHA-256 fingerprints of what a build computes, to show that a change alters no bit.

    scripts/fingerprints.py [--swin build/release/cli/swin] [--output DIR] [--seed 0]
    scripts/fingerprints.py [--swin NEW] --resume-from DIR --old-swin OLD

The first form trains, evaluates, predicts, verifies, converts and plans, and prints one line per result,
`<sha256>  <case>/<what>`, sorted by name. Compare two builds on the same machine with diff; other processors and other
versions of the libraries give other bits. These parts of the last checkpoint of a run are hashed:
  model, ema, optimizer   name, shape and bytes of each dataset of the group, in the order of their names
  counters                step, epoch and format_version
  class_names, metrics    these meta texts, but not the config, to which fields may be added
JSON is hashed with sorted keys and numbers as they are written, without rates, times, memory and folders. `golden` is
the golden file itself: if that line differs, the report below it had another input.

The second form shows that NEW can continue the runs of an older build. OLD trains in DIR to the end (if DIR already has
those runs, OLD is not needed). Copies of the runs are cut back to an earlier checkpoint and resumed with NEW; they must
end with the fingerprints of OLD. With OLD's last checkpoints, NEW must give the same evaluation, predictions and
fine-tuning.

Nothing is downloaded. Fashion-MNIST comes from Debian's dataset-fashion-mnist or the folder in FASHION_MNIST.
Exit 0: done; 1: something differs or a command failed; 2: bad command line, or h5py is missing.
"""
import argparse
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests/goldens"
MICRO = ROOT / "configs/synthetic_micro.json"
THREADS = 2


def die(code, text):
    print("fingerprints.py: " + text, file=sys.stderr)
    sys.exit(code)


try:
    import h5py
    import numpy  # h5py brings it
except ImportError:
    die(2, f"h5py: found no such module for {sys.executable}, expected it to read checkpoints; install Debian's "
           "python3-h5py, or pip install h5py")

# --- What is hashed -----------------------------------------------------------------------------------------------

# Values that differ between runs or folders, and what a data set says of itself: fields may be added to it.
DROPPED_KEYS = {"seconds", "data_wait_fraction", "gemm_gflops", "path", "data", "bad", "bad_images"}
DROPPED_ENDINGS = ("_per_second", "_seconds", "_memory_bytes")


def cleaned(value):
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: pathlib.PurePath(item).name if key == "image" else cleaned(item) for key, item in value.items()
            if key not in DROPPED_KEYS and not key.endswith(DROPPED_ENDINGS)}


def json_fingerprint(text):
    """Numbers are hashed as text: 0.1 and 0.10 differ."""
    def number(digits):
        return "number " + digits

    value = json.loads(text, parse_int=number, parse_float=number, parse_constant=number)
    return hashlib.sha256(json.dumps(cleaned(value), sort_keys=True).encode()).hexdigest()


def tensors_fingerprint(tensors):
    """@param tensors of (name, shape, little-endian bytes)."""
    digest = hashlib.sha256()
    for name, shape, data in sorted(tensors):
        digest.update(f"{name} {list(shape)} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def checkpoint_fingerprints(path):
    """What -> SHA-256."""
    result = {}
    with h5py.File(path, "r") as file:
        for group in ("model", "ema", "optimizer"):
            tensors = []

            def visit(name, item):
                if isinstance(item, h5py.Dataset):
                    tensors.append((name, item.shape, item[()].tobytes()))

            if group in file:
                file[group].visititems(visit)
                if not tensors:
                    die(1, f"{path}: /{group}: found no dataset, expected tensors")
                result[group] = tensors_fingerprint(tensors)
        counters = {key: int(file.attrs[key]) for key in ("step", "epoch", "format_version")}
        result["counters"] = json_fingerprint(json.dumps(counters))
        for name in ("class_names", "metrics"):
            result[name] = json_fingerprint(file["meta/" + name][()].tobytes())
    return result


def safetensors(path):
    """@return the metadata and the tensors of a .safetensors file."""
    data = path.read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    metadata = header.pop("__metadata__", {})
    return metadata, [(name, entry["shape"], data[begin + entry["data_offsets"][0]:begin + entry["data_offsets"][1]])
                      for name, entry in header.items()]


# --- Images that are the same everywhere --------------------------------------------------------------------------


def noise(name, size):
    return hashlib.shake_256(name.encode()).digest(size)


def png(name, label, height, width):
    """RGB; the label makes one corner bright."""
    rows, grain = b"", noise(name, height * width * 3)
    for y in range(height):
        rows += b"\0"  # no filter
        for x in range(width):
            bright = 120 if (2 * y >= height, 2 * x >= width) == (label // 2 == 1, label % 2 == 1) else 0
            at = 3 * (y * width + x)
            rows += bytes([(grain[at] >> 1) + bright, 2 * y + bright, (grain[at + 2] >> 2) + x])

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def image_files(part, count):
    """(class, file name, bytes) of generated PNGs of many sizes, and of the JPEG, PNG and WebP files of the tests."""
    files = []
    for i in range(count):
        files.append(("abcd"[i % 4], f"{i:03}.png", png(f"{part}/{i}", i % 4, 17 + 5 * i % 37, 19 + 7 * i % 41)))
    others = ["rgb_420.jpg", "rgb_422.jpg", "rgb_444.jpg", "progressive.jpg", "exif_6.jpg", "exif_3.jpg", "cmyk.jpg",
              "gray.jpg", "lossy.webp", "lossless.webp", "palette.png", "rgb_16bit.png", "interlaced_rgb.png"]
    for i, name in enumerate(others):
        files.append(("abcd"[i % 4], name, (ROOT / "tests/data/images" / name).read_bytes()))
    return files


def write_folder(path, files):
    for label, name, data in files:
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / name).write_bytes(data)


def write_tar(path, files):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for i, (label, name, data) in enumerate(files):
            for ending, content in ((name.split(".")[-1], data), ("cls", label.encode())):
                member = tarfile.TarInfo(f"{i:04}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def write_multi_label(path, images=64, side=16, classes=3):
    """Class c makes channel c bright; an image has any number of classes."""
    pixels, labels = bytearray(), bytearray()
    for n in range(images):
        has = [n * 5 // 3 >> c & 1 for c in range(classes)]
        labels += bytes(has)
        grain = noise(f"multi_label/{n}", side * side * 3)
        pixels += bytes((grain[i] >> 2) + (140 if has[i % 3] else 30) for i in range(side * side * 3))
    with h5py.File(path, "w") as file:
        file["images"] = numpy.frombuffer(bytes(pixels), numpy.uint8).reshape(images, side, side, 3)
        file["labels"] = numpy.frombuffer(bytes(labels), numpy.uint8).reshape(images, classes)


# --- Running swin -------------------------------------------------------------------------------------------------


class Swin:
    """One build, working in one folder."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        # "~" and relative paths in configs find no file, so data sets of this machine change nothing.
        # Waiting threads sleep; otherwise small models take minutes on a busy machine.
        self.environment = dict(os.environ, HOME=str(folder), OMP_WAIT_POLICY="passive")

    def __call__(self, *arguments, threads=THREADS, codes=(0,)):
        command = [str(self.binary), *map(str, arguments), "--threads", str(threads), "--quiet"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode not in codes:
            die(1, f"{' '.join(command)}: found exit code {done.returncode}, expected "
                   f"{' or '.join(map(str, codes))}; it said: {done.stderr.strip()}")
        return done.stdout

    def train(self, case, config, sets, init=None, threads=THREADS):
        arguments = ["train", config, "--output", case, "--json"] + (["--init", init] if init else [])
        for assignment in sets:
            arguments += ["--set", assignment]
        self(*arguments, threads=threads)

    def use(self, checkpoint, images):
        """What -> SHA-256: evaluation and predictions of a checkpoint."""
        return {"evaluate": json_fingerprint(self("evaluate", checkpoint, "--json")),
                "predict": json_fingerprint(self("predict", checkpoint, *images, "--top-k", 3, "--json"))}


def demo_images():
    return sorted((ROOT / "docs/demo_images").glob("*.png"))


ARCHITECTURES = {"swin": [], "swin_v2": ["model.name=swin_v2"], "swin_mlp": ["model.name=swin_mlp"],
                 "vit": ["model.name=vit", "model.depths=[2]", "model.num_heads=[2]"]}
FINE_TUNING = ["model.window_size=3", "optimizer.layer_decay=0.75", 'trainer.freeze=["patch_embed.*"]',
               "trainer.micro_batch_size=8"]


def micro_runs(swin, prefix_sets, images):
    """Trains synthetic_micro in every architecture and fine-tunes two of them. @return "case/what" -> SHA-256."""
    lines = {}
    for name, sets in ARCHITECTURES.items():
        swin.train("train_" + name, MICRO, prefix_sets + sets)
    for name in ("swin", "swin_v2"):
        # A relative path, so that the config of the run has no folder of this machine.
        swin.train("finetune_" + name, MICRO, prefix_sets + ARCHITECTURES[name] + FINE_TUNING,
                   init=f"train_{name}/last.h5")
    for case in [f"train_{name}" for name in ARCHITECTURES] + ["finetune_swin", "finetune_swin_v2"]:
        add(lines, case, checkpoint_fingerprints(swin.folder / case / "last.h5"))
        add(lines, case, swin.use(f"{case}/last.h5", images))
    return lines


def add(lines, case, fingerprints):
    for what, sha in fingerprints.items():
        lines[f"{case}/{what}"] = sha


# --- The cases ----------------------------------------------------------------------------------------------------

# Dropout, micro-batches and a partial last epoch in addition to the augmentations.
AUGMENTED = ["model.image_size=16", "model.patch_size=2", "model.drop_rate=0.1", "model.attn_drop_rate=0.1",
             "optimizer.lr=5e-4", "schedule.steps=30", "trainer.batch_size=12", "trainer.micro_batch_size=5"]
EVERY = {"random_resized_crop": {"scale": [0.3, 1]}, "random_crop": 2, "horizontal_flip": 0.5, "scaled_decode": True,
         "random_erasing": 0.5, "mixup": 0.8, "cutmix": 1.0, "repeats": 3}


def augmented_runs(swin, seed_sets):
    """Each kind of color augmentation with all other augmentations, each on another data set format."""
    train, validation = image_files("train", 60), image_files("validation", 12)
    bad = ("a", "cut_off.png", png("bad", 0, 30, 30)[:200])  # replaced by another image of its class
    write_folder(swin.folder / "images/train", train + [bad])
    write_folder(swin.folder / "images/validation", validation)
    write_tar(swin.folder / "train.tar", train)
    write_tar(swin.folder / "validation.tar", validation)
    for part in ("train", "validation"):
        swin("data", "pack", part + ".tar", part + "_packed.h5")
    cases = {
        "augment_rand": ("image_folder", "images/train", "images/validation",
                         {"auto_augment": "rand-m9-mstd0.5-inc1", "color_jitter": 0.4}, "bicubic"),
        "augment_cifar10": ("webdataset", "train.tar", "validation.tar", {"auto_augment": "cifar10"}, "bilinear"),
        "augment_jitter": ("packed", "train_packed.h5", "validation_packed.h5",
                           {"color_jitter": [0.4, 0.4, 0.4, 0.1]}, "lanczos"),
    }
    lines = {}
    for case, (data_format, path, validation_path, augment, interpolation) in cases.items():
        swin.train(case, MICRO, seed_sets + AUGMENTED + [
            "data.train=" + json.dumps({"format": data_format, "path": path, "samples": None}),
            "data.validation=" + json.dumps({"path": validation_path, "samples": None}),
            "augment=" + json.dumps({**EVERY, **augment}),
            "preprocess.interpolation=" + interpolation,
            "preprocess.exif_orientation=" + json.dumps(case == "augment_jitter")])
        add(lines, case, checkpoint_fingerprints(swin.folder / case / "last.h5"))
        images = sorted((swin.folder / "images/validation").glob("*/*"))
        add(lines, case, swin.use(f"{case}/last.h5", images))
    return lines


def all_fingerprints(swin, seed):
    seed_sets = [f"trainer.seed={seed}"]
    lines = micro_runs(swin, seed_sets, demo_images())

    swin.train("train_swin_1_thread", MICRO, seed_sets, threads=1)
    one = checkpoint_fingerprints(swin.folder / "train_swin_1_thread/last.h5")
    for what, sha in one.items():
        if lines["train_swin/" + what] != sha:
            die(1, f"train_swin_1_thread/{what}: found other bits than with {THREADS} threads, expected the same; "
                   "some work is divided by the number of threads")
    add(lines, "train_swin_1_thread", one)

    # Files for other libraries, of the fine-tuned model: torchvision needs windows that fit every map.
    for dialect in ("official", "torchvision", "timm", "huggingface"):
        swin("convert", "finetune_swin/last.h5", dialect + ".safetensors", "--dialect", dialect)
        tensors = safetensors(swin.folder / (dialect + ".safetensors"))[1]
        lines[f"convert_{dialect}/tensors"] = tensors_fingerprint(tensors)

    lines.update(augmented_runs(swin, seed_sets))

    write_multi_label(swin.folder / "multi_label.h5")
    swin.train("multi_label", MICRO, seed_sets + [
        "model.image_size=16", "model.patch_size=2", 'task={"name": "multi_label_classification"}',
        'data.train={"format": "hdf5", "path": "multi_label.h5", "fraction": 0.75, "samples": null}',
        'data.validation={"fraction": 0.25, "samples": null}', 'augment={"mixup": 0.1}', "schedule.steps=30"])
    add(lines, "multi_label", checkpoint_fingerprints(swin.folder / "multi_label/last.h5"))
    add(lines, "multi_label", swin.use("multi_label/last.h5", demo_images()))

    path = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
    swin.train("fashion_mnist", ROOT / "configs/fashion_mnist_demo.json",
               seed_sets + ["data.train.path=" + path, "schedule.steps=300", "schedule.warmup_steps=30"])
    add(lines, "fashion_mnist", checkpoint_fingerprints(swin.folder / "fashion_mnist/last.h5"))
    add(lines, "fashion_mnist", swin.use("fashion_mnist/last.h5", demo_images()))

    for golden in sorted(GOLDENS.glob("**/*.safetensors")):
        weights = json.loads(safetensors(golden)[0].get("swin", "{}")).get("weights")
        config = golden.with_suffix(".json")
        if weights is None or not config.exists():  # a weight file, or a golden only for the tests
            continue
        if not weights.startswith("counted:"):
            weights = golden.parent / weights
        # Exit code 8: over the tolerance on this processor; the report still has the errors.
        report = swin("verify", weights, "--golden", golden, "--config", config, "--json", codes=(0, 8))
        case = "verify_" + golden.stem
        lines[case + "/golden"] = hashlib.sha256(golden.read_bytes()).hexdigest()
        lines[case + "/report"] = json_fingerprint(report)

    for config in sorted((ROOT / "configs").glob("*.json")):
        lines[f"plan_{config.stem}/plan"] = json_fingerprint(swin("plan", config, "--json"))
    return lines


# --- Continuing the runs of an older build ------------------------------------------------------------------------


def cut_back(run, step):
    """Restores a run directory to its state after the checkpoint of a step."""
    for file in (run / "checkpoints").iterdir():
        if int(file.stem.removeprefix("step_")) > step:
            file.unlink()
    (run / "last.h5").unlink()
    (run / "last.h5").symlink_to(f"checkpoints/step_{step:09}.h5")
    if not (run / "last.h5").exists():
        die(1, f"{run}: found no checkpoint of step {step}, expected one; the older build saves at other steps")
    if (run / "best.h5").is_symlink() and not (run / "best.h5").exists():
        (run / "best.h5").unlink()


def resume_all(new_binary, old_binary, old_folder, work):
    listing = old_folder / "fingerprints.txt"
    if not listing.exists():
        if old_binary is None:
            die(2, f"{listing}: found no such file, expected runs of an older build; give --old-swin")
        make_empty(old_folder)
        old = Swin(old_binary, old_folder)
        listing.write_text(text_of(micro_runs(old, ["checkpoint.every_steps=5", "checkpoint.keep_last=100"],
                                              demo_images())))
    expected = {}
    for line in listing.read_text().splitlines():
        sha, name = line.split("  ")
        case, what = name.split("/")
        expected.setdefault(case, {})[what] = sha
    new = Swin(new_binary, old_folder)  # in old_folder: the configs of the fine-tunings have the path train_swin/last.h5
    failed = 0

    def compare(case, what_happened, found):
        nonlocal failed
        wanted = {what: sha for what, sha in expected[case].items()
                  if (what in ("evaluate", "predict")) == ("evaluate" in found)}
        differs = sorted(what for what in wanted.keys() | found.keys() if wanted.get(what) != found.get(what))
        print(f"{'DIFFERS' if differs else 'same   '}  {case}: {what_happened}" +
              (": " + ", ".join(differs) if differs else ""))
        failed += bool(differs)

    for case in sorted(expected):
        config = old_folder / case / "config.json"
        for step in (5, 16, 25):  # 16 steps are an epoch
            run = work / f"{case}_from_{step}"
            shutil.copytree(old_folder / case, run, symlinks=True)
            cut_back(run, step)
            new("train", config, "--output", run, "--json")
            resumed = json.loads((run / "run.json").read_text())["resumed_from_step"]
            if resumed != step:
                die(1, f"{run}: found a run resumed from step {resumed}, expected {step}")
            compare(case, f"resumed from step {step}", checkpoint_fingerprints(run / "last.h5"))
        compare(case, "last checkpoint used", new.use(old_folder / case / "last.h5", demo_images()))
        if case.startswith("finetune_"):
            run = work / f"{case}_again"
            new("train", config, "--output", run, "--json")
            compare(case, "fine-tuned again", checkpoint_fingerprints(run / "last.h5"))
    return failed


# --- The command line ---------------------------------------------------------------------------------------------


def text_of(lines):
    return "".join(f"{sha}  {name}\n" for name, sha in sorted(lines.items()))


def make_empty(folder):
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        die(2, f"{folder}: found files, expected a new or empty folder, because runs in it would be resumed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swin", type=pathlib.Path, default=ROOT / "build/release/cli/swin", help="the build")
    parser.add_argument("--output", type=pathlib.Path, help="where the runs are kept; else a temporary folder")
    parser.add_argument("--seed", type=int, default=0, help="trainer.seed of all runs; another one gives other hashes")
    parser.add_argument("--resume-from", type=pathlib.Path, metavar="DIR", help="runs of an older build")
    parser.add_argument("--old-swin", type=pathlib.Path, metavar="OLD", help="the older build that makes them")
    arguments = parser.parse_args()
    if arguments.old_swin and not arguments.resume_from:
        die(2, "--old-swin: found no --resume-from, expected the folder of its runs")
    if arguments.seed and arguments.resume_from:
        die(2, "--seed: found --resume-from, expected one of them: the older runs have the seed 0")
    for binary in filter(None, (arguments.swin, arguments.old_swin)):
        if not os.access(binary, os.X_OK):
            die(2, f"{binary}: found no program, expected swin; build it or give --swin")
    swin = arguments.swin.resolve()
    with tempfile.TemporaryDirectory(prefix="fingerprints_") as temporary:
        work = (arguments.output or pathlib.Path(temporary)).resolve()
        make_empty(work)
        if not arguments.resume_from:
            sys.stdout.write(text_of(all_fingerprints(Swin(swin, work), arguments.seed)))
            return 0
        old = arguments.old_swin.resolve() if arguments.old_swin else None
        failed = resume_all(swin, old, arguments.resume_from.resolve(), work)
    if failed:
        die(1, f"{swin}: found {failed} results that differ from those of the older build, expected none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
