#!/usr/bin/env python3
"""Mutation testing: breaks the kernels one line at a time and lists the mutants that no test kills.

    scripts/mutate.py [--files autograd/kernels/softmax.cpp …] [--minutes 15] [--precision double|float]
                      [--build /tmp/swin-mutants] [--seed 0] [--list]

Works on a copy of the engine and its tests; the source tree is never edited. Each mutant is compiled, linked into
test_autograd_<precision> and tested with the tests of the ops that use its file. A mutant that does not compile does
not count; one whose tests fail, crash or hang is killed. Exit 0: none survived; 1: survivors are listed as file:line,
kind, old and new text; 2: the copy without mutants does not pass. A survivor means that a test is missing, or that the
line changes only speed (tile sizes, early exits); docs/numerics.md says how to tell them apart.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = "autograd/kernels"
# For each file the GoogleTest filter of its tests.
ATTENTION = "*/window_attention:*/attention:*AttentionTwin*:*Extremes*Attention*:*ForbiddenKeys*"
FILTERS = {
    "broadcast.cpp": "*/add:*/multiply:*/broadcast_to",
    "columns.cpp": "*/concat:*/slice",
    "convolution.cpp": "*/conv2d:*/conv_transpose*",
    "cosine.cpp": "*/cosine_qkv:*/l2_normalize:*Extremes.Cosine*:*Extremes.Zeros*",
    "elementwise.cpp": "*/add:*/multiply:*/exp:*/scale:*/gelu:*/relu:*/sigmoid:*/dropout:*/drop_path:*Extremes.Gelu*:"
                       "*Extremes.Activ*:*/drop_channels:*Heads.Dropped*",
    "gather_rows.cpp": "*/roll:*/pad_or_crop:*/window_partition:*/window_reverse:*/patch_merging:*/relative*:*Movers*:"
                       "*/take_*:*Empty*",
    "gemm.cpp": "Gemm.*:*/linear:*/matmul:*/patch_embed",
    "group_norm.cpp": "*/batch_norm:*/frozen_norm:*/group_norm:*Heads.*",
    "layer_norm.cpp": "*/layer_norm:*Extremes.LayerNorm*",
    "layer_norm_row.h": "*/layer_norm:*Extremes.LayerNorm*:*_residual",
    "masked_l1.cpp": "*/masked_l1",
    "onednn.cpp": "Gemm.*:*/linear", "openblas.cpp": "Gemm.*:*/linear",
    "patches.cpp": "*/patch_*",
    "packed_product.cpp": "Gemm.*:*/linear:*/conv2d", "permute.cpp": "*/permute",
    "ragged.h": "*/layer_norm:*/cosine_qkv:*/l2_normalize:*/group_norm:*/pixel_cross_entropy",
    "pixel_losses.cpp": "*/pixel_cross_entropy:*/dice_loss:*Heads.*",
    "reduce.cpp": "Gemm.*:*/linear:*/mean_tokens:*/window_attention",
    "replace_rows.cpp": "*/replace_tokens", "resample.cpp": "*/resize_*:*/adaptive_avg_pool",
    "residual.cpp": "*_residual:*Composition.*Residual*",
    "resized_cross_entropy.cpp": "*/resized_cross_entropy",
    "samples.cpp": "*/take_samples:*/add_samples",
    "small_product.h": "*SmallProduct.*:" + ATTENTION,
    "softmax_row.h": "*/pixel_cross_entropy:*/resized_cross_entropy:*/dice_loss:*Heads.*",
    "softmax.cpp": "*/softmax:*/cross_entropy:*Extremes.Softmax*:*Extremes.CrossEntropy*",
    "window_attention.cpp": ATTENTION,
    "window_layout.cpp": "Windows.*:*/window_*:" + ATTENTION, "window_layout.h": "Windows.*:*/relative*:" + ATTENTION,
}
# Lines that decide how work is divided, not what it computes: their mutants give correct results.
SPEED = re.compile(r"constexpr int64_t k(Tile|Tiles|Rows|Columns|WantedTiles|QueryRows|Most)\b|return std::max<int64_t>\("
                   r"|_per_tile|block = |row_block|tile_rows|tile_columns|head_tiles|window_tiles|wanted|madvise")

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(mutants LANGUAGES CXX)
set(SWIN_TESTS ON)
list(APPEND CMAKE_MODULE_PATH "${PROJECT_SOURCE_DIR}/cmake")
include(SwinFlags)
include(SwinPackages)
include(SwinRooms)
add_subdirectory(base)
add_subdirectory(autograd)
file(WRITE ${CMAKE_BINARY_DIR}/swin.cpp "int main() {}")
add_executable(swin ${CMAKE_BINARY_DIR}/swin.cpp)
enable_testing()
swin_test_headers()
add_subdirectory(tests/support)
add_subdirectory(tests/autograd)
"""


