#!/usr/bin/env bash
# The demo: sets up, builds, trains a Swin Transformer on Fashion-MNIST, evaluates it on the 10,000 test images and
# classifies the images of docs/demo_images. A second run does not train again.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=/usr/bin:$PATH  # the system's cmake, not that of a Python environment

./scripts/setup.sh
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}; fi
cmake --preset release >/dev/null
cmake --build --preset release --target swin

swin=build/release/cli/swin
run=runs/fashion_mnist_demo
data=()
if [[ -n ${FASHION_MNIST-} ]]; then data=(--set "data.train.path=$FASHION_MNIST"); fi

echo
echo "== swin train configs/fashion_mnist_demo.json"
start=$SECONDS
$swin train configs/fashion_mnist_demo.json "${data[@]}" --output "$run"
trained=$((SECONDS - start))

echo
echo "== swin evaluate $run/last.h5"
$swin evaluate "$run/last.h5"

echo
echo "== swin predict $run/last.h5 docs/demo_images/*.png"
$swin predict "$run/last.h5" docs/demo_images/*.png --top-k 2

echo
echo "Training took $trained s. The results are in $run: last.h5 (the model), log.jsonl (every logged step),"
echo "config.json (the config). Try another image: $swin predict $run/last.h5 IMAGE.png"
