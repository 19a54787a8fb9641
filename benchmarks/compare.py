#!/usr/bin/env python3
"""Images per second and memory of swin.cpp beside PyTorch, OpenVINO and onnxruntime.

Training of W1, W2, W3 and W5 (benchmarks/workloads) against PyTorch with torchvision's and timm's
Swin; inference of W4 also against OpenVINO and onnxruntime on torchvision's exported model. All run
the same model in float32 in one process on the same number of threads, in turns: in each round each
measures once, while the others are stopped. The peers get huge pages, as swin.cpp has them. A
training step is forward, cross entropy, backward, clipping of the gradient norm to 5 and AdamW.
Ratios are those of a round: the median, the lowest and the highest. The share is that of the
machine's best 2048³ matrix product in the same round: images per second times the dense model's
arithmetic.

    python3 benchmarks/compare.py --json compare.json --plot compare.svg
    python3 benchmarks/compare.py --workloads w4 --isa avx2 --rounds 7

Needs torch, torchvision and timm; for W4 also onnx, onnxscript, onnxruntime and openvino.
"""
import argparse
import contextlib
import datetime
import html
import importlib.util
import json
import os
import pathlib
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = {"w1": [("train", 8)], "w2": [("train", 128)], "w3": [("train", 128)],
         "w4": [("infer", 8), ("infer", 1)], "w5": [("train", 8)]}
# How libraries are held to an instruction set. MLAS, in onnxruntime and in parts of OpenVINO, reads
# the processor itself, as does the compiler that torch.compile calls.
HELD = {"avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
                 "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}
# Memory that stays in the process, in huge pages, as swin.cpp's pool keeps it: every peer is 8% to
# 30% faster for it than with glibc's own settings.
KEPT_MEMORY = ("glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776:"
               "glibc.malloc.top_pad=67108864:glibc.malloc.hugetlb=1")
NOT_HELD = {"openvino": "in part", "onnxruntime": "not", "inductor": "in part",
            "zentorch": "in part"}
FEATURES = {"avx2": "AVX2", "fma": "FMA", "avx512f": "AVX-512", "avx512_bf16": "AVX512-BF16",
            "amx_tile": "AMX", "amx_bf16": "AMX-BF16"}


class CompareError(Exception):
    """Where: found, expected; what to do."""


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


class Peer:
    """A peers.py process. It is stopped (SIGSTOP) except while it measures, so that no thread of
    it that waits for work takes time from another."""

    def __init__(self, label, spec, folder):
        self.label, self.spec = label, spec
        environment = dict(os.environ, OMP_NUM_THREADS=str(spec["threads"]),
                           GLIBC_TUNABLES=KEPT_MEMORY, **HELD.get(spec["isa"], {}))
        self.log = open(folder / f"{label}.log".replace(" ", "_"), "w+", errors="replace")
        # A group of its own, to be stopped as one, but in this session: Linux shares the processor
        # out among sessions first, and swin.cpp runs in this one.
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "peers.py"), json.dumps(spec)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment,
            preexec_fn=os.setpgrp)
        self.facts = self.answer()
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.close()
            self.log.seek(0)
            raise CompareError(f"{self.label}: ended with {self.process.returncode}: "
                               f"{last_line(self.log.read())}")
        return json.loads(line)

    def measure(self, seconds):
        self.signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        answer = self.answer()
        self.signal(signal.SIGSTOP)
        return answer

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


class Swin:
    """The program under test: a fresh `swin benchmark` in each round."""
    label = "swin.cpp"

    def __init__(self, options, config, mode, batch):
        self.program, self.isa = options.swin, ["--isa", options.isa] if options.isa else []
        self.command = ["benchmark", str(config), "--mode", mode, "--batch", str(batch),
                        "--threads", str(options.threads), "--json", "--quiet"]
        plan = self.run(["plan", str(config), "--json"])
        self.facts = {"parameters": plan["parameters"], "settings": "", "versions": {}}

    def run(self, arguments):
        try:
            done = subprocess.run([self.program, *arguments, *self.isa], capture_output=True,
                                  text=True)
        except OSError as error:
            raise CompareError(f"{self.program}: {error.strerror}; build it (./scripts/test.sh) or "
                               "name it: --swin PATH") from None
        if done.returncode:
            raise CompareError(last_line(done.stderr))
        return json.loads(done.stdout)

    def measure(self, seconds):
        return self.run([*self.command, "--seconds", str(seconds)])


