# `cpack -G DEB` in the build directory: script/package calls it.
set(CPACK_PACKAGE_NAME coldload)
set(CPACK_PACKAGE_VENDOR coldload)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "measure what it costs to cold-load a model from storage")
set(CPACK_PACKAGE_CONTACT "coldload maintainers <maintainers@coldload.invalid>")
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
# Nothing but glibc, which dpkg-shlibdeps finds with the version that the symbols ask for.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# fusermount3, with which others than root mount a stand-in.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS fuse3)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"coldload launches an inference server, or its own loader, from each storage
path that a model can be read from, proves in every run that the weights came
from storage and not from memory, and measures launch to ready.
.
It writes a CSV, raw records and a report with a verdict for notebooks,
internal services and user-facing endpoints.")
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_SOURCE_DIR}/cmake/DebianLayout.cmake")
include(CPack)
