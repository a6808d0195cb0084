// libcoldload.so: the functions that api/c_api.cc defines, which the linker is told to take
// (src/CMakeLists.txt). A library has to have a file of its own.
