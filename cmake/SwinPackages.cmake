# Every package the build needs, each found once. A missing one is named with the command that installs it.
# Nothing is downloaded.
function(swin_missing what debian_package)
  message(FATAL_ERROR "swin: ${what} was not found; install it with: sudo apt-get install ${debian_package} "
    "(or run scripts/setup.sh, which installs everything)")
endfunction()

function(swin_find_library target what debian_package header)
  cmake_parse_arguments(ARG "" "" "NAMES;HEADER_DIRS;LIBRARY_DIRS" ${ARGN})
  find_path(${target}_INCLUDE ${header} PATH_SUFFIXES ${ARG_HEADER_DIRS})
  find_library(${target}_LIBRARY NAMES ${ARG_NAMES} PATH_SUFFIXES ${ARG_LIBRARY_DIRS})
  if(NOT ${target}_INCLUDE OR NOT ${target}_LIBRARY)
    swin_missing("${what}" ${debian_package})
  endif()
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE "${${target}_INCLUDE}")
  target_link_libraries(${target} INTERFACE "${${target}_LIBRARY}")
endfunction()

if(NOT SWIN_FUZZ)  # clang may be without; the readers do not need it
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(NOT OpenMP_CXX_FOUND)
    swin_missing("OpenMP for C++" g++)
  endif()
endif()
find_package(Threads REQUIRED)

swin_find_library(swin_openblas "OpenBLAS" libopenblas-openmp-dev cblas.h
  NAMES openblas HEADER_DIRS x86_64-linux-gnu openblas x86_64-linux-gnu/openblas-openmp
  LIBRARY_DIRS openblas-openmp openblas-pthread)
swin_find_library(swin_dnnl "oneDNN" libdnnl-dev dnnl.hpp NAMES dnnl)
swin_find_library(swin_hdf5 "HDF5" libhdf5-dev hdf5.h
  NAMES hdf5_serial hdf5 HEADER_DIRS hdf5/serial LIBRARY_DIRS hdf5/serial)
swin_find_library(swin_crypto "OpenSSL" libssl-dev openssl/evp.h NAMES crypto)
swin_find_library(swin_turbojpeg "TurboJPEG" libturbojpeg0-dev turbojpeg.h NAMES turbojpeg)
swin_find_library(swin_spng "libspng" libspng-dev spng.h NAMES spng)
swin_find_library(swin_webp "libwebp" libwebp-dev webp/decode.h NAMES webp)
swin_find_library(swin_webpdemux "libwebpdemux" libwebp-dev webp/demux.h NAMES webpdemux)
swin_find_library(swin_exif "libexif" libexif-dev libexif/exif-data.h NAMES exif)
swin_find_library(swin_zlib "zlib" zlib1g-dev zlib.h NAMES z)
swin_find_library(swin_seccomp "libseccomp" libseccomp-dev seccomp.h NAMES seccomp)
swin_find_library(swin_tiff "libtiff" libtiff-dev tiffio.h NAMES tiff)
swin_find_library(swin_utf8proc "libutf8proc" libutf8proc-dev utf8proc.h NAMES utf8proc)
swin_find_library(swin_archive "libarchive" libarchive-dev archive.h NAMES archive)

find_package(CLI11 QUIET)
if(NOT CLI11_FOUND)
  swin_missing("CLI11" libcli11-dev)
endif()
find_package(nlohmann_json QUIET)
if(NOT nlohmann_json_FOUND)
  swin_missing("nlohmann_json" nlohmann-json3-dev)
endif()
if(SWIN_TESTS)
  find_package(GTest QUIET)
  if(NOT GTest_FOUND)
    swin_missing("GoogleTest" "libgtest-dev libgmock-dev")
  endif()
endif()
