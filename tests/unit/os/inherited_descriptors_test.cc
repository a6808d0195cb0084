#include "os/inherited_descriptors.h"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "os/interrupt.h"

namespace coldload::os {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

void expect_in_child(bool condition) {
  if (!condition) std::_Exit(1);
}

// In a process of its own: it closes what the test program has open.
TEST(InheritedDescriptorsDeathTest, AreClosedOnBothSidesOfWhatInterruptsWriteTo) {
  EXPECT_EXIT(
      {
        const int below = ::dup(STDERR_FILENO);
        install_interrupt_handler();
        const int above = ::dup(STDERR_FILENO);
        expect_in_child(below < interrupt_fd() && interrupt_fd() < above);
        close_inherited_descriptors();
        expect_in_child(!is_open(below) && !is_open(above));
        expect_in_child(is_open(STDIN_FILENO) && is_open(STDOUT_FILENO) && is_open(STDERR_FILENO));
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(InheritedDescriptorsDeathTest, ASignalIsWrittenIntoNoFileThatIsOpenedAfterwards) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        close_inherited_descriptors();
        const int file = ::open("/tmp", O_RDWR | O_TMPFILE, 0600);
        expect_in_child(file >= 0);
        std::raise(SIGTERM);
        expect_in_child(::lseek(file, 0, SEEK_END) == 0);
        expect_in_child(readable(interrupt_fd()));
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(InheritedDescriptorsDeathTest, AllAreClosedWhereNothingWaitsForInterrupts) {
  EXPECT_EXIT(
      {
        const int left = ::dup(STDERR_FILENO);
        close_inherited_descriptors();
        expect_in_child(!is_open(left));
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace coldload::os
