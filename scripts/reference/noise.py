"""The noise of a golden: the error that correct float32 code has.

A golden holds float64 results, and a float32 program is compared with it. The error of correct
float32 code depends on the order of its sums, which differs between CPUs and libraries. This is
simulated: the library computes in float32 after every weight and every pixel has moved to one of
its two neighboring float32 numbers. Noise is the largest error of RUNS such runs, measured as in
`swin verify`, divided by the tolerance. A golden whose noise is over LIMIT may fail on some CPU
although the code is correct. Among many seeds some look quiet in RUNS runs by chance, so a new seed
has to stay within the limit in SEARCH_RUNS runs.
"""
import numpy as np

RUNS, SEARCH_RUNS, LIMIT = 16, 128, 0.5
FORWARD_TOLERANCE, GRADIENT_TOLERANCE = 2e-5, 1e-4  # verify/golden.h


def moved(array, generator):
    """Every float32 becomes the next one above or below it, at random."""
    ends = np.array([-np.inf, np.inf], np.float32)
    return np.nextafter(array, ends[generator.integers(2, size=array.shape)])


def shares(expected, found):
    """{name: error ÷ tolerance} of the tensors of a golden, as in verify/golden.cpp.

    A tensor may be whole or `sample.<name>` with `max.<name>`, its largest absolute value.
    """
    result = {}
    for key, values in expected.items():
        name = key.removeprefix("sample.").removeprefix("max.")
        if found[key].shape != values.shape:  # another decision was made
            result[name] = np.inf
            continue
        largest = float(np.abs(expected.get("max." + name, values)).max(initial=0))
        error = float(np.abs(found[key].astype(np.float64) - values).max(initial=0))
        relative = error / largest if largest > 0 else error
        share = relative / (GRADIENT_TOLERANCE if name.startswith("grad.") else FORWARD_TOLERANCE)
        result[name] = max(share if np.isfinite(share) else np.inf, result.get(name, 0.0))
    return result


def measure(peer, images, compute, expected, runs=RUNS):
    """(error ÷ tolerance, name) of the tensor with the largest error. With more than RUNS runs, a
    search, it ends at the first error over the limit.

    compute(peer, images) returns the tensors in the form in which `expected` holds them.
    """
    weights, single = peer.weights(), peer.single()
    worst = (0.0, "")
    for run in range(runs):
        generator = np.random.default_rng(run)
        single.load({name: moved(value, generator) for name, value in weights.items()})
        found = shares(expected, compute(single, moved(images, generator)))
        worst = max(worst, max((share, name) for name, share in found.items()))
        if runs > RUNS and worst[0] > LIMIT:
            break
    return worst
