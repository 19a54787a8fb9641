# swin_room(NAME SOURCES … LINKS … PRIVATE_LINKS …)   a room: one static library with one-way links.
# swin_engine_room(same)   a room made twice, NAME with real = float and NAME_double with real = double.
#   A link to another engine room means the twin of the same precision.
include(GoogleTest)
set_property(GLOBAL PROPERTY SWIN_ENGINE_ROOMS "")

function(swin_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC swin_flags ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
endfunction()

function(swin_engine_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  swin_room(${name} ${ARGN})
  set_property(GLOBAL APPEND PROPERTY SWIN_ENGINE_ROOMS ${name})
  get_property(engine_rooms GLOBAL PROPERTY SWIN_ENGINE_ROOMS)
  set(links "")
  foreach(link IN LISTS ARG_LINKS)
    if(link IN_LIST engine_rooms)
      list(APPEND links ${link}_double)
    else()
      list(APPEND links ${link})
    endif()
  endforeach()
  swin_room(${name}_double SOURCES ${ARG_SOURCES} LINKS ${links} PRIVATE_LINKS ${ARG_PRIVATE_LINKS})
  target_compile_definitions(${name}_double PUBLIC SWIN_REAL_DOUBLE=1)
endfunction()

# What every test includes, parsed once: GoogleTest and the standard library are most of what compiling a test
# costs, and optimizing its one pass most of the rest. What is tested keeps its own flags.
function(swin_test_headers)
  # An executable, because its flags must be those of the tests; nothing else needs it.
  add_executable(swin_test_headers EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/support/precompiled.cpp")
  target_link_libraries(swin_test_headers PRIVATE swin_flags GTest::gtest GTest::gmock)
  target_compile_options(swin_test_headers PRIVATE -O1 -fpch-preprocess)  # the second for ccache
  target_precompile_headers(swin_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <algorithm> <array> <cmath>
    <cstdint> <cstring> <filesystem> <fstream> <functional> <limits> <map> <memory> <numeric> <optional> <set> <span>
    <sstream> <string> <vector>)
endfunction()

# swin_test(NAME LABEL fast|slow SOURCES … LINKS …)   one GoogleTest binary; each of its cases is a ctest.
function(swin_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gtest GTest::gmock GTest::gtest_main)
  # GCC 12 at -O1: these two are wrong on std::string + "…".
  target_compile_options(${name} PRIVATE -O1 -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow)
  target_precompile_headers(${name} REUSE_FROM swin_test_headers)
  target_compile_definitions(${name} PRIVATE SWIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    SWIN_PROGRAM="$<TARGET_FILE:swin>")
  add_dependencies(${name} swin)
  # Several tests share the cores: a thread that waits must not spin.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 240 ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
endfunction()
