#include "process/server_process.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "process/log_tail.h"
#include "server/completion.h"
#include "unit/process/launching.h"

namespace coldload::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::descendants_left;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Launch;

Launch of_command(const std::vector<std::string>& argv) {
  Launch launch;
  launch.command(argv);
  return launch;
}

TEST(ServerProcess, IsReadyAndStopsWithoutATrace) {
  Launch launch({"--ready-after", "50", "--log-lines", "3"});
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::ready);
  EXPECT_FALSE(server.ended());
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_TRUE(server.ended());
  EXPECT_THAT(descendants_left(), IsEmpty());
  EXPECT_EQ(last_log_lines(launch.options.log->path(), 9).size(), 3U);
  EXPECT_NO_THROW(require_port_free(launch.port));
}

TEST(ServerProcess, ACommandThatIsNotFoundIsAnErrorThatNamesIt) {
  Launch launch = of_command({"no-such-server-command", "x"});
  try {
    ServerProcess server(launch.options);
    ADD_FAILURE() << "no error";
  } catch (const os::SystemError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr("no-such-server-command"));
  }
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, AnExitBeforeReadyIsSeenWithItsCodeAndItsLog) {
  Launch launch = of_command({"sh", "-c", "echo 'out of memory' >&2; exit 3"});
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::exited);
  EXPECT_THAT(result.reason, HasSubstr("exit code 3"));
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_THAT(last_log_lines(launch.options.log->path(), 5), ElementsAre("out of memory"));
}

TEST(ServerProcess, DeathByASignalIsSeen) {
  Launch launch = of_command({"sh", "-c", "kill -SEGV $$"});
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::exited);
  EXPECT_THAT(result.reason, HasSubstr("killed by SIGSEGV"));
}

TEST(ServerProcess, AnExitWith0AndNothingLeftIsAFailureToo) {
  Launch launch = of_command({"true"});
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::exited);
}

TEST(ServerProcess, AFailedRootIsAFailureThoughItsChildrenLive) {
  Launch launch = of_command({"sh", "-c", "sleep 60 & exit 1"});
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::exited);
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, ADaemonisedServerIsReadyAndIsStopped) {
  Launch launch({"--daemonize", "--ready-after", "300"});
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::ready) << result.reason;
  EXPECT_FALSE(server.ended());
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, ADaemonThatDiesBeforeReadyIsSeen) {
  Launch launch({"--daemonize", "--never-ready", "--exit-after", "200", "--exit-code", "5"});
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::exited);
}

TEST(ServerProcess, ACrashAfterReadyIsSeen) {
  Launch launch({"--die-of-post"});
  ServerProcess server(launch.options);
  ASSERT_EQ(server.wait_ready().outcome, Outcome::ready);
  EXPECT_FALSE(server.ended());
  (void)server::request_first_token(parse_ready_url(launch.options.ready_url), {"/", "{}"},
                                    seconds(30));
  ASSERT_TRUE(eventually([&] { return server.ended().has_value(); }));
  EXPECT_THAT(*server.ended(), HasSubstr("exit code 7"));
}

TEST(ServerProcess, ADaemonThatEndsAfterReadyHasEndedForWhoAsksOnce) {
  Launch launch({"--daemonize", "--die-of-post"});
  ServerProcess server(launch.options);
  ASSERT_EQ(server.wait_ready().outcome, Outcome::ready);
  EXPECT_FALSE(server.ended_by_now());
  (void)server::request_first_token(parse_ready_url(launch.options.ready_url), {"/", "{}"},
                                    seconds(30));
  ASSERT_TRUE(eventually([] { return descendants_left().size() == 1; })) << "more than the guard";
  EXPECT_THAT(server.ended_by_now().value_or("it lives"), HasSubstr("exit code 0"));
}

TEST(ServerProcess, WorkersThatIgnoreSigtermAreKilled) {
  Launch launch({"--spawn-workers", "3", "--ignore-sigterm"});
  ServerProcess server(launch.options);
  ASSERT_EQ(server.wait_ready().outcome, Outcome::ready);
  EXPECT_EQ(server.tree().members().size(), 4U);
  EXPECT_THAT(server.stop(milliseconds(300)), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, AServerWhoseFirstThreadHasEndedIsNotTakenForDead) {
  Launch launch({"--leave-main-thread", "--ignore-sigterm", "--daemonize"});
  ServerProcess server(launch.options);
  ASSERT_EQ(server.wait_ready().outcome, Outcome::ready);
  // Those that it forked from may still be on their way out.
  EXPECT_TRUE(eventually([&] { return server.tree().members().size() == 1; }));
  EXPECT_THAT(server.stop(milliseconds(100)), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, IsStoppedWhereItsOwnerForgets) {
  Launch launch({"--spawn-workers", "1"});
  {
    ServerProcess server(launch.options);
    ASSERT_EQ(server.wait_ready().outcome, Outcome::ready);
  }
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, CanBeStoppedBeforeItIsReadyAndTwice) {
  Launch launch({"--never-ready"});
  ServerProcess server(launch.options);
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_THAT(descendants_left(), IsEmpty());
}

TEST(ServerProcess, NamesWhoHoldsItsPortAfterItsEnd) {
  Launch launch({"--never-ready"});
  ServerProcess server(launch.options);
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_FALSE(server.port_still_held(milliseconds(0)));
  os::SpawnOptions taker;
  taker.argv = {testing::fake_server(), "--port", std::to_string(launch.port), "--before=503"};
  const os::Subprocess other(taker);
  ASSERT_TRUE(eventually([&] { return !port_is_free(launch.port); }));
  const auto held = server.port_still_held(milliseconds(100));
  ASSERT_TRUE(held);
  EXPECT_THAT(*held, HasSubstr("pid " + std::to_string(other.pid())));
}

TEST(ServerProcess, ALogThatCannotBeWrittenStopsNobodyAndIsSaidWithItsPath) {
  Launch launch({"--log-lines", "10"});
  launch.log_to("/dev/full");
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::ready);
  EXPECT_THAT(server.stop(seconds(10)), IsEmpty());
  EXPECT_THAT(server.why_output_is_cut(), HasSubstr("missing in /dev/full: No space left"));
}

TEST(ServerProcess, PassesEnvironmentAndStampedOutput) {
  Launch launch;
  launch.command({"sh", "-c", "echo $COLDLOAD_TEST; exec \"$0\" --port \"$1\"",
                  testing::fake_server(), std::to_string(launch.port)});
  launch.options.environment = {{"COLDLOAD_TEST", "value"}};
  std::string all;
  launch.options.on_output = [&](os::TimePoint, std::string_view text) { all += text; };
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::ready);
  EXPECT_THAT(server.stop(), IsEmpty());
  EXPECT_EQ(all, "value\n");
}

