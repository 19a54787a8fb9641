// The number type of the engine: float to train, double in the twin build that proves gradients.
#pragma once

namespace swin {
#ifdef SWIN_REAL_DOUBLE
using real = double;
#else
using real = float;
#endif
}  // namespace swin
