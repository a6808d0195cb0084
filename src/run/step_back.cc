#include "run/step_back.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldload::run {

// Not in the idle class: a page that the server waits for may be one that we have asked for.
void step_back() {
  constexpr int k_nice = 10;
  [[maybe_unused]] const int nice = ::setpriority(PRIO_PROCESS, 0, k_nice);
  constexpr int k_lowest = 7;
  ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, k_lowest));
}

}  // namespace coldload::run
