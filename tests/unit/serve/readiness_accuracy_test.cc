// The one promise about wall-clock time: on an idle machine, the instant at which a server became
// ready is known to within 10 ms, every time. Runs alone; a trial during which this machine kept
// one of the two processes from running says nothing and is repeated, a few times at most.
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "unit/serve/launching.h"

namespace coldload::serve {
namespace {

using testing::Launch;

// How long a thread that wanted to run was kept waiting so far: /proc/PID/schedstat, second field.
double waited_ms(const std::string& process) {
  std::uint64_t ran_ns = 0;
  std::uint64_t waited_ns = 0;
  std::ifstream("/proc/" + process + "/schedstat") >> ran_ns >> waited_ns;
  return static_cast<double>(waited_ns) * 1e-6;
}

struct Trial {
  double error_ms = 0;
  double disturbed_ms = 0;
};

Trial measure(const std::string& before, int ready_after_ms) {
  Launch launch({"--before", before, "--ready-after", std::to_string(ready_after_ms)});
  launch.options.argv.insert(launch.options.argv.end(), {"--ready-stamp", launch.file("stamp")});
  const double waited_before_ms = waited_ms("thread-self");
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  Trial trial;
  trial.disturbed_ms =
      waited_ms("thread-self") - waited_before_ms + waited_ms(std::to_string(server.pid()));
  EXPECT_EQ(result.outcome, Outcome::ready) << result.reason;
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
        GTEST_SKIP() << "others keep this machine from running what is measured: the last wait for "
                     << "a processor took " << trial.disturbed_ms << " ms";
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
}  // namespace coldload::serve
