// The instruction sets that vector code is compiled for, and the choice between them at run time.
//
// A kernel is a function compiled once for each set (cmake/SwinRooms.cmake: VECTOR_SOURCES). Its
// file puts every version into the namespace of its set, SWIN_ISA, and names it once more with
// SWIN_KERNEL; its header declares a Kernel, which calls the version of the set in use:
//
//   // sum.h
//   extern const base::Kernel<float(const float* x, int64_t count)> sum;
//   // sum.cpp
//   namespace swin::example::SWIN_ISA {
//   float sum(const float* x, int64_t count) { … }
//   }
//   namespace swin::example {
//   SWIN_KERNEL(sum)
//   }
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace swin::base {

/// Lowest first. On x86-64 the baseline is x86-64-v2 (SSE4.2), avx2 is x86-64-v3 (AVX2 and FMA) and
/// avx512 is x86-64-v4. On other processors there is the baseline alone.
enum class Isa { baseline, avx2, avx512 };
#ifdef __x86_64__
constexpr int kIsas = 3;
#else
constexpr int kIsas = 1;
#endif

/// The highest set that the processor has.
Isa best_isa();
/// "baseline", "avx2" or "avx512".
const char* isa_name(Isa isa);
std::optional<Isa> isa_named(std::string_view name);

namespace detail {
extern Isa isa_in_use;
}
/// The set in use: the best one, or a lower one that SWIN_ISA in the environment or set_isa (the
/// flag --isa) names.
inline Isa isa() { return detail::isa_in_use; }
/// Uses another set from now on. Call outside parallel_for.
/// @param chosen_by the flag or variable that an error names
/// @throws UsageError if the processor lacks it.
void set_isa(Isa isa, const char* chosen_by = "--isa");

/// A function with one version for each set. Calling it calls the version of the set in use.
template <class Signature>
class Kernel;
template <class R, class... Args>
class Kernel<R(Args...)> {
 public:
  using Function = R(Args...);
#ifdef __x86_64__
  constexpr Kernel(Function* baseline, Function* avx2, Function* avx512)
      : versions_{baseline, avx2, avx512} {}
#else
  constexpr explicit Kernel(Function* baseline) : versions_{baseline} {}
#endif
  R operator()(Args... args) const { return versions_[static_cast<size_t>(isa())](args...); }

 private:
  Function* versions_[kIsas];
};

}  // namespace swin::base

// Defines the Kernel `name` from its versions. Only the baseline's compilation defines it; the
// versions of the other sets are declared there, with the type of the baseline's.
#if !defined(SWIN_ISA_IS_BASELINE)
#define SWIN_KERNEL(name)
#elif defined(__x86_64__)
#define SWIN_KERNEL(name)                                                                 \
  namespace avx2 {                                                                        \
  decltype(baseline::name) name;                                                          \
  }                                                                                       \
  namespace avx512 {                                                                      \
  decltype(baseline::name) name;                                                          \
  }                                                                                       \
  const ::swin::base::Kernel<decltype(baseline::name)> name{&baseline::name, &avx2::name, \
                                                            &avx512::name};
#else
#define SWIN_KERNEL(name) \
  const ::swin::base::Kernel<decltype(baseline::name)> name{&baseline::name};
#endif
