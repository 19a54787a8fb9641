#!/usr/bin/env python3
"""The random number generator of swin.cpp (docs/numerics.md) in Python. Prints the values of tests/base/random_test.cpp."""
M = 2**32 - 1


def hash_name(name):  # FNV-1a, 64 bits
    h = 14695981039346656037
    for byte in name.encode():
        h = (h ^ byte) * 1099511628211 % 2**64
    return h


def mix(x):  # the finalizer of splitmix64
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def philox(c, k):  # Philox4x32-10
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [q >> 32 ^ c[1] ^ k[0], q & M, p >> 32 ^ c[3] ^ k[1], p & M]
        k = [(k[0] + 0x9E3779B9) & M, (k[1] + 0xBB67AE85) & M]
    return c


def bits(seed, name, step, sample, element):
    key, block = mix(seed ^ mix(hash_name(name))), element // 4
    high = (step >> 32 << 16 ^ sample >> 32 ^ block >> 32 << 8) & M
    return philox([block & M, sample & M, step & M, high], [key & M, key >> 32])[element % 4]


def uniform(*draw):
    return (bits(*draw) >> 8) * 2.0**-24


DRAWS = [(0, "", 0, 0, 0), (7, "layers.0.blocks.1/drop_path", 3, 11, 0), (7, "layers.0.blocks.1/drop_path", 3, 11, 6),
         (42, "head.weight", 0, 0, 76799), (2**40 + 5, "data/shuffle", 2**33 + 1, 2**34 + 3, 2**36 + 2)]

if __name__ == "__main__":
    for draw in DRAWS:
        seed, name, step, sample, element = draw
        print(f'    {{{seed}ull, "{name}", {step}ull, {sample}ull, {element}ull, 0x{bits(*draw):08x}u, {uniform(*draw)!r}}},')