TEST(ServerProcess, TicksWhileItWaits) {
  Launch launch({"--ready-after", "400"});
  ServerProcess server(launch.options);
  int ticks = 0;
  ASSERT_EQ(server.wait_ready([&] { ++ticks; }, milliseconds(50)).outcome, Outcome::ready);
  EXPECT_GE(ticks, 2);
}

// In a process of its own: the flag stays set for good.
TEST(ServerProcessDeathTest, AnInterruptEndsTheWaitAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        os::install_interrupt_handler();
        bool as_expected = false;
        {
          Launch launch({"--never-ready", "--before", "hang"});
          ServerProcess server(launch.options);
          const Readiness result = server.wait_ready([] { ::raise(SIGINT); }, milliseconds(200));
          const bool stopped = server.stop().empty() && descendants_left().empty();
          as_expected = result.outcome == Outcome::interrupted && stopped;
        }
        ::_exit(as_expected ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Readiness, IsFoundThroughAHostName) {
  Launch launch;
  launch.options.ready_url = "http://localhost:" + std::to_string(launch.port) + "/health";
  ServerProcess server(launch.options);
  EXPECT_EQ(server.wait_ready().outcome, Outcome::ready);
}

// Of each kind of server: how it behaves before it is ready.
class BeforeReady : public ::testing::TestWithParam<const char*> {};

TEST_P(BeforeReady, MeansNotYet) {
  Launch launch({"--before", GetParam(), "--ready-after", "600"});
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  ASSERT_EQ(result.outcome, Outcome::ready) << result.reason;
  ASSERT_TRUE(result.ready_at);
  ASSERT_TRUE(result.port_open_at);
  EXPECT_GE(*result.ready_at - server.launched_at(), std::chrono::milliseconds(600));
  EXPECT_LE(*result.port_open_at, *result.ready_at);
  EXPECT_TRUE(server.stop().empty());
}

TEST_P(BeforeReady, ForEverIsATimeout) {
  Launch launch({"--before", GetParam(), "--never-ready"});
  launch.options.timeout = std::chrono::milliseconds(700);
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::timed_out);
  EXPECT_FALSE(result.ready_at);
  EXPECT_THAT(result.reason, ::testing::HasSubstr("last answer"));
  EXPECT_TRUE(server.stop().empty());
  EXPECT_THAT(testing::descendants_left(), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Readiness, BeforeReady,
                         ::testing::Values("refused", "503", "hang", "slow", "garbage", "reset",
                                           "lost"),
                         testing::parameter_name);

TEST(Readiness, TheWrongPathIsNotReadyAndSaysSo) {
  Launch launch;
  launch.options.ready_url = "http://127.0.0.1:" + std::to_string(launch.port) + "/nowhere";
  launch.options.timeout = std::chrono::seconds(10);  // to start, and be asked
  ServerProcess server(launch.options);
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::timed_out);
  EXPECT_THAT(result.reason, ::testing::HasSubstr("HTTP status 404"));
}

TEST(Readiness, AServerOfBeforeTheLaunchIsNotTakenForTheNewOne) {
  Launch stale;
  ServerProcess first(stale.options);
  ASSERT_EQ(first.wait_ready().outcome, Outcome::ready);
  Launch launch;
  launch.port = stale.port;
  launch.command({testing::fake_server(), "--port", std::to_string(stale.port)});
  try {
    ServerProcess second(launch.options);
    ADD_FAILURE() << "no error";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("taken by pid " + std::to_string(first.pid()) + " (fake_se"));
  }
}

TEST(Readiness, AnotherProcessThatTakesThePortIsNotTakenForTheServer) {
  Launch launch;
  launch.command({"sleep", "60"});
  // Ours, but of before the server's tree.
  os::SpawnOptions spawn;
  spawn.argv = {"sh",
                "-c",
                "while [ ! -e \"$0\" ]; do sleep 0.01; done; exec \"$@\"",
                launch.file("launched"),
                testing::fake_server(),
                "--port",
                std::to_string(launch.port)};
  const os::Subprocess intruder(spawn);
  ServerProcess server(launch.options);
  os::replace_text(launch.file("launched"), "");
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::not_ours);
  EXPECT_THAT(result.reason, ::testing::HasSubstr(std::to_string(intruder.pid())));
}

}  // namespace
}  // namespace coldload::process
