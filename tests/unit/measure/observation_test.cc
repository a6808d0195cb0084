#include "measure/observation.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/subprocess.h"
#include "unit/eventually.h"
#include "unit/temporary_directory.h"

namespace coldload::measure {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

os::SpawnOptions shell(const std::string& script) {
  os::SpawnOptions spawn;
  spawn.argv = {"sh", "-c", script};
  spawn.new_session = true;
  return spawn;
}

class ObservedLoad : public ::testing::Test {
 protected:
  ObservedLoad() { os::replace_text(weights_, std::string(1 << 20, 'x')); }
  ~ObservedLoad() override { (void)tree_.stop(seconds(5)); }

  const TemporaryDirectory scratch_{"coldload-observation"};
  const std::string weights_ = scratch_.path() + "/weights";
  process::ProcessTree tree_;
  storage::AccessWatch accesses_{{weights_}};
};

TEST_F(ObservedLoad, GivesRowsThatNeverFallThoughChildrenDie) {
  const os::TimePoint launched_at = os::Clock::now();
  os::Subprocess root(
      shell("for i in 1 2 3 4 5 6; do dd if=/dev/zero of=/dev/null bs=1 count=2000 2>/dev/null; "
            "sleep 0.1; done; touch " +
            scratch_.path() + "/done; sleep 300"));
  tree_.set_root(root.pid());
  Timeline timeline(launched_at, {});
  Observation observation(tree_, {weights_}, {}, timeline, accesses_);
  ASSERT_TRUE(eventually([&] { return ::access((scratch_.path() + "/done").c_str(), F_OK) == 0; }));
  const Observed observed = observation.finish();
  const auto& rows = timeline.samples();
  ASSERT_GE(rows.size(), 3U);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i].t_s, rows[i - 1].t_s);
    if (!rows[i].read_calls || !rows[i - 1].read_calls) continue;
    EXPECT_GE(rows[i].read_calls, rows[i - 1].read_calls);
    EXPECT_GE(rows[i].storage_bytes, rows[i - 1].storage_bytes);
  }
  if (observed.target_bytes) {
    EXPECT_GE(rows.back().read_calls, 12'000U);
  }
  EXPECT_EQ(rows.back().storage_bytes, observed.target_bytes);
  EXPECT_GT(observed.cpu_s, 0.0);
  EXPECT_THAT(observed.foreign_readers, IsEmpty());
}

TEST_F(ObservedLoad, NamesAStrangerAtTheFilesAndNotTheTargetOrWhoIsIgnored) {
  os::Subprocess ignored(shell("exec 3<" + weights_ + "; sleep 300"));
  os::Subprocess stranger(shell("exec 3<" + weights_ + "; exec sleep 300"));
  process::ProcessTree tree;  // they were there before
  os::Subprocess root(shell("exec 3<" + weights_ + "; sleep 300"));
  tree.set_root(root.pid());
  ASSERT_TRUE(eventually([&] { return os::descendants(::getpid()).size() == 5; }));
  std::set<pid_t> set_apart{ignored.pid()};
  for (const os::ProcessInfo& info : os::descendants(ignored.pid())) set_apart.insert(info.pid);
  Timeline timeline(os::Clock::now(), {});
  Observation observation(tree, {weights_}, {ignored.pid()}, timeline, accesses_);  // and its child
  ::usleep(300'000);  // a stranger is who is there at two looks: the first one and that at the end
  const Observed observed = observation.finish();
  ASSERT_EQ(observed.foreign_readers.size(), 1U);
  EXPECT_THAT(observed.foreign_readers[0], HasSubstr(std::to_string(stranger.pid())));
  for (const pid_t pid : set_apart) ::kill(pid, SIGKILL);
}

// A load may be over before the first look, and ready just after the last one.
TEST_F(ObservedLoad, SeesWhatIsOpenedBetweenTwoLooks) {
  os::Subprocess root(shell("sleep 300"));
  tree_.set_root(root.pid());
  Timeline timeline(os::Clock::now(), {});
  storage::AccessWatch accesses({weights_});  // the file is there by now
  Observation observation(tree_, {weights_}, {}, timeline, accesses);
  ::usleep(150'000);  // the first look is behind us
  (void)os::read_text(weights_);
  (void)observation.finish();
  EXPECT_TRUE(accesses.seen()[0].read);
}

TEST_F(ObservedLoad, IsSaidToHaveAGapWhereLookingFailed) {
  std::atomic<bool> failed{false};
  TimelineSources sources;
  sources.page_cache_bytes = [&failed]() -> std::optional<std::uint64_t> {
    if (failed.exchange(true)) return 0;
    throw os::Error("no descriptor is left");
  };
  os::Subprocess root(shell("sleep 300"));
  tree_.set_root(root.pid());
  Timeline timeline(os::Clock::now(), std::move(sources));
  Observation observation(tree_, {weights_}, {}, timeline, accesses_);
  ASSERT_TRUE(eventually([&] { return failed.load(); }));
  EXPECT_EQ(observation.finish().gap, "no descriptor is left");
}

}  // namespace
}  // namespace coldload::measure
