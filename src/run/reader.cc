#include "run/reader.h"

#include <csignal>
#include <cstdlib>

#include <linux/ioprio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/inherited_descriptors.h"
#include "run/copy_checkpoint.h"
#include "run/read_checkpoint.h"
#include "run/reader_news.h"

namespace coldload::run {

void run_reader(const ReaderJob& job) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What our caller's caller left open (a lock, a pipe) must not wait for a mount that hangs.
  os::close_inherited_descriptors();
  const NewsPipe listener(STDOUT_FILENO);
  if (job.copies) {
    copy_checkpoint(job.path, job.copy, listener);
  } else {
    read_checkpoint(job.path, job.copy, listener);
  }
  ::_exit(EXIT_SUCCESS);  // at once: threads may hang in the kernel
}

// Not in the idle class: a page that the server waits for may be one that we have asked for.
void step_back() {
  constexpr int k_nice = 10;
  [[maybe_unused]] const int nice = ::setpriority(PRIO_PROCESS, 0, k_nice);
  constexpr int k_lowest = 7;
  ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, k_lowest));
}

}  // namespace coldload::run
