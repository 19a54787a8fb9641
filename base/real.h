// The floating-point type of the engine: float for training. The tests also build the same
// sources with double: it shows errors in gradients that float's rounding would hide.
#pragma once

namespace swin {
#ifdef SWIN_REAL_DOUBLE
using real = double;
#else
using real = float;
#endif
}  // namespace swin
