#include "run/reader.h"

#include <csignal>
#include <cstdlib>

#include <sys/prctl.h>
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

}  // namespace coldload::run
