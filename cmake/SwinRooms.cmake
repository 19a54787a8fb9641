# swin_room(NAME SOURCES … VECTOR_SOURCES … LINKS … PRIVATE_LINKS …)   a room: one static library with one-way links.
#   VECTOR_SOURCES are compiled once for each instruction set (base/isa.h).
# swin_engine_room(same)   a room made twice, NAME with real = float and NAME_double with real = double.
#   A link to another engine room means the twin of the same precision.
include(GoogleTest)
set_property(GLOBAL PROPERTY SWIN_ENGINE_ROOMS "")

# Compiles sources once for each instruction set, with SWIN_ISA as its name, and adds the objects to the target.
# -fno-weak: what GCC does not inline of std:: and base:: stays in its object. As weak symbols the linker would keep
# one copy for all, perhaps that of AVX-512, which other processors cannot run.
# Without optimization, as in the presets debug and sanitize, the tests would spend their time in these loops.
set_property(GLOBAL PROPERTY SWIN_VECTOR_TARGETS "")
function(swin_vector_sources target)
  foreach(isa IN LISTS SWIN_ISAS)
    set(objects ${target}_${isa})
    add_library(${objects} OBJECT ${ARGN})
    target_link_libraries(${objects} PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
    target_compile_definitions(${objects} PRIVATE SWIN_ISA=${isa} $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
    target_compile_options(${objects} PRIVATE ${SWIN_FLAGS_${isa}} -fno-weak $<IF:$<CONFIG:Release>,-O3,-O1>)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    set_property(GLOBAL APPEND PROPERTY SWIN_VECTOR_TARGETS ${objects})
  endforeach()
  target_compile_definitions(${target}_baseline PRIVATE SWIN_ISA_IS_BASELINE=1)
endfunction()

# The headers of the standard library that most sources include, parsed once: a quarter of what compiling a source costs.
# Sources include what they use all the same: -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds without.
set(SWIN_PRECOMPILED_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <limits>
  <map> <memory> <numeric> <optional> <set> <span> <sstream> <string> <string_view> <utility> <variant> <vector>)
add_library(swin_headers OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp")
target_link_libraries(swin_headers PRIVATE swin_flags)
target_compile_options(swin_headers PRIVATE -fpch-preprocess)  # for ccache
target_precompile_headers(swin_headers PRIVATE ${SWIN_PRECOMPILED_HEADERS})

# The flags must be those of swin_headers: not in swin_base, which has OpenMP's. Clang insists on equal macros, too.
function(swin_precompile_headers room)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT room MATCHES "^swin_(base|test_.*)$")
    target_compile_options(${room} PRIVATE -fpch-preprocess)
    target_precompile_headers(${room} REUSE_FROM swin_headers)
  endif()
endfunction()

function(swin_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;VECTOR_SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC swin_flags ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
  swin_precompile_headers(${name})
  if(ARG_VECTOR_SOURCES)
    swin_vector_sources(${name} ${ARG_VECTOR_SOURCES})
  endif()
endfunction()

function(swin_engine_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;VECTOR_SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  swin_room(${name} ${ARGN})
  set_property(GLOBAL APPEND PROPERTY SWIN_ENGINE_ROOMS ${name})
  get_property(engine_rooms GLOBAL PROPERTY SWIN_ENGINE_ROOMS)
  if(NOT SWIN_DOUBLE)
    return()
  endif()
  set(links "")
  foreach(link IN LISTS ARG_LINKS)
    if(link IN_LIST engine_rooms)
      list(APPEND links ${link}_double)
    else()
      list(APPEND links ${link})
    endif()
  endforeach()
  swin_room(${name}_double SOURCES ${ARG_SOURCES} VECTOR_SOURCES ${ARG_VECTOR_SOURCES} LINKS ${links}
    PRIVATE_LINKS ${ARG_PRIVATE_LINKS})
  target_compile_definitions(${name}_double PUBLIC SWIN_REAL_DOUBLE=1)
endfunction()

# Under sanitizers -Og: it compiles in two thirds of the time, and most of what runs is not the tests' own code.
set(SWIN_TEST_OPTIMIZATION -O1)
if(SWIN_SANITIZE)
  set(SWIN_TEST_OPTIMIZATION -Og)
endif()

# What every test includes, parsed once: GoogleTest and the standard library are most of what compiling a test
# costs, and optimizing its one pass most of the rest. What is tested keeps its own flags.
function(swin_test_headers)
  # An executable, because its flags must be those of the tests; nothing else needs it.
  add_executable(swin_test_headers EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp")
  target_link_libraries(swin_test_headers PRIVATE swin_flags GTest::gtest GTest::gmock)
  target_compile_options(swin_test_headers PRIVATE ${SWIN_TEST_OPTIMIZATION} -fpch-preprocess)  # the second for ccache
  target_precompile_headers(swin_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> ${SWIN_PRECOMPILED_HEADERS})
endfunction()

# swin_test(NAME LABEL fast|slow SOURCES … LINKS …)   one GoogleTest binary; each of its cases is a ctest.
#   Those of the engine in double end in _double. Under sanitizers there are no slow ones.
function(swin_test name)
  if(name MATCHES "_double$" AND NOT SWIN_DOUBLE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LINKS" ${ARGN})
  if(SWIN_SANITIZE AND ARG_LABEL STREQUAL "slow")
    return()  # too slow to run there
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} swin_test_places GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE ${SWIN_TEST_OPTIMIZATION} -fpch-preprocess)
  target_precompile_headers(${name} REUSE_FROM swin_test_headers)
  add_dependencies(${name} swin)
  # Several tests share the cores: a thread that waits must not spin.
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 240 ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
endfunction()
