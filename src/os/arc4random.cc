// Keeps the release binary at GLIBC_2.35, which Ubuntu 22.04 has.
//
// Debian 12's static libstdc++ uses arc4random (glibc 2.36) in std::random_device. This definition
// takes its place; src/CMakeLists.txt makes the linker look for it before libstdc++ asks.
#include <cstdint>
#include <cstdlib>

#include <sys/random.h>

extern "C" std::uint32_t arc4random() {
  std::uint32_t value = 0;
  // Four bytes never come short, and never EINTR once the kernel's pool is ready.
  if (::getrandom(&value, sizeof value, 0) != sizeof value) std::abort();
  return value;
}
