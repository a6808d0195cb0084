#include "os/child_answer.h"

#include <cerrno>
#include <filesystem>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::os {
namespace {

constexpr std::chrono::minutes k_enough{1};

TEST(AnswerOfChild, IsWhatTheQuestionReturns) {
  const std::string much(1 << 20, 'x');  // more than a pipe holds
  EXPECT_EQ(answer_of_child([&] { return much; }, Clock::now() + k_enough), much);
  EXPECT_EQ(answer_of_child([] { return ""; }, Clock::now() + k_enough), "");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST(AnswerOfChild, IsGivenByAnother) {
  const auto pid =
      answer_of_child([] { return std::to_string(::getpid()); }, Clock::now() + k_enough);
  EXPECT_NE(pid, std::to_string(::getpid()));
}

TEST(AnswerOfChild, PassesOnWhatIsThrown) {
  const auto ask = [] {
    return answer_of_child([]() -> std::string { throw SystemError("read", "/x", EIO); },
                           Clock::now() + k_enough);
  };
  EXPECT_THAT(ask, testing::ThrowsMessage<Error>("cannot read /x: Input/output error"));
}

TEST(AnswerOfChild, IsAnErrorWhereTheChildDies) {
  const auto ask = [] {
    return answer_of_child([]() -> std::string { ::_exit(3); }, Clock::now() + k_enough);
  };
  EXPECT_THROW((void)ask(), Error);
}

TEST(AnswerOfChild, IsNotWaitedForPastTheDeadline) {
  const auto ask = [] {
    return answer_of_child(
        []() -> std::string {
          while (true) ::pause();
        },
        Clock::now() + std::chrono::milliseconds(20));
  };
  EXPECT_EQ(ask(), std::nullopt);
}

TEST(AnswerOfTellingChild, MayTakeAsLongAsItGoesOn) {
  std::uint64_t seen = 0;
  const auto answer = answer_of_telling_child(
      [](const Tell& tell) -> std::string {
        for (std::uint64_t i = 1; i <= 5; ++i) {
          tell("count to " + std::to_string(i), i);
          ::usleep(100'000);
        }
        return "5";
      },
      [&seen](std::uint64_t bytes) { seen = bytes; }, k_enough);
  EXPECT_EQ(answer, "5");
  EXPECT_EQ(seen, 5U);
}

TEST(AnswerOfTellingChild, SaysInWhichStepItHangs) {
  std::string said;
  // A child of a busy machine may not have told anything so soon.
  for (std::chrono::milliseconds patience{200}; said.find("/mnt/x") == std::string::npos;
       patience *= 2) {
    ASSERT_LT(patience, k_enough);
    try {
      (void)answer_of_telling_child(
          [](const Tell& tell) -> std::string {
            tell("read /mnt/x", 0);
            while (true) ::pause();
          },
          {}, patience);
    } catch (const Error& error) {
      said = error.what();
    }
  }
  EXPECT_THAT(said, testing::MatchesRegex("cannot read /mnt/x: no answer for [0-9.]+ s; is the "
                                          "storage behind it alive\\?"));
}

// Whoever waits for the end of our output would wait for a child that hangs.
TEST(AnswerOfChild, HoldsNoDescriptorOfOurs) {
  const Pipe pipe = make_pipe();
  const auto open = answer_of_child(
      [] {
        const std::filesystem::directory_iterator all("/proc/self/fd");
        return std::to_string(std::distance(begin(all), end(all)));
      },
      Clock::now() + k_enough);
  EXPECT_EQ(open, "2");  // its pipe, and the directory that it lists
}

}  // namespace
}  // namespace coldload::os
