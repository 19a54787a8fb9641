#include "files/pickle_objects.h"

namespace swin::files {
namespace {

using enum PickleRole;

struct Module {
  std::string_view name;
  PickleRole role;
  std::vector<std::string_view> members;
};

std::vector<PickleGlobal> all_globals() {
  // Besides state dicts, published checkpoints hold the training run's state: an optimizer, a
  // config (yacs, argparse, mmcv), dates and paths. The harmless classes hold values only and
  // become opaque. Functions are not among them, nor anything of os, sys, subprocess or importlib.
  const Module modules[] = {
      {"collections", ordered_dict, {"OrderedDict"}},
      {"torch._utils", rebuild_tensor, {"_rebuild_tensor_v2", "_rebuild_tensor"}},
      {"torch._utils", rebuild_parameter, {"_rebuild_parameter", "_rebuild_parameter_with_state"}},
      {"torch._tensor", rebuild_from_type, {"_rebuild_from_type_v2"}},
      {"torch", size, {"Size"}},

      {"builtins", set, {"set", "frozenset"}},
      {"__builtin__", set, {"set", "frozenset"}},
      {"collections", dict_like, {"defaultdict", "Counter"}},
      {"builtins", dict_like, {"dict"}},
      {"__builtin__", dict_like, {"dict"}},
      {"yacs.config", dict_like, {"CfgNode"}},
      {"fvcore.common.config", dict_like, {"CfgNode"}},
      {"mmcv.utils.config", dict_like, {"ConfigDict"}},
      {"mmengine.config.config", dict_like, {"ConfigDict"}},
      {"addict.addict", dict_like, {"Dict"}},

      // mmengine keeps the methods of its histories, which protocol 2 writes as getattr(class,
      // name).
      {"mmengine.logging.history_buffer", harmless, {"HistoryBuffer"}},
      {"builtins", attribute, {"getattr"}},
      {"__builtin__", attribute, {"getattr"}},

      {"torch",
       harmless,
       {"float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
        "bool", "device", "Tensor"}},
      {"torch.nn.parameter", harmless, {"Parameter"}},
      {"torch.torch_version", harmless, {"TorchVersion"}},
      {"torch.serialization", harmless, {"_get_layout"}},
      {"torchvision.transforms.functional", harmless, {"InterpolationMode"}},
      {"argparse", harmless, {"Namespace"}},
      {"types", harmless, {"SimpleNamespace"}},
      {"collections", harmless, {"deque"}},
      {"pathlib", harmless, {"PosixPath", "WindowsPath", "PurePosixPath"}},
      {"pathlib._local", harmless, {"PosixPath", "WindowsPath", "PurePosixPath"}},  // Python 3.13
      {"datetime", harmless, {"datetime", "date", "timedelta", "time", "timezone"}},
      {"uuid", harmless, {"UUID"}},
      {"decimal", harmless, {"Decimal"}},
      {"builtins",
       harmless,
       {"list", "tuple", "int", "float", "bool", "str", "bytearray", "bytes", "range", "slice",
        "Ellipsis", "complex"}},
      {"__builtin__",
       harmless,
       {"list", "tuple", "int", "float", "bool", "unicode", "bytearray", "bytes", "xrange", "slice",
        "Ellipsis", "complex"}},
      {"_codecs", harmless, {"encode"}},  // how protocol 2 writes bytes
      {"numpy",
       harmless,
       {"dtype", "ndarray", "float16", "float32", "float64", "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "bool", "bool_"}},
      {"numpy.core.multiarray", harmless, {"scalar", "_reconstruct"}},
      {"numpy._core.multiarray", harmless, {"scalar", "_reconstruct"}},
  };
  std::vector<PickleGlobal> globals = {
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
  };
  for (const Module& module : modules)
    for (const std::string_view member : module.members)
      globals.push_back({module.name, member, module.role});
  return globals;
}

}  // namespace

const std::vector<PickleGlobal>& pickle_globals() {
  static const std::vector<PickleGlobal> globals = all_globals();
  return globals;
}

}  // namespace swin::files
