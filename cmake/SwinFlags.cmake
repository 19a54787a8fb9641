# Flags of every target. No -ffast-math: it would reorder sums and drop NaN checks.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # GCC vector types
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")  # kernels have -O3 (SwinRooms.cmake)

add_library(swin_flags INTERFACE)
target_compile_options(swin_flags INTERFACE
  -ffp-contract=off -fno-math-errno -fno-trapping-math
  -Wall -Wextra -Wshadow -Wno-psabi
  -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)  # GCC 12 is wrong on "…" + std::string and on moved ones
target_include_directories(swin_flags INTERFACE "${PROJECT_SOURCE_DIR}")
if(SWIN_WERROR)
  target_compile_options(swin_flags INTERFACE -Werror)
endif()

# The instruction sets that kernels are compiled for (base/isa.h), and their flags. All else is built for any processor
# of the architecture.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(SWIN_ISAS baseline avx2 avx512)
  set(SWIN_FLAGS_baseline -march=x86-64-v2)
  set(SWIN_FLAGS_avx2 -march=x86-64-v3)
  set(SWIN_FLAGS_avx512 -march=x86-64-v4)
else()
  set(SWIN_ISAS baseline)
endif()
if(SWIN_SANITIZE)
  # Not checked: null, object-size and alignment, which the address sanitizer or the processor sees when it matters and which are a third of what
  # compiling costs; vptr, which compares type names by address: objects of an instruction set have their own (-fno-weak).
  target_compile_options(swin_flags INTERFACE -fsanitize=${SWIN_SANITIZE} -fno-sanitize=null,object-size,alignment,vptr
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(swin_flags INTERFACE -fsanitize=${SWIN_SANITIZE})
endif()
