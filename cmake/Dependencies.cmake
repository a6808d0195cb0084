# Third-party libraries, from Debian 12 or Ubuntu packages (script/bootstrap names them).
# All are linked statically, so that one binary can be copied to a machine that has none of them.
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.75 REQUIRED COMPONENTS json)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)

# Finds lib<name>.a and its header, as target coldload::<name>.
function(coldload_static_library name header)
  find_library(${name}_ARCHIVE "lib${name}.a")
  find_path(${name}_INCLUDE "${header}" PATH_SUFFIXES ${ARGN})
  if(NOT ${name}_ARCHIVE OR NOT ${name}_INCLUDE)
    message(FATAL_ERROR "lib${name}.a or ${header} not found; script/bootstrap installs the packages")
  endif()
  add_library(coldload::${name} STATIC IMPORTED)
  set_target_properties(coldload::${name} PROPERTIES IMPORTED_LOCATION "${${name}_ARCHIVE}")
  target_include_directories(coldload::${name} SYSTEM INTERFACE "${${name}_INCLUDE}")
endfunction()

# Of coldload-mpi alone, which is not built without it. Its C++ bindings are not used.
find_package(MPI QUIET COMPONENTS CXX)
if(MPI_CXX_FOUND)
  target_compile_definitions(MPI::MPI_CXX INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
else()
  message(STATUS "No MPI for C++ found (libopenmpi-dev, libmpich-dev): coldload-mpi is not built")
endif()

coldload_static_library(uring liburing.h)
coldload_static_library(re2 re2/re2.h)
target_link_libraries(coldload::re2 INTERFACE Threads::Threads)
coldload_static_library(fuse3 fuse_lowlevel.h fuse3)
target_link_libraries(coldload::fuse3 INTERFACE Threads::Threads dl)
coldload_static_library(cmark-gfm cmark-gfm.h)
coldload_static_library(cmark-gfm-extensions cmark-gfm-core-extensions.h)
target_link_libraries(coldload::cmark-gfm-extensions INTERFACE coldload::cmark-gfm)
coldload_static_library(crypto openssl/evp.h)
target_link_libraries(coldload::crypto INTERFACE Threads::Threads dl)
coldload_static_library(ssl openssl/ssl.h)
target_link_libraries(coldload::ssl INTERFACE coldload::crypto)
coldload_static_library(yaml-cpp yaml-cpp/yaml.h)

# Distributions have fmt as a shared library or as headers alone, with which a file of ours takes twice
# as long to compile.
add_library(coldload_fmt STATIC "${CMAKE_CURRENT_LIST_DIR}/fmt_archive.cc")
target_include_directories(coldload_fmt SYSTEM PUBLIC
  $<TARGET_PROPERTY:fmt::fmt-header-only,INTERFACE_INCLUDE_DIRECTORIES>)
add_library(coldload::fmt ALIAS coldload_fmt)