def run(command, timeout, **options):
    """True if the command ended with 0 in time; else its whole process group is killed."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                               **options)
    try:
        return process.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return False


def code_lines(text, precision):
    """(number, line) of lines with code; no comments, preprocessor lines or code of the other precision."""
    other = [False]  # for each open #if: whether its lines are not compiled
    for number, line in enumerate(text.splitlines()):
        stripped = line.strip()
        if stripped.startswith("#if"):
            asks = "SWIN_REAL_DOUBLE" in stripped
            other.append(asks and stripped.startswith("#ifdef") != (precision == "double"))
            asked = asks
        elif stripped.startswith("#else") and asked:
            other[-1] = not other[-1]
        elif stripped.startswith("#endif"):
            other.pop()
        if any(other):
            continue
        if not stripped or stripped.startswith(("//", "#", "using ", "namespace", "}", "typedef")) or SPEED.search(line):
            continue
        yield number, line


def mutants_of(text, precision):
    """Yields (line number, kind, new line)."""
    for number, line in code_lines(text, precision):
        code, comment = (line.split("//", 1) + [""])[:2]
        def replaced(pattern, by, kind):
            for match in re.finditer(pattern, code):
                yield number, kind, code[:match.start()] + by + code[match.end():] + ("//" + comment if comment else "")
        yield from replaced(r"\+=", "=", "+= becomes =")
        yield from replaced(r"(?<=[\w)\]]) \+ (?=[\w(*])", " - ", "+ becomes -")
        yield from replaced(r"(?<=[\w)\]]) - (?=[\w(*])", " + ", "- becomes +")
        yield from replaced(r"(?<=[\w)\]]) \* (?=[\w(])", " + ", "* becomes +")
        yield from replaced(r"(?<=[\w)\]]) < (?=[\w(])", " <= ", "< becomes <=")
        yield from replaced(r"(?<=[\w)\]]) == (?=[\w(])", " != ", "== becomes !=")
        if re.search(r"for \(.*< (\w|\.)+;", code):
            yield from replaced(r"(?<=\w < )((?:\w|\.)+)(?=;)", "(0)", "loop never runs")
            for match in re.finditer(r"< ((?:\w|\.)+);", code):
                yield number, "bound off by one", code[:match.start(1)] + match[1] + " - 1" + code[match.end(1):]
        if re.match(r"\s+[^{}]*;\s*$", code) and not re.match(
                r"\s*(return|const |constexpr |auto |real |int64_t |int |Vector |static |if |for |case |break|default|typedef"
                r"|base::|Array|Tensor|GemmArguments |Scratch )", code):
            yield number, "line dropped", re.match(r"\s*", code)[0] + ";"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", help="files under the root (default: every kernel)")
    parser.add_argument("--minutes", type=float, default=15, help="time budget (default 15)")
    parser.add_argument("--precision", choices=["double", "float"], default="double")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("/tmp/swin-mutants"))
    parser.add_argument("--seed", type=int, default=0, help="of the order in which mutants are tried")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    arguments = parser.parse_args()
    files = arguments.files or sorted(f"{KERNELS}/{name}" for name in FILTERS)
    mutants = [(file, *mutant) for file in files
               for mutant in mutants_of((ROOT / file).read_text(), arguments.precision)]
    random.Random(arguments.seed).shuffle(mutants)
    mutants.sort(key=lambda mutant: files.index(mutant[0]))  # a random order inside each file
    if arguments.list:
        for file, number, kind, new in sorted(mutants):
            print(f"{file}:{number + 1}: {kind}: {new.strip()}")
        print(f"{len(mutants)} mutants")
        return 0

    copy, build = arguments.build / "source", arguments.build / "build"
    for folder in ("autograd", "base", "cmake", "tests/support", "tests/autograd"):
        target = copy / folder
        shutil.rmtree(target, ignore_errors=True)
        # Fresh modification times: the source must be newer than the objects of an earlier run.
        shutil.copytree(ROOT / folder, target, copy_function=shutil.copy)
    (copy / "CMakeLists.txt").write_text(CMAKE)
    program = f"test_autograd_{arguments.precision}"
    configured = subprocess.run(["cmake", "-S", copy, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                                 "-DCMAKE_CXX_FLAGS_RELEASE=-O1"], stdout=subprocess.DEVNULL)
    compile_command = ["ninja", "-C", str(build), program]
    test = [str(build / "tests" / "autograd" / program), "--gtest_fail_fast", "--gtest_brief=1"]
    if configured.returncode or subprocess.run(compile_command, stdout=subprocess.DEVNULL).returncode:
        print("the copy without mutants does not build", file=sys.stderr)
        return 2
    limits = {}
    for file in files:
        pattern = FILTERS.get(pathlib.Path(file).name, "*")
        start = time.monotonic()
        if not run(test + [f"--gtest_filter={pattern}"], 600):
            print(f"the copy without mutants does not pass the tests of {file} ({pattern})", file=sys.stderr)
            return 2
        limits[file] = 10 * (time.monotonic() - start) + 20

    # Each file gets a share of the time by the number of its mutants; unused time goes to the next file.
    start, share, seen = time.monotonic(), {}, 0
    for file in files:
        seen += sum(mutant[0] == file for mutant in mutants)
        share[file] = start + 60 * arguments.minutes * seen / max(1, len(mutants))
    survivors, tried, invalid = [], 0, 0
    for file, number, kind, new in mutants:
        if time.monotonic() > share[file]:
            continue
        path = copy / file
        original = path.read_text()
        lines = original.splitlines(keepends=True)
        old, lines[number] = lines[number], new + "\n"
        path.write_text("".join(lines))
        if not run(compile_command, 300):
            invalid += 1
        else:
            tried += 1
            if run(test + [f"--gtest_filter={FILTERS.get(path.name, '*')}"], limits[file]):
                survivors.append((file, number + 1, kind, old.strip(), new.strip()))
                print(f"SURVIVED {file}:{number + 1}: {kind}\n    {old.strip()}\n    {new.strip()}", flush=True)
        path.write_text(original)
    print(f"{tried} mutants tested of {len(mutants)}, {invalid} did not compile, {tried - len(survivors)} killed, "
          f"{len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
