#include "storage/watched_threads.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "os/crew.h"

namespace coldload::storage {

namespace {

// What the threads own: those that hang keep it.
struct Watched {
  Watched(unsigned count, std::function<void(unsigned, PendingCall&)> work)
      : body(std::move(work)), calls(count) {}

  std::function<void(unsigned, PendingCall&)> body;
  std::vector<PendingCall> calls;
};

// What failed before is the cause that matters; the rest hangs after it.
os::StallError stall_of(const os::Crew& crew, const std::vector<PendingCall>& calls) {
  std::string before;
  try {
    if (const std::exception_ptr problem = crew.problem()) std::rethrow_exception(problem);
  } catch (const std::exception& problem) {
    before = std::string(problem.what()) + "; then ";
  }
  const PendingCall* stuck = os::oldest(calls);
  if (stuck == nullptr) return os::StallError(before + "a thread has not come to its end");
  return os::StallError(fmt::format("{}{} has not returned for {:.0f} s: the mount hangs", before,
                                    stuck->text(), os::Seconds(stuck->waited()).count()));
}

}  // namespace

void run_watched(unsigned count, os::TimePoint give_up,
                 std::function<void(unsigned, PendingCall&)> body) {
  run_watched(
      count, [give_up](const std::vector<PendingCall>&) { return give_up; }, std::move(body));
}

void run_watched(unsigned count, const WatchTick& tick,
                 std::function<void(unsigned, PendingCall&)> body) {
  const auto watched = std::make_shared<Watched>(count, std::move(body));
  os::Crew crew(count, [watched](unsigned index) {
    try {
      watched->body(index, watched->calls[index]);
    } catch (...) {
      watched->calls[index].end();
      throw;
    }
    watched->calls[index].end();
  });
  for (;;) {
    const os::TimePoint give_up = tick(watched->calls);
    constexpr std::chrono::milliseconds k_tick{100};
    if (crew.wait_until(std::min(give_up, os::Clock::now() + k_tick))) break;
    if (os::Clock::now() < give_up) continue;
    crew.leave_behind();
    throw stall_of(crew, watched->calls);
  }
  crew.join();
}

}  // namespace coldload::storage
