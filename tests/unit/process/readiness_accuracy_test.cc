// The one promise about wall-clock time: on an idle machine, the instant at which a server became
// ready is known to within 10 ms, every time. Runs alone; a trial during which this machine kept
// one of the two processes from running, or stood still itself, says nothing and is repeated, a few
// times at most.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "os/file.h"
#include "unit/process/launching.h"

namespace coldload::process {
namespace {

using testing::Launch;

// How long a thread that wanted to run was kept waiting so far: /proc/PID/schedstat, second field.
double waited_ms(const std::string& process) {
  std::uint64_t ran_ns = 0;
  std::uint64_t waited_ns = 0;
  std::ifstream("/proc/" + process + "/schedstat") >> ran_ns >> waited_ns;
  return static_cast<double>(waited_ns) * 1e-6;
}

// How long a processor stood still at most while this lives: a thread on each of them asks to sleep
// for 1 ms, and notes how much later it woke. That shows what no counter of ours does: the host of
// a virtual machine that lets it wait. (The method of jHiccup.)
class StallWatch {
 public:
  StallWatch() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) threads_.emplace_back([this, cpu] { watch(cpu); });
    }
  }
  ~StallWatch() {
    ended_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  StallWatch(const StallWatch&) = delete;
  StallWatch& operator=(const StallWatch&) = delete;

  double longest_ms() const { return static_cast<double>(longest_ns_.load()) * 1e-6; }

 private:
  void watch(std::size_t cpu) {
    constexpr auto k_nap = std::chrono::milliseconds(1);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    while (!ended_) {
      const os::TimePoint begin = os::Clock::now();
      std::this_thread::sleep_for(k_nap);
      const std::int64_t late_ns =
          std::chrono::nanoseconds(os::Clock::now() - begin - k_nap).count();
      std::int64_t known_ns = longest_ns_;
      while (late_ns > known_ns && !longest_ns_.compare_exchange_weak(known_ns, late_ns)) continue;
    }
  }

  std::atomic<bool> ended_{false};
  std::atomic<std::int64_t> longest_ns_{0};
  std::vector<std::thread> threads_;
};

struct Trial {
  double error_ms = 0;
  double disturbed_ms = 0;
};

Trial measure(const std::string& before, int ready_after_ms) {
  Launch launch({"--before", before, "--ready-after", std::to_string(ready_after_ms)});
  launch.options.argv.insert(launch.options.argv.end(), {"--ready-stamp", launch.file("stamp")});
  const StallWatch stalls;
  const double waited_before_ms = waited_ms("thread-self");
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  Trial trial;
  trial.disturbed_ms = std::max(
      waited_ms("thread-self") - waited_before_ms + waited_ms(std::to_string(server.pid())),
      stalls.longest_ms());
  EXPECT_EQ(result.outcome, Outcome::ready) << result.reason;
  const bool stamped =
      eventually([&] { return ::access(launch.file("stamp").c_str(), F_OK) == 0; });
  EXPECT_TRUE(stamped) << "the server did not say when it became ready";
  const std::string text = os::read_text(launch.file("stamp"));
  std::int64_t stamp_ns = 0;
  std::from_chars(text.data(), text.data() + text.size(), stamp_ns);
  const os::TimePoint stamp{std::chrono::nanoseconds(stamp_ns)};
  trial.error_ms = os::seconds_between(stamp, result.ready_at.value_or(os::TimePoint())) * 1e3;
  EXPECT_TRUE(server.stop().empty());
  return trial;
}

void expect_within_10_ms_in_20_of_20_trials(const std::string& before) {
  constexpr int k_trials = 20;
  constexpr int k_repeats_limit = 20;
  constexpr double k_limit_ms = 10;
  constexpr double k_disturbed_ms = 4;
  int repeats = 0;
  double worst_ms = 0;
  for (int i = 0; i < k_trials;) {
    const Trial trial = measure(before, 100 + 17 * i);
    const bool right = trial.error_ms >= 0 && trial.error_ms <= k_limit_ms;
    if (!right && trial.disturbed_ms > k_disturbed_ms) {
      if (++repeats > k_repeats_limit) {
        GTEST_SKIP() << "others keep this machine from running what is measured: a processor was "
                     << "waited for, or stood still, for " << trial.disturbed_ms << " ms";
      }
      continue;
    }
    EXPECT_GE(trial.error_ms, 0) << "trial " << i;
    EXPECT_LE(trial.error_ms, k_limit_ms) << "trial " << i;
    worst_ms = std::max(worst_ms, trial.error_ms);
    ++i;
  }
  std::printf("worst error %.2f ms, %d disturbed trials repeated\n", worst_ms, repeats);
}

// run_alone.cmake names these.
TEST(ReadinessAccuracy, HoldsForAServerThatRefuses) {
  expect_within_10_ms_in_20_of_20_trials("refused");
}

TEST(ReadinessAccuracy, HoldsForAServerThatAnswers503) {
  expect_within_10_ms_in_20_of_20_trials("503");
}

TEST(ReadinessAccuracy, HoldsForAServerThatIsSlow) {
  expect_within_10_ms_in_20_of_20_trials("slow");
}

TEST(ReadinessAccuracy, HoldsForAServerThatHoldsRequests) {
  expect_within_10_ms_in_20_of_20_trials("hang");
}

}  // namespace
}  // namespace coldload::process
