#include "storage/read_ahead.h"

#include <csignal>
#include <cstdio>

#include <fmt/format.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/command.h"
#include "model/checkpoint.h"
#include "os/interrupt.h"
#include "serve/reader_process.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

using serve::ReaderNews;
using Kind = ReaderNews::Kind;

constexpr int k_look_every_ms = 100;

// Behind the server wherever there is a queue. Not in the idle class: a page that the server waits
// for may be one that we have asked for.
void step_back() {
  constexpr int k_nice = 10;
  [[maybe_unused]] const int nice = ::setpriority(PRIO_PROCESS, 0, k_nice);
  constexpr int k_lowest = 7;
  ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, k_lowest));
}

void tell(const ReaderNews& news) {
  const std::string line = serve::to_line(news);
  // A line fits into the pipe; where nobody reads it any more, the next look says so.
  [[maybe_unused]] const auto put = ::write(STDOUT_FILENO, line.data(), line.size());
}

// Why reading ahead would not help; empty: it might.
std::string why_useless(const storage::PathInfo& info, const std::vector<std::string>& paths) {
  const std::string& type = info.mount.fs_type;
  if (info.cache == storage::CacheKind::memory_backed) {
    return fmt::format("{} is memory already", type);
  }
  // Only our own stand-in is known to keep pages.
  if (type.rfind("fuse", 0) != 0 || type == "fuse.coldload") return "";
  try {
    if (!storage::reopening_drops_pages(paths.front()).value_or(false)) return "";
  } catch (const os::Error& error) {
    return fmt::format("the page cache of {} cannot be seen: {}", type, error.what());
  }
  return fmt::format(
      "{} drops a file's pages when it is opened again: what is read now is gone when the server "
      "opens it",
      type);
}

std::string words_of(const storage::ReadAheadOutcome& outcome) {
  using End = storage::ReadAheadOutcome::End;
  if (outcome.end == End::useless) return "what was read did not stay in memory: given up";
  if (!outcome.problem.empty()) return outcome.problem;
  return outcome.end == End::no_room ? "memory had no room for more" : "";
}

// Whether whoever started us is there to be told.
bool is_heard() {
  pollfd entry{STDOUT_FILENO, 0, 0};  // POLLERR comes unasked
  return ::poll(&entry, 1, 0) == 0;
}

void read_ahead(storage::ReadAhead& ahead) {
  const std::uint64_t total = ahead.file_bytes();
  const std::uint64_t absent = ahead.absent_bytes().value_or(total);
  const std::uint64_t room = ahead.room_bytes();
  if (absent == 0) {
    const std::string problem = ahead.outcome().problem;
    return tell(
        {Kind::useless, 0, false, 0, problem.empty() ? "all of it is in memory already" : problem});
  }
  constexpr std::uint64_t k_worth_reading = 1 << 20;
  if (room < std::min(total, k_worth_reading)) {
    return tell({Kind::useless, 0, false, 0, "memory has no room for it"});
  }
  std::string what_else;
  if (room < total) {
    what_else = fmt::format("memory has room for {} of its {}", text::format_bytes(room),
                            text::format_bytes(total));
  }
  tell({Kind::reading, std::min(absent, room), !ahead.absent_bytes(), 0, what_else});
  const os::TimePoint began = os::Clock::now();
  ahead.start();
  while (!ahead.wait_until(os::Clock::now() + std::chrono::milliseconds(k_look_every_ms))) {
    if (!is_heard() || os::interrupted()) break;
  }
  ahead.stop();
  const double seconds = os::seconds_between(began, os::Clock::now());
  const storage::ReadAheadOutcome outcome = ahead.outcome();
  tell({Kind::done, outcome.read_bytes, !ahead.absent_bytes(), seconds, words_of(outcome)});
}

void read_checkpoint(const std::string& path) {
  std::vector<std::string> paths;
  try {
    paths = model::open_checkpoint(path).paths_as_wanted();
  } catch (const os::Error& error) {
    return tell({Kind::refused, 0, false, 0, error.what()});
  }
  tell({Kind::found, 0, false, 0, ""});
  step_back();  // until now the launch waited
  try {
    const storage::PathInfo info = storage::inspect_path(paths.back());  // a shard
    const std::string reason = why_useless(info, paths);
    if (!reason.empty()) return tell({Kind::useless, 0, false, 0, reason});
    storage::ReadAheadOptions options;
    constexpr std::uint64_t k_least_window_kib = 128;
    options.window_bytes = std::clamp<std::uint64_t>(info.readahead_kib.value_or(0),
                                                     k_least_window_kib, options.piece_bytes >> 10)
                           << 10;
    options.must_stay = info.cache == storage::CacheKind::page_cache;
    storage::ReadAhead ahead(paths, options);
    read_ahead(ahead);
  } catch (const os::Error& error) {
    tell({Kind::useless, 0, false, 0, error.what()});
  }
}

}  // namespace

// For `coldload run`: reads the checkpoint into the page cache and says so on stdout.
int run_read_ahead(const std::vector<std::string>& args) {
  if (args.size() != 1) {
    throw UsageError("coldload read-ahead is what `coldload run` reads with: use that");
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What our caller's caller left open (a lock, a pipe) must not wait for a mount that hangs.
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
  read_checkpoint(args[0]);
  // At once: threads may hang in the kernel.
  ::_exit(k_exit_ok);
}

}  // namespace coldload::cli
