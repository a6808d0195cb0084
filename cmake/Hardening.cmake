# The release binary may run as root beside other people's work: what the compiler, the linker and the
# C library can do against a mistake of ours, they do (tests/system/test_binary.py looks).
if(COLDLOAD_SANITIZE OR NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  return()
endif()

# Not CMake's POSITION_INDEPENDENT_CODE, which compiles an archive as for a shared library: for those
# alone that libcoldload.so is made of.
add_compile_options($<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>:-fPIE>)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)

# Distributions give some of these by themselves, and not the same: -U first, or a level of theirs
# would be defined twice. Level 3 needs g++ 12; clang 14 takes it for 2.
add_compile_options(
  -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
  -D_GLIBCXX_ASSERTIONS
  -fstack-protector-strong -fstack-clash-protection)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
