// The prober against a listener of the test's own, byte by byte.
#include "process/readiness_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"

namespace coldload::process {
namespace {

using std::chrono::milliseconds;

class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length);
    ::listen(socket_.get(), 64);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/health";
  }
  const std::string& url() const { return url_; }
  // Everybody who has connected so far.
  std::vector<os::Fd> accept_all() const {
    std::vector<os::Fd> clients;
    while (true) {
      os::Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), "");
      if (!client.valid()) return clients;
      clients.push_back(std::move(client));
    }
  }

 private:
  os::Fd socket_;
  std::string url_;
};

bool run_for(ReadinessProbe& probe, milliseconds time) {
  const os::TimePoint end = os::Clock::now() + time;
  while (os::Clock::now() < end) {
    if (probe.advance()) return true;
    std::vector<pollfd> entries;
    probe.add_to(entries);
    ::poll(entries.data(), entries.size(), 1);
  }
  return probe.advance();
}

TEST(ReadinessProbe, SaysOfAServerThatAcceptedAndWasSilentThatItDid) {
  const Listener listener;
  ReadinessProbe probe(parse_ready_url(listener.url()));
  EXPECT_EQ(probe.last_answer(), "no answer");
  EXPECT_FALSE(run_for(probe, milliseconds(50)));
  EXPECT_EQ(probe.last_answer(), "none, though it accepted a connection");
}

// Whether the answer, sent in these pieces, is taken for readiness.
bool makes_ready(const std::vector<std::string>& pieces) {
  const Listener listener;
  ReadinessProbe probe(parse_ready_url(listener.url()));
  EXPECT_FALSE(run_for(probe, milliseconds(10)));
  const std::vector<os::Fd> clients = listener.accept_all();
  if (clients.empty()) {
    ADD_FAILURE() << "no request came";
    return false;
  }
  for (const std::string& piece : pieces) {
    ::send(clients[0].get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (run_for(probe, milliseconds(10))) return true;
  }
  return false;
}

TEST(ReadinessProbe, TakesA200InEveryShape) {
  EXPECT_TRUE(makes_ready({"HTTP/1.1 200 OK\r\n"}));
  EXPECT_TRUE(makes_ready({"HTTP/1.0 200\r\n"}));
  EXPECT_TRUE(makes_ready({"HTTP/1.1 200\n"}));
  EXPECT_TRUE(makes_ready({"H", "TTP/1", ".1 20", "0 O", "K\r", "\n"}));
}

TEST(ReadinessProbe, TakesNothingElse) {
  EXPECT_FALSE(makes_ready({"HTTP/1.1 200 OK"}));  // cut off
  EXPECT_FALSE(makes_ready({"HTTP/1.1 2000 OK\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1 20\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1 204 No Content\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1 301 Moved\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1  200\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/2 200\r\n"}));
  EXPECT_FALSE(makes_ready({"200 OK\r\n"}));
  EXPECT_FALSE(makes_ready({"\r\nHTTP/1.1 503 Busy\r\n\r\nHTTP/1.1 200 OK\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1 503 Busy\r\n", "\r\n", "HTTP/1.1 200 OK\r\n"}));
  EXPECT_FALSE(makes_ready({"HTTP/1.1 200" + std::string(5000, ' '), "\r\n"}));
  EXPECT_FALSE(makes_ready({std::string("HTTP/1.1 200\0\r\n", 15)}));
}

TEST(ReadinessProbe, AsksForThePathOfTheUrl) {
  const Listener listener;
  ReadinessProbe probe(parse_ready_url(listener.url()));
  EXPECT_FALSE(run_for(probe, milliseconds(10)));
  const std::vector<os::Fd> clients = listener.accept_all();
  ASSERT_FALSE(clients.empty());
  std::array<char, 1024> buffer;
  const ssize_t got = ::recv(clients[0].get(), buffer.data(), buffer.size(), 0);
  ASSERT_GT(got, 0);
  const std::string request(buffer.data(), static_cast<std::size_t>(got));
  EXPECT_THAT(request, ::testing::StartsWith("GET /health HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request, ::testing::EndsWith("\r\n\r\n"));
}

TEST(ReadinessProbe, KeepsFourRequestsOpenAndTheOldestForGood) {
  const Listener listener;
  ReadinessProbe probe(parse_ready_url(listener.url()));
  EXPECT_FALSE(run_for(probe, milliseconds(3000)));
  const std::vector<os::Fd> clients = listener.accept_all();
  std::vector<bool> open;
  for (const os::Fd& client : clients) {
    std::array<char, 1024> buffer;
    ssize_t got = 0;
    do {
      got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    } while (got > 0);
    open.push_back(got < 0 && errno == EAGAIN);
  }
  ASSERT_GT(open.size(), 4U);  // the youngest was given up for a new one
  EXPECT_LT(open.size(), 9U);  // and not often
  EXPECT_EQ(std::count(open.begin(), open.end(), true), 4);
  EXPECT_TRUE(open[0] && open[1] && open[2] && open.back());
}

TEST(ReadinessProbe, TakesThe200OfTheOldestOfManyRequests) {
  const Listener listener;
  ReadinessProbe probe(parse_ready_url(listener.url()));
  EXPECT_FALSE(run_for(probe, milliseconds(2500)));
  const std::vector<os::Fd> clients = listener.accept_all();
  ASSERT_FALSE(clients.empty());
  const std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
  ::send(clients[0].get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  EXPECT_TRUE(run_for(probe, milliseconds(1000)));
}

}  // namespace
}  // namespace coldload::process
