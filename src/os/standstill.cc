#include "os/standstill.h"

#include <array>
#include <cstddef>
#include <ctime>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/kernel_text.h"

namespace coldload::os {

namespace {

constexpr std::chrono::milliseconds k_period{100};

Clock::duration read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Since boot.
Clock::duration suspended_so_far() {
  const Clock::duration monotonic = read_clock(CLOCK_MONOTONIC);
  return read_clock(CLOCK_BOOTTIME) - monotonic;
}

// What a thread has waited for a processor so far: the second number of its schedstat.
std::optional<Clock::duration> run_delay(const Fd& schedstat) {
  std::array<char, 128> buffer{};
  const ssize_t got = ::pread(schedstat.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  (void)next_word(&text);
  const auto nanoseconds = number_of(next_word(&text));
  if (!nanoseconds) return std::nullopt;
  return std::chrono::nanoseconds(*nanoseconds);
}

// Nothing where the kernel tells no run delay.
std::optional<WatchLook> look(const Fd& schedstat) {
  const TimePoint now = Clock::now();
  const auto delay = run_delay(schedstat);
  rusage usage{};
  if (!delay || ::getrusage(RUSAGE_THREAD, &usage) != 0) return std::nullopt;
  return WatchLook{now, *delay, usage.ru_majflt};
}

}  // namespace

Clock::duration stood_between(const WatchLook& before, const WatchLook& after,
                              Clock::duration period) {
  const Clock::duration stood =
      after.at - before.at - period - (after.run_delay - before.run_delay);
  const bool faulted = after.major_faults != before.major_faults;
  const Clock::duration least = faulted ? Clock::duration{k_longest_fault} : k_least_standstill;
  return stood < least ? Clock::duration{} : stood;
}

StandstillWatch::StandstillWatch()
    : slept_before_(suspended_so_far()), thread_(1, [this](unsigned) { run(); }) {
  // Before its first look it would miss a stop.
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return looks_; });
}

StandstillWatch::~StandstillWatch() { stop(); }

void StandstillWatch::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  thread_.join();  // run() throws nothing
}

Standstill StandstillWatch::finish() {
  const Clock::duration suspended = suspended_so_far() - slept_before_;
  stop();
  // The two clocks are not read at one instant.
  return {stopped_, suspended < k_least_standstill ? Clock::duration{} : suspended};
}

void StandstillWatch::run() {
  const Fd schedstat(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC), {});
  auto before = look(schedstat);
  std::unique_lock lock(mutex_);
  looks_ = true;
  wake_.notify_all();
  if (!before) return;
  while (!finished_) {
    wake_.wait_until(lock, before->at + k_period, [this] { return finished_; });
    const auto now = look(schedstat);
    if (!now) return;
    stopped_ += stood_between(*before, *now, k_period);
    before = now;
  }
}

}  // namespace coldload::os
