#include "trainers/run/numerics.h"

#include "autograd/kernels/gemm.h"
#include "base/cpu.h"
#include "base/isa.h"

namespace swin::trainers {
namespace {

/// The texts before and after the last " word ".
std::pair<std::string, std::string> split_at(const std::string& text, const std::string& word) {
  const size_t at = text.rfind(" " + word + " ");
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + word.size() + 2)};
}

}  // namespace

base::Json numerics(const std::string& precision) {
  using autograd::kernels::onednn_library;
  using autograd::kernels::openblas_library;
  const auto [blas, core] = split_at(openblas_library().version, "core");
  const auto [onednn, isa] = split_at(onednn_library().version, "isa");
  base::Json json = base::Json::object();
  json["blas"] = openblas_library().correct ? blas : "";
  json["blas_core"] = core;
  json["onednn"] = onednn_library().correct ? onednn : "";
  json["onednn_isa"] = isa;
  json["kernel_level"] = base::isa_name(base::isa());
  json["precision"] = precision;
  json["compiler"] = std::string("GCC ") + __VERSION__;
  return json;
}

std::string numerics_difference(const base::Json& now, const base::Json& before) {
  std::string text;
  for (const auto& [key, value] : now.members()) {
    const base::Json* old = before.find(key);
    if (old && *old == value) continue;
    text += (text.empty() ? "" : ", ") + key + " is " + base::to_text(value) + ", was " +
            (old ? base::to_text(*old) : "not stored");
  }
  return text;
}

}  // namespace swin::trainers
