#include "storage/watched_threads.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace coldload::storage {

namespace {

// What the threads and the one that waits for them share.
struct Crew {
  Crew(unsigned count, std::function<void(unsigned, PendingCall&)> work)
      : body(std::move(work)), calls(count) {}

  enum class Start { waiting, go, cancelled };

  std::function<void(unsigned, PendingCall&)> body;
  std::vector<PendingCall> calls;
  std::mutex mutex;
  std::condition_variable changed;
  Start start = Start::waiting;
  unsigned running = 0;
  std::exception_ptr problem;
};

void work(const std::shared_ptr<Crew>& crew, unsigned index) {
  {
    std::unique_lock lock(crew->mutex);
    crew->changed.wait(lock, [&] { return crew->start != Crew::Start::waiting; });
    if (crew->start == Crew::Start::cancelled) return;
  }
  std::exception_ptr problem;
  try {
    crew->body(index, crew->calls[index]);
  } catch (...) {
    problem = std::current_exception();
  }
  crew->calls[index].end();
  const std::lock_guard lock(crew->mutex);
  if (problem && !crew->problem) crew->problem = problem;
  --crew->running;
  crew->changed.notify_all();
}

// The lock is held. What failed before is the cause that matters; the rest hangs after it.
StallError stall_of(const Crew& crew) {
  std::string before;
  try {
    if (crew.problem) std::rethrow_exception(crew.problem);
  } catch (const std::exception& problem) {
    before = std::string(problem.what()) + "; then ";
  }
  const PendingCall* stuck = oldest(crew.calls);
  if (stuck == nullptr) return StallError(before + "a thread has not come to its end");
  return StallError(fmt::format("{}{} has not returned for {:.0f} s: the mount hangs", before,
                                stuck->text(), stuck->waited_s()));
}

}  // namespace

void PendingCall::begin(const std::string& path, std::uint64_t offset) {
  path_ = &path;
  offset_ = offset;
  since_ns_ = os::Clock::now().time_since_epoch().count();
}

std::string PendingCall::text() const {
  const std::string* path = path_;
  if (since_ns_ == 0 || path == nullptr) return "";
  const std::uint64_t offset = offset_;
  if (offset == k_open) return fmt::format("opening {}", *path);
  return fmt::format("the {} {} at offset {}", (offset & k_write) != 0 ? "write to" : "read of",
                     *path, offset & ~k_write);
}

double PendingCall::waited_s() const {
  const std::int64_t since_ns = since_ns_;
  if (since_ns == 0) return 0;
  return os::seconds_between(os::TimePoint(std::chrono::nanoseconds(since_ns)), os::Clock::now());
}

const PendingCall* oldest(const std::vector<PendingCall>& calls) {
  const PendingCall* found = nullptr;
  std::int64_t found_ns = 0;
  for (const PendingCall& call : calls) {
    const std::int64_t since_ns = call.since_ns();
    if (since_ns == 0 || (found != nullptr && since_ns >= found_ns)) continue;
    found = &call;
    found_ns = since_ns;
  }
  return found;
}

void run_watched(unsigned count, os::TimePoint give_up,
                 std::function<void(unsigned, PendingCall&)> body) {
  run_watched(
      count, [give_up](const std::vector<PendingCall>&) { return give_up; }, std::move(body));
}

void run_watched(unsigned count, const WatchTick& tick,
                 std::function<void(unsigned, PendingCall&)> body) {
  const auto crew = std::make_shared<Crew>(count, std::move(body));
  std::vector<std::thread> threads;
  const auto begin = [&](Crew::Start how) {
    const std::lock_guard lock(crew->mutex);
    crew->start = how;
    crew->running = count;
    crew->changed.notify_all();
  };
  try {
    for (unsigned index = 0; index < count; ++index) {
      threads.emplace_back([crew, index] { work(crew, index); });
    }
  } catch (const std::system_error& error) {
    begin(Crew::Start::cancelled);
    for (std::thread& thread : threads) thread.join();
    throw os::Error(fmt::format("cannot start {} threads: {}", count, error.what()));
  }
  begin(Crew::Start::go);
  {
    std::unique_lock lock(crew->mutex);
    const auto ended = [&] { return crew->running == 0; };
    for (;;) {
      lock.unlock();
      const os::TimePoint give_up = tick(crew->calls);
      lock.lock();
      constexpr std::chrono::milliseconds k_tick{100};
      if (crew->changed.wait_until(lock, std::min(give_up, os::Clock::now() + k_tick), ended))
        break;
      if (os::Clock::now() < give_up) continue;
      for (std::thread& thread : threads) thread.detach();
      throw stall_of(*crew);
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (crew->problem) std::rethrow_exception(crew->problem);
}

}  // namespace coldload::storage
