#include "os/inherited_descriptors.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "os/interrupt.h"

namespace coldload::os {

namespace {

// Through syscall: glibc's wrapper needs 2.34.
void close_from_to(unsigned first, unsigned last) {
  if (first <= last) ::syscall(SYS_close_range, first, last, 0);
}

}  // namespace

void close_inherited_descriptors() {
  constexpr unsigned k_first = STDERR_FILENO + 1;
  // Its number would go to the next file that is opened, and a signal would be written into that.
  const int kept = interrupt_fd();
  if (kept < 0) return close_from_to(k_first, ~0U);
  close_from_to(k_first, static_cast<unsigned>(kept) - 1);
  close_from_to(static_cast<unsigned>(kept) + 1, ~0U);
}

}  // namespace coldload::os
