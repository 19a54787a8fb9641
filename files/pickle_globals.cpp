#include "files/pickle_globals.h"

namespace swin::files {
namespace {

using enum PickleRole;

// Beside state dicts, published checkpoints hold the training run's state: an optimizer, a config
// (yacs, argparse, mmcv), dates and paths. Those classes hold values only; they stay opaque.
// Functions are not among them, nor anything of os, sys, subprocess or importlib.
constexpr PickleGlobal kGlobals[] = {
    {"collections", "OrderedDict", ordered_dict},
    {"torch._utils", "_rebuild_tensor_v2", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor", rebuild_tensor},
    {"torch._utils", "_rebuild_parameter", rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", rebuild_parameter},
    {"torch._tensor", "_rebuild_from_type_v2", rebuild_from_type},
    {"torch", "Size", size},

    {"torch", "FloatStorage", storage, DType::f32},
    {"torch", "HalfStorage", storage, DType::f16},
    {"torch", "BFloat16Storage", storage, DType::bf16},
    {"torch", "DoubleStorage", storage, DType::f64},
    {"torch", "LongStorage", storage, DType::i64},
    {"torch", "IntStorage", storage, DType::i32},
    {"torch", "ShortStorage", storage, DType::i16},
    {"torch", "CharStorage", storage, DType::i8},
    {"torch", "ByteStorage", storage, DType::u8},
    {"torch", "BoolStorage", storage, DType::boolean},

    {"builtins", "set", set},
    {"__builtin__", "set", set},
    {"builtins", "frozenset", set},
    {"__builtin__", "frozenset", set},
    {"collections", "defaultdict", dict_like},
    {"collections", "Counter", dict_like},
    {"builtins", "dict", dict_like},
    {"__builtin__", "dict", dict_like},
    {"yacs.config", "CfgNode", dict_like},
    {"fvcore.common.config", "CfgNode", dict_like},
    {"mmcv.utils.config", "ConfigDict", dict_like},
    {"mmengine.config.config", "ConfigDict", dict_like},
    {"addict.addict", "Dict", dict_like},

    // mmengine keeps the methods of its histories, which protocol 2 writes as getattr(class, name).
    {"mmengine.logging.history_buffer", "HistoryBuffer", harmless},
    {"builtins", "getattr", attribute},
    {"__builtin__", "getattr", attribute},

    {"torch", "float32", harmless},
    {"torch", "float64", harmless},
    {"torch", "float16", harmless},
    {"torch", "bfloat16", harmless},
    {"torch", "int64", harmless},
    {"torch", "int32", harmless},
    {"torch", "int16", harmless},
    {"torch", "int8", harmless},
    {"torch", "uint8", harmless},
    {"torch", "bool", harmless},
    {"torch", "device", harmless},
    {"torch", "Tensor", harmless},
    {"torch.nn.parameter", "Parameter", harmless},
    {"torch.torch_version", "TorchVersion", harmless},
    {"argparse", "Namespace", harmless},
    {"types", "SimpleNamespace", harmless},
    {"collections", "deque", harmless},
    {"pathlib", "PosixPath", harmless},
    {"pathlib", "WindowsPath", harmless},
    {"pathlib", "PurePosixPath", harmless},
    {"datetime", "datetime", harmless},
    {"datetime", "date", harmless},
    {"datetime", "timedelta", harmless},
    {"builtins", "list", harmless},
    {"__builtin__", "list", harmless},
    {"builtins", "tuple", harmless},
    {"__builtin__", "tuple", harmless},
    {"builtins", "int", harmless},
    {"__builtin__", "int", harmless},
    {"builtins", "float", harmless},
    {"__builtin__", "float", harmless},
    {"builtins", "bool", harmless},
    {"__builtin__", "bool", harmless},
    {"builtins", "str", harmless},
    {"__builtin__", "unicode", harmless},
    {"builtins", "bytearray", harmless},
    {"builtins", "complex", harmless},
    {"__builtin__", "complex", harmless},
    {"_codecs", "encode", harmless},  // how protocol 2 writes bytes
    {"numpy", "dtype", harmless},
    {"numpy", "ndarray", harmless},
    {"numpy.core.multiarray", "scalar", harmless},
    {"numpy.core.multiarray", "_reconstruct", harmless},
    {"numpy._core.multiarray", "scalar", harmless},
    {"numpy._core.multiarray", "_reconstruct", harmless},
};

}  // namespace

std::span<const PickleGlobal> pickle_globals() { return kGlobals; }

}  // namespace swin::files
