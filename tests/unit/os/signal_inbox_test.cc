#include "os/signal_inbox.h"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

namespace coldload::os {
namespace {

// Gives the test program its signals back.
class Signals : public ::testing::Test {
 protected:
  void SetUp() override { ::sigprocmask(SIG_BLOCK, nullptr, &before_); }
  void TearDown() override { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

  sigset_t before_{};
};

TEST_F(Signals, ArriveAndDoNothingElse) {
  SignalInbox inbox;
  EXPECT_FALSE(inbox.take());
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT, SIGWINCH, SIGRTMIN + 1}) {
    ::kill(::getpid(), number);
    const auto arrival = inbox.take();
    ASSERT_TRUE(arrival) << number;
    EXPECT_EQ(arrival->number, number);
    EXPECT_FALSE(arrival->from_terminal);
  }
  EXPECT_FALSE(inbox.take());
}

TEST_F(Signals, FaultsAndStopSignalsStayAsTheyWere) {
  const SignalInbox inbox;
  sigset_t now;
  ::sigprocmask(SIG_BLOCK, nullptr, &now);
  for (const int number : {SIGSEGV, SIGABRT, SIGTSTP, SIGTTOU, SIGPIPE}) {
    EXPECT_EQ(::sigismember(&now, number), 0) << number;
  }
}

}  // namespace
}  // namespace coldload::os
