#include "os/child_output.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TimePoint soon() { return Clock::now() + milliseconds(20); }
TimePoint far_off() { return Clock::now() + seconds(600); }

TEST(ReadSome, GivesWhatIsThereAndThenTheEnd) {
  Pipe pipe = make_pipe();
  std::string text = "be";
  write_full(pipe.write_end, "fore");
  EXPECT_TRUE(read_some(pipe.read_end, &text));
  EXPECT_EQ(text, "before");
  pipe.write_end.reset();
  EXPECT_FALSE(read_some(pipe.read_end, &text));
  EXPECT_EQ(text, "before");
}

TEST(ReadSome, NamesWhatCannotBeRead) {
  std::string text = "kept";
  EXPECT_THROW(read_some(make_pipe().write_end, &text), SystemError);
  EXPECT_EQ(text, "kept");
}

TEST(ReadLine, StopsAtTheFirstLineFeed) {
  const Pipe pipe = make_pipe();
  write_full(pipe.write_end, "0.24.0\nand more");
  EXPECT_EQ(read_line(pipe.read_end, far_off()), "0.24.0");
}

TEST(ReadLine, GivesWhatThereIsAtTheEndAndAtTheDeadline) {
  Pipe pipe = make_pipe();
  write_full(pipe.write_end, "0.2");
  EXPECT_EQ(read_line(pipe.read_end, soon()), "0.2");
  write_full(pipe.write_end, "0.3");
  pipe.write_end.reset();
  EXPECT_EQ(read_line(pipe.read_end, far_off()), "0.3");
  EXPECT_EQ(read_line(pipe.read_end, far_off()), "");
}

TEST(ReadLine, ThatNeverEndsIsCut) {
  const Fd zeros = open_file("/dev/zero", O_RDONLY);
  EXPECT_GE(read_line(zeros, far_off()).size(), std::size_t{1} << 20);
}

TEST(WaitForOutput, TellsOutputAndTheEndFromTheDeadline) {
  Pipe pipe = make_pipe();
  EXPECT_FALSE(wait_for_output(pipe.read_end, soon()));
  write_full(pipe.write_end, "x");
  EXPECT_TRUE(wait_for_output(pipe.read_end, far_off()));
  std::string text;
  EXPECT_TRUE(read_some(pipe.read_end, &text));
  pipe.write_end.reset();
  EXPECT_TRUE(wait_for_output(pipe.read_end, far_off()));
}

// In a process of its own: the flag is the process's.
TEST(WaitForOutputDeathTest, AnInterruptEndsIt) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        const Pipe pipe = make_pipe();
        write_full(pipe.write_end, "x");
        std::raise(SIGTERM);
        std::_Exit(wait_for_output(pipe.read_end, far_off()) ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(TakeLines, LeavesWhatHasNoEndYet) {
  std::string text = "one\n\ntwo\nthr";
  EXPECT_THAT(take_lines(&text), ElementsAre("one", "", "two"));
  EXPECT_EQ(text, "thr");
  EXPECT_THAT(take_lines(&text), IsEmpty());
  text += "ee\n";
  EXPECT_THAT(take_lines(&text), ElementsAre("three"));
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace coldload::os
