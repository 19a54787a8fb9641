#!/usr/bin/env bash
# Sets up, builds (preset release) and runs all tests. With --sanitize, as in continuous integration, it first runs the
# fast tests under the address and undefined-behavior sanitizers (preset sanitize), then all tests of a build in which
# warnings are errors (preset ci).
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=/usr/bin:$PATH  # the system's cmake, not that of a Python environment

sanitize=no
preset=release
for argument in "$@"; do
  case $argument in
    --sanitize)
      sanitize=yes
      preset=ci
      ;;
    *)
      echo "test.sh: found the argument \"$argument\", expected --sanitize or none" >&2
      exit 2
      ;;
  esac
done

./scripts/setup.sh
source scripts/ccache.sh

if [[ $sanitize == yes ]]; then
  cmake --preset sanitize
  cmake --build --preset sanitize
  ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 ctest --preset sanitize -L fast -j2
fi
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" -j2
