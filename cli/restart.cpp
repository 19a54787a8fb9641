#include "cli/restart.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "autograd/kernels/gemm.h"
#include "base/isa.h"
#include "cli/argument_values.h"

namespace swin::cli {
namespace {

// Set for the started process alone: the names of the variables that were set, separated by commas.
constexpr char kMark[] = "SWIN_RESTARTED";

// Long enough for the regions of a step to follow each other without sleep on an idle machine, and
// far shorter than a time slice, which a spinning thread takes from others on a busy one
// (docs/performance.md).
constexpr char kSpinCount[] = "10000";

struct Variable {
  std::string name, value;
};

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

#ifdef __x86_64__
struct Core {
  const char* name;
  base::Isa isa;
};
// The first of each set is one that every OpenBLAS with several cores has.
constexpr Core kCores[] = {
    {"Nehalem", base::Isa::baseline},  {"Haswell", base::Isa::avx2},
    {"Zen", base::Isa::avx2},          {"SkylakeX", base::Isa::avx512},
    {"Cooperlake", base::Isa::avx512}, {"SapphireRapids", base::Isa::avx512}};

// The core that OpenBLAS should have taken; nothing if it did, or has one alone.
std::optional<std::string> better_core() {
  const std::string taken = autograd::kernels::openblas_core();
  // On a processor of the lowest set every core that OpenBLAS can take is of that set.
  if (taken.empty() || base::best_isa() == base::Isa::baseline) return std::nullopt;
  for (const Core& core : kCores)
    if (core.name == taken && core.isa == base::isa()) return std::nullopt;
  for (const Core& core : kCores)
    if (core.isa == base::isa()) return core.name;
  return std::nullopt;
}
#else
std::optional<std::string> better_core() { return std::nullopt; }
#endif

bool can_restart() {
  // Where OpenMP binds threads, libgomp has bound this one already. It would find no other core.
  for (const char* binding : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"})
    if (is_set(binding)) return false;
  // Without an interpreter of its own, this process was started as `ld.so swin …`: /proc/self/exe
  // is ld.so.
  return getauxval(AT_BASE) != 0;
}

std::vector<std::string>& set_variables() {
  static std::vector<std::string> names;
  return names;
}

}  // namespace

const std::vector<std::string>& variables_of_restart() { return set_variables(); }

void restart_if_needed(char** argv) {
  if (const char* mark = std::getenv(kMark)) {
    set_variables() = comma_separated(mark);
    unsetenv(kMark);
    prctl(PR_SET_NAME, program_invocation_short_name);  // it is "exe", of /proc/self/exe
    return;
  }
  std::vector<Variable> variables;
  if (!is_set("GOMP_SPINCOUNT") && !is_set("OMP_WAIT_POLICY"))
    variables.push_back({"GOMP_SPINCOUNT", kSpinCount});
  if (!is_set("OPENBLAS_CORETYPE"))
    if (const std::optional<std::string> core = better_core())
      variables.push_back({"OPENBLAS_CORETYPE", *core});
  if (variables.empty() || !can_restart()) return;
  std::string mark;
  for (const Variable& variable : variables) {
    setenv(variable.name.c_str(), variable.value.c_str(), 1);
    mark += (mark.empty() ? "" : ",") + variable.name;
  }
  setenv(kMark, mark.c_str(), 1);
  execv("/proc/self/exe", argv);
  // There is no /proc. It goes on as it was loaded.
  unsetenv(kMark);
  for (const Variable& variable : variables) unsetenv(variable.name.c_str());
}

}  // namespace swin::cli
