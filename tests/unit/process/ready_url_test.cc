#include "process/ready_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::process {
namespace {

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

TEST(ReadyUrl, MayWantTls) {
  const ReadyUrl url = parse_ready_url("https://localhost/health");
  EXPECT_EQ(url.security, Security::tls);
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(parse_ready_url("https://localhost:1").port, 1);
  EXPECT_EQ(parse_ready_url("http://localhost").security, Security::none);
}

TEST(ReadyUrl, MayNameAUnixSocket) {
  const ReadyUrl url = parse_ready_url("http://unix:/tmp/s.sock:/v1/x?y");
  EXPECT_EQ(url.socket_path, "/tmp/s.sock");
  EXPECT_EQ(url.target, "/v1/x?y");
  EXPECT_EQ(authority_of(url), "localhost");
  EXPECT_EQ(place_of(url), "socket /tmp/s.sock");
  EXPECT_TRUE(is_of_this_machine(url));
  EXPECT_FALSE(is_loopback(url));
  EXPECT_EQ(parse_ready_url("http://unix:s.sock").target, "/");
  EXPECT_EQ(parse_ready_url("http://unix:8000/x").host, "unix");
  EXPECT_THROW((void)parse_ready_url("http://unix:/" + std::string(108, 's')), os::Error);
}

TEST(ReadyUrl, KnowsThisMachinesAddresses) {
  EXPECT_TRUE(is_of_this_machine(parse_ready_url("http://127.0.0.9:1/")));
  EXPECT_FALSE(is_of_this_machine(parse_ready_url("http://192.0.2.1:1/")));
}

TEST(ReadyUrl, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", "127.0.0.1:80", "https://", "http://", "http://:80/", "http://h:0/", "http://h:x/",
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
  EXPECT_THROW((void)resolve(parse_ready_url("http://no-such-host.invalid/")), os::Error);
}

}  // namespace
}  // namespace coldload::process
