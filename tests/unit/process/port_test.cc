#include "process/port.h"

#include <set>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::process {
namespace {

os::Fd listen_on(std::uint16_t port, std::uint32_t host) {
  os::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.get(), 5), 0);
  return socket;
}

TEST(Port, AFreePortCanBeListenedOn) {
  const std::uint16_t port = choose_free_port();
  EXPECT_NO_THROW(require_port_free(port));
  const os::Fd listener = listen_on(port, INADDR_ANY);
}

// A server that is slow to listen keeps its port from those that are started meanwhile.
TEST(Port, AReservedOneIsNobodyElsesUntilItIsLetGo) {
  std::set<std::uint16_t> numbers;
  std::vector<ReservedPort> held;
  for (int i = 0; i < 300; ++i) {
    held.push_back(reserve_free_port());
    EXPECT_TRUE(numbers.insert(held.back().number()).second) << held.back().number();
  }
}

TEST(Port, AFreePortIsNoSourcePortOfConnections) { EXPECT_LT(choose_free_port(), 32768); }

TEST(Port, ATakenPortIsNamedWithItsProcess) {
  for (const std::uint32_t host : {std::uint32_t{INADDR_ANY}, std::uint32_t{INADDR_LOOPBACK}}) {
    const std::uint16_t port = choose_free_port();
    const os::Fd listener = listen_on(port, host);
    try {
      require_port_free(port);
      ADD_FAILURE() << "no error";
    } catch (const os::Error& error) {
      EXPECT_THAT(error.what(),
                  ::testing::HasSubstr("port " + std::to_string(port) + " is taken by pid " +
                                       std::to_string(::getpid())));
    }
  }
}

TEST(Port, TellsWhoListens) {
  const std::uint16_t port = choose_free_port();
  EXPECT_FALSE(port_owner(port));
  EXPECT_FALSE(foreign_port_owner(port, {}));
  const os::Fd listener = listen_on(port, INADDR_LOOPBACK);
  const auto owner = port_owner(port);
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->pid, ::getpid());
  EXPECT_FALSE(foreign_port_owner(port, {::getpid()}));
  EXPECT_TRUE(foreign_port_owner(port, {}));
}

TEST(Port, AConnectionIsNoListener) {
  const std::uint16_t port = choose_free_port();
  os::Fd listener = listen_on(port, INADDR_LOOPBACK);
  const os::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const os::Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "socket");
  ASSERT_TRUE(server.valid());
  listener.reset();
  EXPECT_FALSE(port_owner(port));
}

}  // namespace
}  // namespace coldload::process
