#include "trainers/run/numerics.h"

#include "autograd/kernels/gemm.h"
#include "autograd/kernels/revision.h"
#include "base/isa.h"
#include "base/text.h"

namespace swin::trainers {

base::Json numerics(const std::string& precision) {
  using autograd::kernels::onednn_library;
  using autograd::kernels::openblas_library;
  const auto& blas = openblas_library();
  const auto& onednn = onednn_library();
  base::Json json = base::Json::object();
  json["blas"] = blas.correct ? blas.version : "";
  json["blas_core"] = blas.core;
  json["onednn"] = onednn.correct ? onednn.version : "";
  json["onednn_isa"] = onednn.core;
  json["kernel_level"] = base::isa_name(base::isa());
  json["kernel_revision"] = std::to_string(autograd::kernels::kRevision);
  json["precision"] = precision;
  json["compiler"] = std::string("GCC ") + __VERSION__;
  return json;
}

std::string numerics_difference(const base::Json& now, const base::Json& before) {
  constexpr size_t kShown = 40;  // of a library's version, which can name every build option
  const auto shown = [](const base::Json& value) {
    return base::shortened(base::to_text(value), kShown);
  };
  std::string text;
  for (const auto& [key, value] : now.members()) {
    const base::Json* old = before.find(key);
    if (old && *old == value) continue;
    text += (text.empty() ? "" : ", ") + key + " is " + shown(value) + ", was " +
            (old ? shown(*old) : "not stored");
  }
  return text;
}

}  // namespace swin::trainers
