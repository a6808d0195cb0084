# The same commit gives the same bytes, wherever its source and its build lie (script/reproduce shows
# it): no name of a folder of this machine gets into an object. The last that matches holds.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
endif()
