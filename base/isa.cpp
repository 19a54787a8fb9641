#include "base/isa.h"

#include <cstdlib>
#include <string>

#include "base/cpu.h"
#include "base/errors.h"

namespace swin::base {
namespace {

constexpr const char* kNames[] = {"baseline", "avx2", "avx512"};

// A name that is none, or of a set that the processor lacks, is refused where the command line is
// read; here the best set is used.
Isa initial_isa() {
  const char* wanted = std::getenv("SWIN_ISA");
  const std::optional<Isa> named = wanted ? isa_named(wanted) : std::nullopt;
  return named && *named < best_isa() ? *named : best_isa();
}

}  // namespace

Isa best_isa() {
  if (cpu().x86_64_v4) return Isa::avx512;
  return cpu().x86_64_v3 ? Isa::avx2 : Isa::baseline;
}

const char* isa_name(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

std::optional<Isa> isa_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<Isa>(i);
  return std::nullopt;
}

namespace detail {
Isa isa_in_use = initial_isa();
}

void set_isa(Isa isa, const char* chosen_by) {
  if (isa > best_isa())
    throw UsageError(chosen_by,
                     std::string("found ") + isa_name(isa) + ", expected no more than " +
                         isa_name(best_isa()) + ", the best set of this processor (" + cpu().model +
                         ")",
                     "choose a lower set, or none");
  detail::isa_in_use = isa;
}

}  // namespace swin::base
