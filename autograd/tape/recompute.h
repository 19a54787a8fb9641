// Computing a part of the forward again in the backward pass, instead of saving what it needs.
#pragma once
#include <functional>

#include "autograd/tape/tape.h"

namespace swin::autograd {

/// Returns segment(), of which the tape keeps only what the closure captures. When the backward
/// pass comes to it, the segment runs again, with recording, and its nodes take the place of this
/// one: values, gradients and the calls of an observer are those without recompute. Segments may
/// contain others. Without a tape it is segment().
/// @param segment must return the same bits each time (random draws are functions of counters, so
///     they do), and take inputs and parameters as they are: their gradients are found by the way.
///     A mode of the thread in which it ran, such as PlainOps, must hold in the backward pass, too.
/// Gradient: all that its ops use. Saves: the captures of `segment`.
/// Source: Chen et al. 2016, arXiv:1604.06174.
Tensor recompute(std::function<Tensor()> segment);

}  // namespace swin::autograd
