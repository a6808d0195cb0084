#include "storage/read_ahead.h"

#include <csignal>
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/command.h"
#include "model/checkpoint.h"
#include "os/inherited_descriptors.h"
#include "os/interrupt.h"
#include "run/reader_process.h"
#include "stage/stager.h"
#include "storage/file_systems.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

using run::ReaderNews;
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
  const std::string line = run::to_line(news);
  // A line fits into the pipe; where nobody reads it any more, the next look says so.
  [[maybe_unused]] const auto put = ::write(STDOUT_FILENO, line.data(), line.size());
}

// Why reading ahead would not help; empty: it might.
std::string why_useless(const storage::PathInfo& info, const std::vector<std::string>& paths) {
  const std::string& type = info.mount.fs_type;
  if (info.cache == storage::CacheKind::memory_backed) {
    return fmt::format("{} is memory already", type);
  }
  if (!storage::opening_may_drop_pages(info.mount)) return "";
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

void read_files(const std::vector<std::string>& paths) {
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

// What is to be read where a copy may be, or be wanted.
struct CopyPlan {
  std::optional<std::vector<std::string>> copied;  // its files, where it is there and up to date
  std::string cannot;                              // why none is to be made, where none is
};

CopyPlan look_at_copy(const std::string& path, const std::string& copy) {
  try {
    const stage::Destination there = stage::look_at_copy(path, copy);
    if (there.found == stage::Found::absent) return {};
    if (there.found == stage::Found::other) {
      return {std::nullopt, fmt::format("it is there already, and {}; `coldload stage --replace` "
                                        "swaps it for a new copy",
                                        there.what)};
    }
    return {model::open_checkpoint(copy).paths_as_wanted(), ""};
  } catch (const os::Error& error) {
    return {std::nullopt, error.what()};
  }
}

// Why the server would gain by a copy made before it starts: what it reads itself, it reads again
// and again, or with fewer requests in flight than a copy.
std::string why_copy_first(const std::vector<std::string>& paths) {
  try {
    const storage::PathInfo info = storage::inspect_path(paths.back());
    if (info.cache == storage::CacheKind::memory_backed) return "";
    return why_useless(info, paths);
  } catch (const os::Error&) {
    return "";
  }
}

// `copy`: where a copy of it may be, or be wanted; empty: nowhere.
void read_checkpoint(const std::string& path, const std::string& copy) {
  try {
    const std::vector<std::string> paths = model::open_checkpoint(path).paths_as_wanted();
    const CopyPlan plan = copy.empty() ? CopyPlan() : look_at_copy(path, copy);
    if (plan.copied) {
      tell({Kind::has_copy, 0, false, 0, ""});
      return read_files(*plan.copied);
    }
    const bool wanted = !copy.empty() && plan.cannot.empty();
    const std::string reason = wanted ? why_copy_first(paths) : "";
    if (!reason.empty()) return tell({Kind::copy_first, 0, false, 0, reason});
    tell({Kind::found, 0, false, 0, ""});
    if (!plan.cannot.empty()) tell({Kind::not_copied, 0, false, 0, plan.cannot});
    read_files(paths);
  } catch (const os::Error& error) {
    tell({Kind::refused, 0, false, 0, error.what()});
  }
}

// Lets whoever waits know that it goes on.
class CopyPulse {
 public:
  void operator()(const stage::CopyProgress& now) {
    // Where nobody hears any more, the next start goes on with what is there.
    if (!is_heard()) ::_exit(k_exit_failed);
    const os::TimePoint at = os::Clock::now();
    if (now.bytes == told_bytes_ || at < told_at_ + std::chrono::seconds(1)) return;
    tell({Kind::copying, now.bytes, false, 0, ""});
    told_at_ = at;
    told_bytes_ = now.bytes;
  }

 private:
  os::TimePoint told_at_;
  std::uint64_t told_bytes_ = 0;
};

std::string remark_on(const stage::StageResult& result) {
  if (result.up_to_date) return "another coldload had made it";
  return result.resumed_bytes == 0 ? ""
                                   : fmt::format("{} were there from a copy that was cut off",
                                                 text::format_bytes(result.resumed_bytes));
}

void copy_checkpoint(const std::string& path, const std::string& copy) {
  step_back();
  try {
    stage::StageRequest request;
    request.source = path;
    request.destination = copy;
    request.wait = true;  // for another server's start on this machine, or what a killed one holds
    CopyPulse pulse;
    const stage::StageResult result = stage::stage(
        request, {[](const std::string&) {}, [&pulse](const auto& now) { pulse(now); }});
    if (result.interrupted) return tell({Kind::not_copied, 0, false, 0, "interrupted"});
    tell({Kind::copied, result.copied_bytes, false, result.copy_s, remark_on(result)});
  } catch (const os::Error& error) {
    tell({Kind::not_copied, 0, false, 0, error.what()});
  }
}

}  // namespace

// For `coldload run`: reads the checkpoint into the page cache, or copies it, and says so on
// stdout.
//   read-ahead PATH [COPY]    of PATH, or of COPY where that is an up-to-date copy
//   read-ahead --copy PATH COPY
int run_read_ahead(const std::vector<std::string>& args) {
  const bool copies = args.size() == 3 && args[0] == "--copy";
  if (!copies && args.size() != 1 && args.size() != 2) {
    throw UsageError("coldload read-ahead is what `coldload run` reads with: use that");
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What our caller's caller left open (a lock, a pipe) must not wait for a mount that hangs.
  os::close_inherited_descriptors();
  if (copies) {
    copy_checkpoint(args[1], args[2]);
  } else {
    read_checkpoint(args[0], args.size() == 2 ? args[1] : "");
  }
  // At once: threads may hang in the kernel.
  ::_exit(k_exit_ok);
}

}  // namespace coldload::cli
