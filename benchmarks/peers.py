#!/usr/bin/env python3
"""One peer of compare.py in a process of its own: PyTorch, OpenVINO or onnxruntime.

compare.py starts it with one argument, a JSON object that says what to run. The peer builds the
model, warms up and writes a line of JSON: number of parameters, versions, settings. Then
it answers each line of standard input, a number of seconds, with a line of JSON: the images per
second of the median step in that time, and the most memory that the process has held so far. It
ends with its input. Standard output carries nothing else; what a library prints goes to the log.
"""
import contextlib
import ctypes
import importlib.metadata
import json
import os
import pathlib
import resource
import signal
import statistics
import sys
import time

WARM_UP_STEPS, LEAST_STEPS = 3, 5  # those of `swin benchmark`


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def torchvision_model(model):
    import torch
    import torchvision.models.swin_transformer as library
    blocks = {} if model["name"] == "swin" else {
        "block": library.SwinTransformerBlockV2, "downsample_layer": library.PatchMergingV2}
    net = library.SwinTransformer(
        patch_size=pair(model["patch_size"]), embed_dim=model["embed_dim"], depths=model["depths"],
        num_heads=model["num_heads"], window_size=pair(model["window_size"]),
        mlp_ratio=model["mlp_ratio"], stochastic_depth_prob=0.0, num_classes=model["num_classes"],
        **blocks)
    if model["in_chans"] != 3:
        net.features[0][0] = torch.nn.Conv2d(model["in_chans"], model["embed_dim"],
                                             model["patch_size"], model["patch_size"])
    return net


def timm_model(model):
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2
    library = SwinTransformer if model["name"] == "swin" else SwinTransformerV2
    return library(
        img_size=pair(model["image_size"]), patch_size=model["patch_size"],
        in_chans=model["in_chans"], num_classes=model["num_classes"],
        embed_dim=model["embed_dim"], depths=tuple(model["depths"]),
        num_heads=tuple(model["num_heads"]), window_size=model["window_size"],
        mlp_ratio=model["mlp_ratio"], drop_path_rate=0.0)


MODELS = {"torchvision": torchvision_model, "timm": timm_model}


def parameters_of(net):
    return sum(parameter.numel() for parameter in net.parameters())


def images_of(spec):
    import numpy
    model = spec["model"]
    shape = (spec["batch"], model["in_chans"], *pair(model["image_size"]))
    return numpy.random.default_rng(0).standard_normal(shape, numpy.float32)


def start_torch(spec):
    """A step of training (forward, cross entropy, backward, clipping of the gradient norm to 5,
    AdamW) or of inference; eager, or compiled by `spec["compiler"]`."""
    import torch
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(0)
    net = MODELS[spec["library"]](spec["model"]).train(spec["mode"] == "train")
    facts = {"parameters": parameters_of(net), "settings": "eager"}
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=0.05, fused=True)
    run = net
    if spec["compiler"]:
        if spec["compiler"] == "zentorch":
            import zentorch  # noqa: F401, registers the compiler
        import torch._inductor.config as inductor
        inductor.freezing = spec["mode"] == "infer"  # weights become constants, packed once
        run = torch.compile(net, backend=spec["compiler"], dynamic=False)
        facts["settings"] = f"torch.compile by {spec['compiler']}"
    images = torch.from_numpy(images_of(spec))
    target = torch.arange(spec["batch"]) % spec["model"]["num_classes"]

    def precision():
        return (torch.autocast("cpu", torch.bfloat16) if spec["precision"] == "bf16"
                else contextlib.nullcontext())

    def infer():
        with torch.inference_mode(), precision():
            run(images)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with precision():
            loss = torch.nn.functional.cross_entropy(run(images), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()

    if spec["precision"] == "bf16":
        facts["settings"] += ", bf16 autocast"
    return facts, train if spec["mode"] == "train" else infer


def export(spec):
    """Writes torchvision's model for the other runtimes: model.onnx, and OpenVINO's own format,
    converted from PyTorch."""
    import openvino
    import torch
    folder = pathlib.Path(spec["folder"])
    torch.manual_seed(0)
    net = torchvision_model(spec["model"]).eval()
    images = torch.from_numpy(images_of(spec))
    torch.onnx.export(net, (images,), folder / "model.onnx", dynamo=True)
    converted = openvino.convert_model(net, example_input=images, input=list(images.shape))
    openvino.save_model(converted, folder / "model.xml", compress_to_fp16=False)
    return {"parameters": parameters_of(net), "settings": ""}, None


def start_openvino(spec):
    import openvino
    hint = {"fp32": "f32", "bf16": "bf16"}[spec["precision"]]
    compiled = openvino.Core().compile_model(
        str(pathlib.Path(spec["folder"]) / "model.xml"), "CPU",
        {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": spec["threads"],
         "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(images_of(spec)))
    return {"settings": f"INFERENCE_PRECISION_HINT {hint}, PERFORMANCE_HINT LATENCY"}, request.infer


def start_onnxruntime(spec):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    session = onnxruntime.InferenceSession(
        str(pathlib.Path(spec["folder"]) / "model.onnx"), options,
        providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: images_of(spec)}
    return {"settings": "CPUExecutionProvider"}, lambda: session.run(None, feed)


PEERS = {"torch": start_torch, "export": export, "openvino": start_openvino,
         "onnxruntime": start_onnxruntime}


def measure(step, batch, seconds):
    for _ in range(WARM_UP_STEPS):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < LEAST_STEPS or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"images_per_second": batch / statistics.median(times), "steps": len(times),
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main():
    # This process is stopped most of the time: if compare.py dies, it must not stay.
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    spec = json.loads(sys.argv[1])
    facts, step = PEERS[spec["runtime"]](spec)
    if step:
        measure(step, spec["batch"], 0)
    facts["versions"] = {name: importlib.metadata.version(name) for name in spec["packages"]}
    answers.write(json.dumps(facts) + "\n")
    for line in sys.stdin:
        answers.write(json.dumps(measure(step, spec["batch"], float(line))) + "\n")


if __name__ == "__main__":
    main()
