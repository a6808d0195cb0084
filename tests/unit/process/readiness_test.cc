#include "process/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "unit/process/launching.h"

namespace coldload::process {
namespace {

using testing::Launch;

TEST(ReadyUrl, IsTakenApart) {
  const ReadyUrl url = parse_ready_url("http://127.0.0.1:8000/v1/models?x=1#top");
  EXPECT_EQ(url.host, "127.0.0.1");
  EXPECT_EQ(url.port, 8000);
  EXPECT_EQ(url.target, "/v1/models?x=1");
}

TEST(ReadyUrl, HasDefaults) {
  EXPECT_EQ(parse_ready_url("http://localhost").port, 80);
  EXPECT_EQ(parse_ready_url("http://localhost").target, "/");
  EXPECT_EQ(parse_ready_url("http://localhost:1?x").target, "/?x");
  EXPECT_EQ(parse_ready_url("http://localhost:1#x").target, "/");
}

TEST(ReadyUrl, MayHoldAnIpv6Address) {
  const ReadyUrl url = parse_ready_url("http://[::1]:81/health");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 81);
  EXPECT_EQ(parse_ready_url("http://[::1]").port, 80);
}

TEST(ReadyUrl, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", "127.0.0.1:80", "https://h/", "http://", "http://:80/", "http://h:0/", "http://h:x/",
        "http://h:65536/", "http://h:/", "http://h:8 0/", "http://h/\r\nX: y", "http://[::1/",
        "http://[::1]80/", "http://h:-1/", "ftp://h/", "http://h/\xc3\xa9"}) {
    EXPECT_THROW((void)parse_ready_url(text), os::Error) << text;
  }
}

TEST(ReadyUrl, APasswordIsRefusedAndNotRepeated) {
  try {
    (void)parse_ready_url("http://user:hunter2@h:80/");
    ADD_FAILURE() << "no error";
  } catch (const os::Error& error) {
    EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("hunter2")));
  }
}

TEST(ReadyUrl, AnUnknownHostIsAnError) {
  EXPECT_THROW((void)ReadinessProbe(parse_ready_url("http://no-such-host.invalid/")), os::Error);
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
  EXPECT_GE(*result.ready_at - result.launched_at, std::chrono::milliseconds(600));
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
  launch.options.timeout = std::chrono::seconds(3);
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
  ServerProcess server(launch.options);
  // Ours, but not of the server's tree.
  os::SpawnOptions spawn;
  spawn.argv = {testing::fake_server(), "--port", std::to_string(launch.port)};
  const os::Subprocess intruder(spawn);
  server.tree().exclude(intruder.pid());
  const Readiness result = server.wait_ready();
  EXPECT_EQ(result.outcome, Outcome::not_ours);
  EXPECT_THAT(result.reason, ::testing::HasSubstr(std::to_string(intruder.pid())));
}

}  // namespace
}  // namespace coldload::process
