# `cmake --install build --prefix X`: the program, its man pages and completions, what is to be read
# with it, and the loader as a C library. Wheel, .deb and tarball hold just that (Package.cmake,
# pyproject.toml); the wheel has the library inside the Python package that uses it, the .deb has none.
#
# COLDLOAD_PREBUILT: a finished release build whose files are installed, where nothing is to be built.
set(built "${CMAKE_BINARY_DIR}")
if(COLDLOAD_PREBUILT)
  get_filename_component(built "${COLDLOAD_PREBUILT}" ABSOLUTE)
endif()

set(bin_directory bin)
set(share_directory share)
if(SKBUILD)  # a wheel: pip puts scripts on PATH, and data below the environment's prefix
  set(bin_directory "${SKBUILD_SCRIPTS_DIR}")
  set(share_directory "${SKBUILD_DATA_DIR}/share")
endif()

install(PROGRAMS "${built}/coldload" DESTINATION "${bin_directory}")
if(SKBUILD)
  install(FILES "${built}/libcoldload.so.1" DESTINATION "${SKBUILD_PLATLIB_DIR}/coldload")
else()
  install(FILES "${built}/libcoldload.so.1" "${built}/libcoldload.so" DESTINATION lib)
  install(FILES include/coldload.h DESTINATION include)
endif()
install(DIRECTORY "${built}/share/" DESTINATION "${share_directory}")
# What needs coldload's own libraries is for a checkout.
install(DIRECTORY examples DESTINATION "${share_directory}/doc/coldload" USE_SOURCE_PERMISSIONS
  PATTERN "CMakeLists.txt" EXCLUDE PATTERN "*.cc" EXCLUDE
  PATTERN "__pycache__" EXCLUDE)
install(FILES LICENSE README.md CHANGELOG.md "${built}/coldload.spdx" "${built}/coldload.notices"
  DESTINATION "${share_directory}/doc/coldload")
