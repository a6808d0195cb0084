#include "os/interrupt.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace coldload::os {
namespace {

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// Each body runs in a process of its own, as handlers and the flag are the process's.
#define IN_ITS_OWN_PROCESS(body) EXPECT_EXIT(body, ::testing::ExitedWithCode(0), "")

void expect_in_child(bool condition) {
  if (!condition) std::_Exit(1);
}

TEST(Interrupt, IsNotThereBeforeASignal) {
  IN_ITS_OWN_PROCESS({
    expect_in_child(interrupt_fd() == -1);
    install_interrupt_handler();
    expect_in_child(!interrupted() && interrupt_signal() == 0);
    expect_in_child(interrupt_fd() >= 0 && !readable(interrupt_fd()));
    std::_Exit(0);
  });
}

TEST(Interrupt, SetsTheFlagAndTheDescriptorForGood) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    IN_ITS_OWN_PROCESS({
      install_interrupt_handler();
      std::raise(number);
      expect_in_child(interrupted() && interrupt_signal() == number);
      expect_in_child(readable(interrupt_fd()));
      expect_in_child(readable(interrupt_fd()));
      std::_Exit(0);
    });
  }
}

TEST(Interrupt, WhatIsIgnoredAtTheStartStaysIgnored) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    IN_ITS_OWN_PROCESS({
      std::signal(number, SIG_IGN);
      install_interrupt_handler();
      expect_in_child(ignored_at_start(number));
      std::raise(number);
      expect_in_child(!interrupted());
      const int other = number == SIGINT ? SIGTERM : SIGINT;
      std::raise(other);
      expect_in_child(interrupt_signal() == other);
      std::_Exit(0);
    });
  }
}

TEST(Interrupt, ASecondSignalDoesNotEndTheCleanUp) {
  IN_ITS_OWN_PROCESS({
    install_interrupt_handler();
    std::raise(SIGINT);
    std::raise(SIGINT);
    expect_in_child(interrupted());
    std::_Exit(0);
  });
}

TEST(Interrupt, WritingToAClosedPipeFailsInsteadOfKilling) {
  IN_ITS_OWN_PROCESS({
    install_interrupt_handler();
    int ends[2];
    expect_in_child(::pipe(ends) == 0);
    ::close(ends[0]);
    expect_in_child(::write(ends[1], "x", 1) == -1 && errno == EPIPE);
    expect_in_child(!interrupted());
    std::_Exit(0);
  });
}

}  // namespace
}  // namespace coldload::os
