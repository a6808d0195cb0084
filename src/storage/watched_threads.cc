#include "storage/watched_threads.h"

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

StallError stall_of(const Crew& crew) {
  const PendingCall* oldest = nullptr;
  for (const PendingCall& call : crew.calls) {
    const std::int64_t since_ns = call.since_ns();
    if (since_ns == 0) continue;
    if (oldest == nullptr || since_ns < oldest->since_ns()) oldest = &call;
  }
  if (oldest == nullptr) return StallError("a thread has not come to its end");
  const double waited_s = os::seconds_between(
      os::TimePoint(std::chrono::nanoseconds(oldest->since_ns())), os::Clock::now());
  return StallError(
      fmt::format("{} has not returned for {:.0f} s: the mount hangs", oldest->text(), waited_s));
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
  if (offset_ == k_open) return fmt::format("opening {}", *path);
  return fmt::format("the read of {} at offset {}", *path, offset_.load());
}

void run_watched(unsigned count, os::TimePoint give_up,
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
    if (!crew->changed.wait_until(lock, give_up, [&] { return crew->running == 0; })) {
      lock.unlock();
      for (std::thread& thread : threads) thread.detach();
      throw stall_of(*crew);
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (crew->problem) std::rethrow_exception(crew->problem);
}

}  // namespace coldload::storage
