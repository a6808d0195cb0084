#include "run/reader.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/inherited_descriptors.h"
#include "run/copy_source.h"
#include "run/learn_start_set.h"
#include "run/read_checkpoint.h"
#include "run/read_start_set.h"
#include "run/reader_news.h"
#include "run/step_back.h"
#include "stage/stager.h"
#include "text/units.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

std::string remark_on(const stage::StageResult& result) {
  if (result.up_to_date) return "another coldload had made it";
  std::string remark = result.resumed_bytes == 0
                           ? ""
                           : fmt::format("{} were there from a copy that was cut off",
                                         text::format_bytes(result.resumed_bytes));
  const std::string left_out = stage::words_of(result.left_out);
  if (!remark.empty() && !left_out.empty()) remark += "; ";
  return remark + left_out;
}

// As `coldload stage` makes it, but out of the server's way and told as news; or waits for who
// makes it now. Ends the process where nobody listens any more: the next start goes on with what is
// there.
void copy_checkpoint(const ReaderJob& job, const NewsPipe& listener) {
  step_back();
  // Lets whoever waits know that it goes on.
  os::TimePoint told_at;
  std::uint64_t told_bytes = 0;
  const auto pulse = [&](const stage::CopyProgress& now) {
    if (!listener.is_heard()) ::_exit(EXIT_FAILURE);
    const os::TimePoint at = os::Clock::now();
    if (now.bytes == told_bytes || at < told_at + std::chrono::seconds(1)) return;
    listener.tell({Kind::copying, "", now.bytes});
    told_at = at;
    told_bytes = now.bytes;
  };
  try {
    stage::StageRequest request;
    CopySource source = copy_source(job.path, job.weights);
    request.source = std::move(source.directory);
    request.what.selection = std::move(source.selection);
    request.destination = job.copy;
    request.wait = true;  // for another server's start on this machine, or what a killed one holds
    const stage::StageResult result = stage::stage(request, {[](const std::string&) {}, pulse});
    if (result.interrupted) return listener.tell({Kind::not_copied, "interrupted"});
    listener.tell({Kind::copied, remark_on(result), result.copied_bytes, result.copy_s});
  } catch (const os::Error& error) {
    listener.tell({Kind::not_copied, error.what()});
  }
}

void read_all(const ReaderJob& job, const NewsPipe& listener) {
  std::optional<StartSetReading> start_set;
  if (!job.start_set.empty()) start_set.emplace(job.start_set, listener);
  if (job.reads_checkpoint) {
    read_checkpoint(job, start_set ? start_set->reader() : nullptr, listener);
  }
  if (start_set) start_set->wait();
}

}  // namespace

void run_reader(const ReaderJob& job) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What our caller's caller left open (a lock, a pipe) must not wait for a mount that hangs.
  os::close_inherited_descriptors();
  const NewsPipe listener(STDOUT_FILENO);
  if (job.learns) {
    learn_start_set(job, listener);
  } else if (job.copies) {
    copy_checkpoint(job, listener);
  } else {
    read_all(job, listener);
  }
  ::_exit(EXIT_SUCCESS);  // at once: threads may hang in the kernel
}

}  // namespace coldload::run
