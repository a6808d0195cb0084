#include "os/child_answer.h"

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/told_step.h"

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

// However many files there are: each is an answer of the storage behind it.
TEST(AnswerOfTellingChild, TellsEachFileThatItOpens) {
  int told = 0;
  const auto answer = answer_of_telling_child(
      [](const Tell&) -> std::string {
        for (const char* name : {"stat", "status", "maps", "limits"}) {
          (void)open_regular(std::string("/proc/self/") + name);
        }
        return "";
      },
      [&told](std::uint64_t) { ++told; }, k_enough);
  EXPECT_EQ(answer, "");
  EXPECT_EQ(told, 8);  // looked at and opened
}

TEST(AnswerOfTellingChild, KeepsTheBytesOfItsLastTelling) {
  std::vector<std::uint64_t> seen;
  (void)answer_of_telling_child(
      [](const Tell& tell) -> std::string {
        tell("count", 7);
        about_to("read", "/mnt/x");
        return "";
      },
      [&seen](std::uint64_t bytes) { seen.push_back(bytes); }, k_enough);
  EXPECT_THAT(seen, testing::ElementsAre(7U, 7U));
}

// A child that has another one ask: who waits for it is told of the file, too.
TEST(AnswerOfTellingChild, PassesOnTheStepsOfAChildOfIts) {
  const auto ask = [](const Tell& tell) -> std::string {
    const auto read = [](const Tell&) -> std::string {
      about_to("read", "/mnt/x");
      return "";
    };
    std::string last;
    tell_steps_to([&](const std::string& step) { last = step; });
    (void)answer_of_telling_child(read, [&](std::uint64_t bytes) { tell("read all", bytes); });
    return last;
  };
  EXPECT_EQ(answer_of_telling_child(ask, {}, k_enough), "read /mnt/x");
}

TEST(AnswerOfChild, IsNoStepThatIsTold) {
  const auto ask = [] {
    about_to("read", "/mnt/x");
    return "done";
  };
  EXPECT_EQ(answer_of_child(ask, Clock::now() + k_enough), "done");
}

TEST(AnswerOfChild, HasABound) {
  const auto ask = [](std::size_t bytes) {
    return answer_of_child([bytes] { return std::string(bytes, 'x'); }, Clock::now() + k_enough);
  };
  constexpr std::size_t k_most = std::size_t{64} << 20;
  EXPECT_THAT([&] { (void)ask(k_most + (1 << 20)); },
              testing::ThrowsMessage<Error>(
                  "cannot take the answer of a child of ours: it has more than 64 MiB"));
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
