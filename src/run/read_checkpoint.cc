#include "run/read_checkpoint.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "model/checkpoint.h"
#include "model/hub_cache.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/memory.h"
#include "run/copy_source.h"
#include "run/page_cache_bound.h"
#include "run/step_back.h"
#include "stage/stager.h"
#include "storage/file_systems.h"
#include "storage/page_cache.h"
#include "storage/path_info.h"
#include "storage/read_ahead.h"
#include "text/units.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

std::string words_of(const storage::ReadAheadOutcome& outcome) {
  using End = storage::ReadAheadOutcome::End;
  if (outcome.end == End::useless) return "what was read did not stay in memory: given up";
  if (!outcome.problem.empty()) return outcome.problem;
  if (outcome.end == End::no_room) return "memory had no room for more";
  return outcome.streams == 1U ? "one stream of each file at a time" : "";
}

void read_absent(storage::ReadAhead& ahead, const PageCacheBound& bound, const NewsPipe& listener) {
  const std::uint64_t total = ahead.file_bytes();
  const std::uint64_t absent = ahead.absent_bytes().value_or(total);
  const std::uint64_t room = ahead.room_bytes();
  if (absent == 0) {
    const std::string problem = ahead.outcome().problem;
    return listener.tell(
        {Kind::useless, problem.empty() ? "all of it is in memory already" : problem});
  }
  constexpr std::uint64_t k_worth_reading = 1 << 20;
  if (room < std::min(total, k_worth_reading)) {
    return listener.tell({Kind::useless, bound.bytes ? bound.why : "memory has no room for it"});
  }
  std::string what_else = bound.why;
  if (room < total) {
    what_else = fmt::format("{}{}memory has room for {} of its {}", bound.why,
                            bound.why.empty() ? "" : ": ", text::format_bytes(room),
                            text::format_bytes(total));
  }
  const bool at_most = !ahead.absent_bytes();
  listener.tell({Kind::reading, what_else, std::min(absent, room), 0, at_most});
  const os::TimePoint began = os::Clock::now();
  ahead.start();
  constexpr std::chrono::milliseconds k_look_every{100};
  while (!ahead.wait_until(os::Clock::now() + k_look_every)) {
    if (!listener.is_heard() || os::interrupted()) break;
  }
  ahead.stop();
  const double seconds = os::seconds_between(began, os::Clock::now());
  const storage::ReadAheadOutcome outcome = ahead.outcome();
  listener.tell({Kind::done, words_of(outcome), outcome.read_bytes, seconds, at_most});
}

// Why reading files ahead would not help there; empty: it might.
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

// What the page cache may grow to beside the server and what else is read.
std::uint64_t available_bytes(const PageCacheBound& bound, std::uint64_t others_bytes) {
  std::uint64_t available = os::available_memory_bytes().value_or(0);
  if (bound.bytes) available = std::min(available, *bound.bytes);
  return available - std::min(available, others_bytes);
}

void read_files(const std::vector<std::string>& paths, std::optional<double> memory_share,
                const StartSetReader* start_set, const NewsPipe& listener) {
  step_back();  // until now the launch waited
  try {
    const storage::PathInfo info = storage::inspect_path(paths.back());  // a shard
    const std::string reason = why_useless(info, paths);
    if (!reason.empty()) return listener.tell({Kind::useless, reason});
    storage::ReadAheadOptions options;
    constexpr std::uint64_t k_least_window_kib = 128;
    options.window_bytes = std::clamp<std::uint64_t>(info.readahead_kib.value_or(0),
                                                     k_least_window_kib, options.piece_bytes >> 10)
                           << 10;
    options.must_stay = info.cache == storage::CacheKind::page_cache;
    const PageCacheBound bound = bound_beside_server(memory_share);
    const std::uint64_t others_bytes = start_set == nullptr ? 0 : start_set->bytes();
    options.available_bytes = [bound, others_bytes] {
      return std::optional(available_bytes(bound, others_bytes));
    };
    if (start_set != nullptr) {
      start_set->wait_for_front(paths.back(),
                                [&listener] { return !listener.is_heard() || os::interrupted(); });
    }
    storage::ReadAhead ahead(paths, options);
    read_absent(ahead, bound, listener);
  } catch (const std::exception& error) {
    listener.tell({Kind::useless, error.what()});
  }
}

// What the user says are the weights; else what the server takes.
model::Checkpoint open_as_served(const std::string& path, const ReaderJob& job) {
  return job.weights.empty() ? model::open_checkpoint_of_server(path, job.preferred_weights)
                             : model::open_checkpoint(path, job.weights);
}

// What is to be read where a copy may be, or be wanted.
struct CopyPlan {
  std::optional<std::vector<std::string>> copied;  // its files, where it is there and up to date
  std::string cannot;                              // why none is to be made, where none is
};

CopyPlan look_at_copy(const ReaderJob& job) {
  if (job.copy.empty()) return {};
  try {
    const CopySource source = copy_source(job.path, job.weights);
    const stage::Destination there =
        stage::look_at_copy(source.directory, {source.selection, {}}, job.copy);
    if (there.found == stage::Found::absent) return {};
    if (there.found == stage::Found::other) {
      return {std::nullopt, fmt::format("it is there already, and {}; `coldload stage --replace` "
                                        "swaps it for a new copy",
                                        there.what)};
    }
    const std::string served = served_in_copy(job.path, job.copy);
    return {open_as_served(served, job).paths_as_wanted(), ""};
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

}  // namespace

void read_checkpoint(const ReaderJob& job, const StartSetReader* start_set,
                     const NewsPipe& listener) {
  try {
    const model::Checkpoint checkpoint = open_as_served(job.path, job);
    const std::vector<std::string> paths = checkpoint.paths_as_wanted();
    const auto stands_for = model::hub_snapshot(job.path);
    const std::string snapshot = stands_for ? stands_for->path : "";
    const CopyPlan plan = look_at_copy(job);
    if (plan.copied) {
      listener.tell({Kind::has_copy, "", 0, 0, false, snapshot});
      return read_files(*plan.copied, job.memory_share, start_set, listener);
    }
    const bool wanted = !job.copy.empty() && plan.cannot.empty();
    const std::string reason = wanted ? why_copy_first(paths) : "";
    if (!reason.empty()) {
      return listener.tell({Kind::copy_first, reason, 0, 0, false, snapshot});
    }
    listener.tell({Kind::found, "", 0, 0, false, snapshot});
    if (!plan.cannot.empty()) listener.tell({Kind::not_copied, plan.cannot});
    read_files(paths, job.memory_share, start_set, listener);
  } catch (const std::exception& error) {
    listener.tell({Kind::refused, error.what()});
  }
}

}  // namespace coldload::run
