// The client against a server of the test's own, byte by byte.
#include "server/completion.h"

#include <atomic>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include "os/fd.h"

namespace coldload::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr const char* k_token = "data: {\"choices\":[{\"text\":\"Hi\"}]}\n\n";
constexpr const char* k_header = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

struct Step {
  std::string bytes;
  milliseconds pause{0};  // before it
};

enum class Ending { closes, resets, stays };

// Takes one request, answers as it is told, and stays until it is destroyed.
class Scripted {
 public:
  explicit Scripted(std::vector<Step> steps, Ending ending = Ending::closes)
      : steps_(std::move(steps)),
        ending_(ending),
        socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length);
    ::listen(socket_.get(), 4);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Scripted() {
    done_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  process::ReadyUrl url() const {
    return process::parse_ready_url("http://127.0.0.1:" + std::to_string(port_) + "/health");
  }
  // Once the answer is there.
  const std::string& request() const { return request_; }
  os::TimePoint sent_at(std::size_t step) const { return sent_at_.at(step); }

 private:
  void serve() {
    const os::Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC), "");
    if (!client.valid()) return;
    char buffer[4096];
    while (request_.find("}") == std::string::npos) {
      const ssize_t got = ::recv(client.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return;
      request_.append(buffer, static_cast<std::size_t>(got));
    }
    for (const Step& step : steps_) {
      std::this_thread::sleep_for(step.pause);
      sent_at_.push_back(os::Clock::now());
      ::send(client.get(), step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
    }
    if (ending_ == Ending::resets) {
      const linger hard{1, 0};
      ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    while (ending_ == Ending::stays && !done_) std::this_thread::sleep_for(milliseconds(5));
  }

  std::vector<Step> steps_;
  Ending ending_;
  os::Fd socket_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::vector<os::TimePoint> sent_at_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TokenOutcome ask(const Scripted& server, std::chrono::nanoseconds timeout = seconds(20)) {
  return request_first_token(server.url(), {"/v1/completions", "{\"prompt\":\"Hello\"}"}, timeout,
                             [] { return false; });
}

std::string chunk(const std::string& text) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

std::string plain(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(Completion, AsksOnceAsServersExpectIt) {
  const Scripted server({{plain(200, k_token)}});
  const TokenOutcome token = ask(server);
  EXPECT_TRUE(token.at) << token.reason;
  EXPECT_THAT(server.request(),
              ::testing::StartsWith("POST /v1/completions HTTP/1.1\r\nHost: 127"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nContent-Length: 18\r\n"));
  EXPECT_THAT(server.request(), ::testing::EndsWith("\r\n\r\n{\"prompt\":\"Hello\"}"));
}

TEST(Completion, ShowsAServerItsKey) {
  const Scripted server({{plain(200, k_token)}});
  const CompletionRequest request{"/v1/completions", "{}", "s3cr3t"};
  EXPECT_TRUE(request_first_token(server.url(), request, seconds(20)).at);
  EXPECT_THAT(server.request(), HasSubstr("\r\nAuthorization: Bearer s3cr3t\r\n"));
}

TEST(Completion, StampsTheTokenAndNotTheHeaderOrTheEnd) {
  const std::string chunked = std::string(k_header) + "Transfer-Encoding: chunked\r\n\r\n";
  const Scripted server({{chunked + chunk("data: {\"choices\":[{\"text\":\"\"}]}\n\n")},
                         {chunk(k_token), milliseconds(120)}},
                        Ending::stays);
  const TokenOutcome token = ask(server);
  ASSERT_TRUE(token.at) << token.reason;
  EXPECT_EQ(token.reason, "");
  EXPECT_GE(*token.at, server.sent_at(1));
  EXPECT_LT(*token.at - server.sent_at(1), seconds(5));
}

TEST(Completion, ReadsABodyThatEndsWithTheConnection) {
  const Scripted server({{std::string(k_header) + "\r\n"}, {k_token}});
  EXPECT_TRUE(ask(server).at);
}

TEST(Completion, ReadsAnAnswerByteByByte) {
  const std::string answer =
      std::string(k_header) + "Transfer-Encoding: chunked\r\n\r\n" + chunk(k_token) + "0\r\n\r\n";
  std::vector<Step> steps;
  for (const char byte : answer) steps.push_back({std::string(1, byte), milliseconds(1)});
  const Scripted server(steps);
  const TokenOutcome token = ask(server);
  EXPECT_TRUE(token.at) << token.reason;
}

TEST(Completion, TakesAnAnswerThatIsNotStreamed) {
  const Scripted server({{plain(200, "{\"choices\":[{\"text\":\"Hi\"}]}")}}, Ending::stays);
  const TokenOutcome token = ask(server);
  EXPECT_TRUE(token.at);
  EXPECT_THAT(token.reason, HasSubstr("not streamed"));
}

TEST(Completion, AnotherStatusIsToldWithWhatTheServerSaid) {
  const Scripted server({{plain(404, "{\"error\":\n\"no model\"}")}}, Ending::stays);
  const TokenOutcome token = ask(server);
  EXPECT_FALSE(token.at);
  EXPECT_THAT(token.reason, HasSubstr("HTTP status 404: {\"error\": \"no model\"}"));
  const Scripted wordless({{"HTTP/1.1 503 x\r\n\r\n"}});
  EXPECT_THAT(ask(wordless).reason, ::testing::EndsWith("HTTP status 503"));
  const Scripted endless({{"HTTP/1.1 500 x\r\n\r\n" + std::string(5000, 'x')}}, Ending::stays);
  EXPECT_LT(ask(endless).reason.size(), 500U);
}

// What a server sends, and what the reason holds; the connection then closes.
TEST(Completion, WhateverElseComesIsAReason) {
  const std::vector<std::pair<std::string, const char*>> cases{
      {"", "closed without an answer"},
      {"HTTP/1.1 200", "closed within the answer's header"},
      {"SSH-2.0-OpenSSH\r\n", "not HTTP"},
      {std::string(300000, 'x'), "not HTTP"},
      {"HTTP/1.1 200 OK\r\n" + std::string(300000, 'x'), "not HTTP"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not HTTP"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ndata: {", "closed before a token came"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "the answer is empty"},
      {"HTTP/1.1 204 None\r\n\r\n", "HTTP status 204"},
      {"HTTP/1.1 200 OK\r\n\r\ndata: [DONE]\n\n", "ended without a token"},
  };
  for (const auto& [bytes, reason] : cases) {
    const Scripted server({{bytes}});
    const TokenOutcome token = ask(server);
    EXPECT_FALSE(token.at) << bytes.substr(0, 50);
    EXPECT_THAT(token.reason, HasSubstr(reason)) << bytes.substr(0, 50);
    EXPECT_THAT(token.reason, HasSubstr("/v1/completions of port")) << bytes.substr(0, 50);
  }
}

TEST(Completion, EndlessHeadersAreNotReadForEver) {
  std::string fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10000; ++i) fields += "X-Field: value\r\n";
  const Scripted server({{fields}}, Ending::stays);
  EXPECT_THAT(ask(server).reason, HasSubstr("not HTTP"));
}

TEST(Completion, AResetIsAReason) {
  const Scripted server({{std::string(k_header) + "\r\ndata: {", milliseconds(0)}}, Ending::resets);
  EXPECT_FALSE(ask(server).at);
}

TEST(Completion, SilenceEndsWithTheTime) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n: ping\n\n"}) {
    const Scripted server({{bytes}}, Ending::stays);
    const os::TimePoint begin = os::Clock::now();
    const TokenOutcome token = ask(server, milliseconds(200));
    EXPECT_FALSE(token.at);
    EXPECT_THAT(token.reason, HasSubstr("timed out after 0.2 s")) << bytes;
    EXPECT_LT(os::Clock::now() - begin, seconds(10));
  }
}

TEST(Completion, EndsWhenItIsGivenUp) {
  const Scripted server({}, Ending::stays);
  int asked = 0;
  const TokenOutcome token = request_first_token(server.url(), {"/v1/completions", "{}"},
                                                 seconds(60), [&asked] { return ++asked > 3; });
  EXPECT_FALSE(token.at);
  EXPECT_THAT(token.reason, HasSubstr("given up"));
}

TEST(Completion, NobodyThereIsAReason) {
  const TokenOutcome refused = request_first_token(process::parse_ready_url("http://127.0.0.1:1/"),
                                                   {"/v1/completions", "{}"}, seconds(20));
  EXPECT_FALSE(refused.at);
  EXPECT_THAT(refused.reason, HasSubstr("cannot connect"));
  const TokenOutcome unknown =
      request_first_token(process::parse_ready_url("http://no-such-host.invalid/"),
                          {"/v1/completions", "{}"}, seconds(20));
  EXPECT_FALSE(unknown.at);
  EXPECT_NE(unknown.reason, "");
}

// A server that reads nothing: the request does not fit into the socket's buffers.
TEST(Completion, ARequestThatIsNotReadEndsWithTheTime) {
  const os::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length);
  ::listen(listener.get(), 4);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  const TokenOutcome token =
      request_first_token(process::parse_ready_url(url),
                          {"/v1/completions", std::string(32 << 20, 'x')}, milliseconds(300));
  EXPECT_FALSE(token.at);
  EXPECT_THAT(token.reason, HasSubstr("timed out"));
}

}  // namespace
}  // namespace coldload::server
