"""Generated weights, inputs and targets: functions of (seed, name), equal to those of
weights/generated_weights.cpp to the bit (docs/numerics.md, "Generated weights"). random_twin.py is
the same generator for single draws; here numpy draws whole tensors."""
import math

import numpy as np

from random_twin import hash_name, mix

WORD = np.uint64(32)
LOW = np.uint64(2**32 - 1)
BLOCKS = 1 << 20  # blocks drawn at a time, to limit memory


def philox_blocks(key, first, count):
    """(count, 4) uint32 words of blocks first … first + count − 1 at step 0, sample 0."""
    block = np.arange(first, first + count, dtype=np.uint64)
    c0, c1, c2 = block & LOW, np.zeros_like(block), np.zeros_like(block)
    c3 = (block >> WORD) << np.uint64(8) & LOW
    k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = q >> WORD ^ c1 ^ k0, q & LOW, p >> WORD ^ c3 ^ k1, p & LOW
        k0, k1 = k0 + np.uint64(0x9E3779B9) & LOW, k1 + np.uint64(0xBB67AE85) & LOW
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def words(seed, stream, count):
    """The 32-bit words of elements 0 … count − 1 of a stream."""
    key = mix(seed ^ mix(hash_name(stream)))
    blocks = -(-count // 4)
    parts = [philox_blocks(key, first, min(BLOCKS, blocks - first)).reshape(-1)
             for first in range(0, blocks, BLOCKS)]
    return np.concatenate(parts)[:count] if parts else np.empty(0, np.uint32)


def centered(seed, stream, count):
    """v = 2u − 1 in [−1, 1), float64 (exact)."""
    return (words(seed, stream, count) >> 8).astype(np.float64) * 2.0**-24 * 2 - 1


def weight(seed, name, shape):
    """The generated values of a parameter of this official name and shape, float32."""
    count = math.prod(shape)
    v = centered(seed, name, count)
    leaf = name.rsplit(".", 1)[-1]
    if leaf in ("relative_position_bias_table", "cls_token", "pos_embed", "absolute_pos_embed",
                "mask_token"):
        values = v
    elif leaf == "logit_scale":
        values = 2.302585092994046 + 1.5 * v
    elif len(shape) == 1:
        values = 1 + 0.3 * v if leaf in ("weight", "running_var") else 0.3 * v
    else:
        size = 2.0 if "qkv" in name else 1.0
        values = v * math.sqrt(3.0) * size / math.sqrt(count // shape[0])
    return values.astype(np.float32).reshape(shape)


def images(seed, shape, stream="input"):
    """(B, C, H, W) float32 with standard deviation 1."""
    values = centered(seed, stream, math.prod(shape)) * math.sqrt(3.0)
    return values.astype(np.float32).reshape(shape)


def labels(seed, count, classes, stream="target"):
    return (words(seed, stream, count) % np.uint32(classes)).astype(np.int64)


def sample_indices(seed, tensor, numel, most=256):
    """Flat indices of the elements that a large golden holds of a tensor."""
    return (words(seed, "sample/" + tensor, min(numel, most)) % np.uint32(numel)).astype(np.int64)


def fnv(array):
    """FNV-1a over the 32-bit words of float32 values: a hash of the tensor."""
    h = 14695981039346656037
    for word in array.reshape(-1).view(np.uint32).tolist():
        h = (h ^ word) * 1099511628211 % 2**64
    return h


CASES = [("layers.0.blocks.1.attn.qkv.weight", (36, 12)), ("layers.1.blocks.0.attn.qkv.bias", (9,)),
         ("patch_embed.proj.weight", (5, 3, 4, 4)), ("norm.weight", (7,)),
         ("layers.0.blocks.0.attn.relative_position_bias_table", (49, 3)),
         ("layers.0.blocks.0.attn.logit_scale", (6, 1, 1)), ("encoder.mask_token", (1, 1, 8)),
         ("pos_embed", (1, 5, 8)), ("layers.0.blocks.0.attn.q_bias", (11,)),
         ("head.weight", (97, 1500))]

if __name__ == "__main__":  # prints the rows of tests/weights/generated_weights_test.cpp
    for case, dims in CASES:
        values = weight(7, case, dims)
        shape = ", ".join(str(dim) for dim in dims)
        last = float(values.reshape(-1)[-1])
        print(f'    {{"{case}", {{{shape}}}, {last.hex()}f, 0x{fnv(values):016x}ull}},')
    print(f"images 0x{fnv(images(7, (1, 3, 5, 7))):016x}ull")
    print("labels", labels(7, 8, 10).tolist())
    print("indices", sample_indices(7, "grad.head.weight", 145500)[:6].tolist())
