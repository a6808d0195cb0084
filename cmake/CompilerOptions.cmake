# Warnings, sanitizers and ccache: the same for every target of ours.
find_program(CCACHE ccache)
if(CCACHE)
  # A clone finds what another has compiled; the last is what precompiled headers
  # (Precompiled.cmake) ask of it.
  set(CMAKE_CXX_COMPILER_LAUNCHER env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE}")
endif()

find_package(Threads REQUIRED)

add_library(coldload_options INTERFACE)
target_compile_options(coldload_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Werror)
# g++ 12 sees overlapping copies in `const char* + std::string` (GCC bug 105651): a false alarm.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(coldload_options INTERFACE -Wno-restrict)
endif()
target_include_directories(coldload_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_definitions(coldload_options INTERFACE _FILE_OFFSET_BITS=64 _GNU_SOURCE)
target_link_libraries(coldload_options INTERFACE Threads::Threads)

if(COLDLOAD_SANITIZE)
  # -g1: the lines of a stack trace, without the variables, which nobody reads there.
  add_compile_options(
    -fsanitize=${COLDLOAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${COLDLOAD_SANITIZE})
  if(COLDLOAD_SANITIZE STREQUAL "thread")
    # g++ 12 warns that fences are not modelled by TSan, in library headers too.
    add_compile_options(-Wno-tsan)
  endif()
endif()
