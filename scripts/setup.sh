#!/usr/bin/env bash
# Installs the packages of Debian 12 and 13 that the build, the demo and the tests need. It installs only missing ones,
# so a second call needs neither network nor root. On other systems it says what to install.
set -euo pipefail

packages=(
  g++ cmake ninja-build          # C++20 and the build
  libopenblas-openmp-dev         # matrix products
  libdnnl-dev                    # oneDNN: matrix products
  libhdf5-dev                    # checkpoints
  libssl-dev                     # SHA-256
  zlib1g-dev                     # gzip
  libseccomp-dev                 # the sandbox that reads third-party HDF5 files
  libarchive-dev                 # zip archives of PyTorch
  libturbojpeg0-dev libspng-dev  # images
  libwebp-dev libtiff-dev        # more images
  libexif-dev                    # their orientation
  libutf8proc-dev                # names of classes, composed
  nlohmann-json3-dev             # JSON
  libpugixml-dev                 # XML of Pascal VOC
  libyaml-cpp-dev                # YAML of YOLO sets
  libcli11-dev                   # the command line
  libgtest-dev libgmock-dev      # tests
  qemu-user                      # tests: the program on older processors
  dataset-fashion-mnist          # images for the demo
)
# Two scripts need more: fuzz.sh needs clang and libclang-rt-14-dev (libclang-rt-19-dev on Debian 13), check_bare.sh
# needs debootstrap and git.

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  cat >&2 <<'TEXT'
setup: found no Debian, expected Debian 12 or 13; install these with your package manager:
  a C++20 compiler (GCC 12 or newer), CMake 3.25 or newer, Ninja
  OpenBLAS, oneDNN 2.6 or newer, HDF5, OpenSSL, zlib, libarchive, libseccomp, TurboJPEG, libspng,
  libwebp, libtiff, libexif, libutf8proc, pugixml, yaml-cpp
  nlohmann_json 3.11, CLI11 2.1 or newer, GoogleTest with GoogleMock, qemu-x86_64 (user mode)
  Fashion-MNIST (the four *-ubyte.gz files), for the demo: FASHION_MNIST=/path/to/them ./scripts/demo.sh
The build says which of them it does not find.
TEXT
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "setup: everything is installed" >&2
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: ${#missing[@]} packages are missing and there is no sudo; as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
