#!/usr/bin/env bash
# Fuzzes the readers of weight files, images and data sets, one after the other, under the address and
# undefined-behavior sanitizers.
#   scripts/fuzz.sh [--minutes N] [TARGET…]      targets: those of `all` below (default: all)
# Needs clang and libclang-rt-14-dev (libclang-rt-19-dev on Debian 13). New inputs are written to build/fuzz/corpus,
# crashes to build/fuzz/crashes (the script then ends with an error). The seeds are in fuzz/corpus/TARGET; those of
# third_party_hdf5 are tests/files/hdf5.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=/usr/bin:$PATH

all=(safetensors pickle torch_file checkpoint jpeg png webp bmp tiff exif label_png tar manifest file_list
  cifar mnist packed packed_tables webdataset coco_file run_lengths geometry voc_annotation yolo_labels yolo_data_file hub_config third_party_hdf5 third_party_hdf5_answers)
minutes=10
targets=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --minutes) minutes=${2:?fuzz.sh: --minutes needs a number}; shift 2 ;;
    *)
      if [[ " ${all[*]} " != *" $1 "* ]]; then
        echo "fuzz.sh: found the argument \"$1\", expected --minutes N or one of: ${all[*]}" >&2
        exit 2
      fi
      targets+=("$1"); shift
      ;;
  esac
done
[[ ${#targets[@]} -gt 0 ]] || targets=("${all[@]}")

build=${SWIN_FUZZ_BUILD:-build/fuzz}
cmake --preset fuzz -B "$build"
cmake --build "$build"

failed=0
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target" "$build/crashes"
  log="$build/$target.log"
  seeds=fuzz/corpus/$target
  [[ $target != third_party_hdf5 ]] || seeds=tests/files/hdf5
  echo "fuzz: $target for $minutes minutes" >&2
  # No input of 64 KB may cause an allocation of more than 64 MB.
  if ! "$build/fuzz/fuzz_$target" -max_total_time=$((minutes * 60)) -max_len=65536 -timeout=10 -malloc_limit_mb=64 \
      -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/crashes/$target-" \
      "$build/corpus/$target" "$seeds" >"$log" 2>&1; then
    echo "fuzz: $target FAILED, see $log and $build/crashes" >&2
    grep -E 'ERROR|runtime error|SUMMARY' "$log" >&2 || true
    failed=1
    continue
  fi
  grep -E '^#[0-9]+' "$log" | tail -1 >&2
  grep -E 'number_of_executed_units' "$log" >&2
done
exit $failed