def read_config(path):
    text = path.read_text()
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))["model"], text


def cpu():
    """Model and features of the processor, as lscpu prints them."""
    text = subprocess.run(["lscpu"], capture_output=True, text=True,
                          env=dict(os.environ, LC_ALL="C")).stdout
    fields = dict(re.findall(r"^\s*([^:\n]+):\s*(.*)$", text, flags=re.MULTILINE))
    flags = fields.get("Flags", "").split()
    return {"model": fields.get("Model name", "unknown"),
            "features": [name for flag, name in FEATURES.items() if flag in flags],
            "cores": len(os.sched_getaffinity(0))}


def busy_seconds(peers):
    """Core seconds so far of the whole machine, and of this process and its children."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields)
    machine = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    own = sum(usage.ru_utime + usage.ru_stime for usage in map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    return machine, own + sum(peer.cpu_seconds() for peer in peers)


def specs_of(options, mode, precision):
    """[(label, what distinguishes this peer)] of the peers that take part."""
    found = []
    compilers = [None] + (["inductor"] if options.all else [])
    if options.all and mode == "infer" and importlib.util.find_spec("zentorch"):
        compilers.append("zentorch")
    suffix = ", bf16" if precision == "bf16" else ""
    names = {None: "PyTorch", "inductor": "PyTorch compiled", "zentorch": "zentorch"}
    for compiler in compilers:
        for library in ("torchvision", "timm"):
            packages = ["torch", library] + (["zentorch"] if compiler == "zentorch" else [])
            found.append((f"{names[compiler]}, {library}{suffix}",
                          {"runtime": "torch", "library": library, "compiler": compiler,
                           "packages": packages}))
    if mode == "infer":
        found.append((f"OpenVINO{suffix}", {"runtime": "openvino", "packages": ["openvino"]}))
        if precision == "fp32":
            found.append(("onnxruntime", {"runtime": "onnxruntime", "packages": ["onnxruntime"]}))
    return found


def start_peers(options, swin, common, folder, stack, failures):
    peers = []
    wanted = specs_of(options, common["mode"], common["precision"])
    try:
        if common["mode"] == "infer":
            Peer("export", {**common, "runtime": "export", "packages": []}, folder).close()
    except CompareError as error:
        failures.append(str(error))
        wanted = [(label, own) for label, own in wanted if own["runtime"] == "torch"]
    for label, own in wanted:
        print(f"starting {label} …", file=sys.stderr)
        try:
            peer = Peer(label, {**common, **own}, folder)
        except CompareError as error:
            failures.append(str(error))
            continue
        stack.callback(peer.close)
        peers.append(peer)
        # The same model: V2's biases of keys, which some store as zeros, are less than 1%.
        theirs = peer.facts.get("parameters", swin.facts["parameters"])
        if abs(theirs / swin.facts["parameters"] - 1) > 0.01:
            raise CompareError(f"{label}: found {theirs} parameters, expected swin.cpp's "
                               f"{swin.facts['parameters']}; correct benchmarks/peers.py")
    return peers


def spread(values):
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def entry_of(program, runs, swin_runs, isa):
    rates = [run["images_per_second"] for run in runs]
    work = [run["flops_per_image"] / (run["gemm_gflops"] * 1e9) for run in swin_runs]
    spec = getattr(program, "spec", {})
    held = NOT_HELD.get(spec.get("compiler") or spec.get("runtime")) if isa else None
    entry = {"name": program.label, "settings": program.facts["settings"],
             "versions": program.facts["versions"], "images_per_second": statistics.median(rates),
             "rounds": rates, "peak_memory_bytes": max(run["peak_memory_bytes"] for run in runs),
             "fraction": statistics.median(rate * of for rate, of in zip(rates, work)),
             "held": "not used" if not isa else f"{held} held" if held else "held"}
    if spec:
        entry["ratio"] = spread([run["images_per_second"] / rate
                                 for run, rate in zip(swin_runs, rates)])
    return entry


def measure_case(options, workload, mode, batch, precision, failures):
    """One workload: starts the peers, measures in turns; the result for the report."""
    path = HERE / "workloads" / f"{workload}.json"
    model, text = read_config(path)
    swin = Swin(options, path, mode, batch)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        common = {"model": model, "mode": mode, "batch": batch, "threads": options.threads,
                  "precision": precision, "isa": options.isa, "folder": name, "compiler": None}
        peers = start_peers(options, swin, common, pathlib.Path(name), stack, failures)
        programs, runs = [swin, *peers], {}
        machine, own = busy_seconds(peers)
        began = datetime.datetime.now()
        for turn in range(options.rounds):
            print(f"{workload} {mode} {batch}: round {turn + 1} of {options.rounds} …",
                  file=sys.stderr)
            first = turn % len(programs)  # each program is first once
            for program in programs[first:] + programs[:first]:
                runs.setdefault(program.label, []).append(program.measure(options.seconds))
        seconds = (datetime.datetime.now() - began).total_seconds()
        machine_after, own_after = busy_seconds(peers)
        others = (machine_after - machine) - (own_after - own)
    ours = runs[swin.label]
    return {"workload": workload, "title": re.search(r"// \w+: ([^,.;]+)", text).group(1),
            "mode": mode, "batch": batch, "precision": precision,
            "flops_per_image": ours[0]["flops_per_image"],
            "gemm_gflops": statistics.median(run["gemm_gflops"] for run in ours),
            "others_busy": max(0, others) / seconds / os.cpu_count(),
            "programs": [entry_of(program, runs[program.label], ours, options.isa)
                         for program in programs]}


def text_of(result):
    """The table of one case."""
    bf16 = " (peers in bf16, swin.cpp in fp32)" if result["precision"] == "bf16" else ""
    lines = [f"{result['workload'].upper()} {result['title']}, {result['mode']}, batch "
             f"{result['batch']}{bf16}: best product {result['gemm_gflops']:.0f} GFLOP/s, others "
             f"kept {100 * result['others_busy']:.0f}% of the cores busy",
             f"  {'PROGRAM':<30}{'IMAGES/s':>10}{'SHARE':>8}{'MEMORY':>10}"
             "   SWIN.CPP IS … TIMES AS FAST"]
    for entry in result["programs"]:
        line = (f"  {entry['name']:<30}{entry['images_per_second']:>10.2f}"
                f"{100 * entry['fraction']:>7.1f}%{entry['peak_memory_bytes'] / 1e9:>7.2f} GB")
        if "ratio" in entry:
            line += "   {median:.2f} ({lowest:.2f} to {highest:.2f})".format(**entry["ratio"])
        if entry["held"] not in ("held", "not used"):
            line += f"   [{entry['held']} to the instruction set]"
        lines.append(line)
    return "\n".join(lines)


def machine_text(report):
    cpu = report["cpu"]
    held = f", held to {FEATURES[report['isa']]}" if report["isa"] else ""
    return (f"{cpu['model']} ({', '.join(cpu['features'])}), {report['threads']} threads of "
            f"{cpu['cores']} cores{held}")


def versions_of(report):
    versions = {}
    for result in report["results"]:
        for entry in result["programs"]:
            versions.update(entry["versions"])
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def plot(report):
    """The fp32 results as an SVG: a bar per program, as long as its share of the fp32 rate."""
    width, left, right, row = 860, 190, 190, 19
    scale = (width - left - right) / 100
    body, top = [], 62
    for result in report["results"]:
        if result["precision"] != "fp32":
            continue
        body.append(f'<text x="16" y="{top}" class="case">{result["workload"].upper()}: '
                    f'{html.escape(result["title"])}, '
                    f'{"training" if result["mode"] == "train" else "inference"}, '
                    f'batch {result["batch"]}</text>')
        top += 8
        for entry in result["programs"]:
            ours = "ratio" not in entry
            length = 100 * entry["fraction"] * scale
            mark = "*" if entry["held"] not in ("held", "not used") else ""
            body.append(f'<text x="{left - 8}" y="{top + 13}" text-anchor="end" '
                        f'class="{"ours" if ours else "peer"}">'
                        f'{html.escape(entry["name"])}{mark}</text>')
            body.append(f'<rect x="{left}" y="{top + 2}" width="{length:.1f}" height="{row - 5}" '
                        f'fill="{"#1d4ed8" if ours else "#a8b3c4"}"/>')
            body.append(f'<text x="{left + length + 6:.1f}" y="{top + 13}">'
                        f'{entry["images_per_second"]:.4g} images/s, '
                        f'{entry["peak_memory_bytes"] / 1e9:.2f} GB</text>')
            top += row
        top += 26
    bottom = top - 18
    grid = [f'<line x1="{left + value * scale}" x2="{left + value * scale}" y1="44" y2="{bottom}" '
            f'class="grid"/><text x="{left + value * scale}" y="{bottom + 16}" '
            f'text-anchor="middle">{value}%</text>' for value in (0, 25, 50, 75, 100)]
    notes = ["Length: share of the machine's best fp32 matrix product. "
             "All in fp32, in turns; medians.", machine_text(report), versions_of(report)]
    if "*</text>" in "".join(body):
        notes.append("* reads the processor itself: not held, or only in part")
    notes = [f'<text x="16" y="{bottom + 40 + 16 * index}" class="note">{html.escape(note)}</text>'
             for index, note in enumerate(notes)]
    height = bottom + 40 + 16 * len(notes)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="#333">\n'
            "<style>.title{font-size:15px;font-weight:bold}.case,.ours{font-weight:bold}"
            ".note{fill:#666}.grid{stroke:#ddd}</style>\n"
            f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
            '<text x="16" y="26" class="title">Swin on the CPU: images per second</text>'
            "\n" + "\n".join(grid + body + notes) + "\n</svg>\n")


def save(options, report):
    for path, text in ((options.json, json.dumps(report, indent=1) + "\n"),
                       (options.plot, plot(report))):
        if path:
            try:
                path.write_text(text)
            except OSError as error:
                raise CompareError(f"{path}: {error.strerror}") from None


def check_packages(options):
    wanted = ["torch", "torchvision", "timm"]
    if "w4" in options.workloads:
        wanted += ["onnx", "onnxscript", "onnxruntime", "openvino"]
    missing = [name for name in wanted if not importlib.util.find_spec(name)]
    if missing:
        raise CompareError(f"{sys.executable}: found no {', '.join(missing)}; "
                           f"{sys.executable} -m pip install {' '.join(missing)}")


def read_results(paths):
    """One report of several of the same machine and instruction set: the results of all."""
    reports = []
    for path in paths:
        try:
            reports.append(json.loads(path.read_text()))
        except OSError as error:
            raise CompareError(f"{path}: {error.strerror}") from None
        except ValueError:
            raise CompareError(f"{path}: found no JSON, expected what --json wrote") from None
        if machine_text(reports[-1]) != machine_text(reports[0]):
            raise CompareError(f"{path}: found {machine_text(reports[-1])}, expected "
                               f"{machine_text(reports[0])}; draw each machine by itself")
    return {**reports[-1], "results": [row for report in reports for row in report["results"]]}


def measure_all(options):
    """Measures every case and saves after each. Returns the failures of peers."""
    check_packages(options)
    processor, failures = cpu(), []
    report = {"date": datetime.date.today().isoformat(), "cpu": processor, "isa": options.isa,
              "threads": options.threads, "rounds": options.rounds, "seconds": options.seconds,
              "peers_glibc_tunables": KEPT_MEMORY,
              "results": []}
    bf16 = options.all and not options.isa and "AVX512-BF16" in processor["features"]
    print(machine_text(report))
    for workload in options.workloads:
        for mode, batch in CASES[workload]:
            for precision in ["fp32"] + (["bf16"] if bf16 else []):
                result = measure_case(options, workload, mode, batch, precision, failures)
                report["results"].append(result)
                print("\n" + text_of(result), flush=True)
                save(options, report)
    print("\n" + versions_of(report))
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swin", default="build/release/cli/swin", metavar="PATH",
                        help="the swin program (%(default)s)")
    parser.add_argument("--workloads", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--all", action="store_true", help="also torch.compile, zentorch where it "
                        "is installed, and, apart, bf16 where the processor has it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="per round, for each program")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--isa", choices=HELD, help="hold every program to this instruction set; "
                        "what cannot be held is marked")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the results")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.svg", 
                        help="draw the fp32 results")
    parser.add_argument("--results", nargs="+", type=pathlib.Path, metavar="FILE",
                        help="measure nothing: print and draw what --json wrote earlier")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if options.results:
            report = read_results(options.results)
            print("\n\n".join([machine_text(report), *map(text_of, report["results"])]))
            save(options, report)
            return
        failures = measure_all(options)
    except CompareError as error:
        sys.exit(f"compare: {error}")
    except KeyboardInterrupt:
        sys.exit("compare: interrupted")
    if failures:
        sys.exit("\n".join(f"compare: {failure}" for failure in failures))


if __name__ == "__main__":
    main()
