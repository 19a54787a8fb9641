#!/usr/bin/env bash
# The demo: sets up, builds, trains a Swin Transformer on Fashion-MNIST, evaluates it on the 10,000 test images and
# classifies the images of docs/demo_images. `demo.sh dense` trains on scenes of several items instead: the box and the mask
# of each (Mask R-CNN), and the class of every pixel (UPerNet). A second run does not train again.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=/usr/bin:$PATH  # the system's cmake, not that of a Python environment
if [[ $# -gt 1 || ${1-dense} != dense ]]; then
  echo "demo.sh: found the arguments \"$*\", expected dense or none" >&2
  exit 2
fi

./scripts/setup.sh
source scripts/ccache.sh
cmake --preset release >/dev/null
cmake --build --preset release --target swin

swin=build/release/cli/swin
run=runs/fashion_mnist_demo
data=()
if [[ -n ${FASHION_MNIST-} ]]; then data=(--set "data.train.path=$FASHION_MNIST"); fi

if [[ ${1-} == dense ]]; then
  scenes=runs/dense_demo_scenes
  if [[ ! -d $scenes ]]; then
    $swin data convert configs/fashion_scenes_mask_rcnn.json "${data[@]}" --dataset validation \
      --set data.validation.samples=12 --output "$scenes"
  fi
  for name in fashion_scenes_mask_rcnn fashion_scenes_upernet; do
    echo
    echo "== swin train configs/$name.json"
    $swin train "configs/$name.json" "${data[@]}" --output "runs/$name"
    echo
    echo "== swin evaluate runs/$name/last.h5"
    $swin evaluate "runs/$name/last.h5"
    echo
    echo "== swin predict runs/$name/last.h5 $scenes/images/*.png --output runs/$name/drawn"
    $swin predict "runs/$name/last.h5" "$scenes"/images/*.png --output "runs/$name/drawn"
  done
  echo
  echo "The pictures are in runs/fashion_scenes_mask_rcnn/drawn and runs/fashion_scenes_upernet/drawn."
  exit 0
fi

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
echo "config.json (the config), evaluation/ (what is taken for what). A page about it: $swin report $run"
echo "Try another image: $swin predict $run/last.h5 IMAGE.png"
