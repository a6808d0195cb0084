#include "os/file_lock.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "os/kernel_text.h"
#include "os/proc.h"

namespace coldload::os {

LockAnswer try_lock(const Fd& file, LockMode mode) {
  const int operation = mode == LockMode::shared ? LOCK_SH : LOCK_EX;
  while (::flock(file.get(), operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return LockAnswer::held;
    if (errno != EINTR) return LockAnswer::not_possible;
  }
  return LockAnswer::taken;
}

void unlock(const Fd& file) noexcept { ::flock(file.get(), LOCK_UN); }

void lock_within(const Fd& file, Clock::duration patience) {
  constexpr std::chrono::milliseconds k_pause{20};
  TimePoint deadline = Clock::now() + patience;
  bool hurries = false;
  while (true) {
    const LockAnswer answer = try_lock(file);
    if (answer == LockAnswer::taken) return;
    if (answer == LockAnswer::not_possible) throw SystemError("lock", file.path(), errno);
    const TimePoint now = Clock::now();
    if (interrupted() && !hurries) {
      hurries = true;
      deadline = std::min<TimePoint>(deadline, now + k_patience_when_interrupted);
    }
    if (now >= deadline) {
      const std::string how_long =
          hurries ? "when coldload was interrupted"
                  : fmt::format("for {:.1f} s and more", Seconds(patience).count());
      throw Error(fmt::format("cannot lock {}: {} has had it locked {}; end that, or wait for it",
                              file.path(), lock_holder(file), how_long));
    }
    pollfd entry{hurries ? -1 : interrupt_fd(), POLLIN, 0};  // which stays readable
    (void)poll_until({&entry, 1}, std::min<TimePoint>(deadline, now + k_pause));
  }
}

// Lines like "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131123 0 EOF"; of who waits, with "->" after the
// number.
std::string lock_holder(const Fd& file) {
  const struct stat info = file_status(file);
  const std::string place =
      fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
  std::vector<std::string> holders;
  const std::string text = try_read_text("/proc/locks", 16 << 20).value_or("");
  for (std::string_view line : split(text, '\n')) {
    (void)next_word(&line);
    if (next_word(&line) != "FLOCK") continue;
    (void)next_word(&line);
    (void)next_word(&line);
    const auto pid = number_of(next_word(&line));  // none where it is not of this pid namespace
    if (!pid || *pid == 0 || next_word(&line) != place) continue;
    holders.push_back(fmt::format("process {} ({})", *pid, program_name(static_cast<pid_t>(*pid))));
  }
  if (holders.empty()) return "somebody whom /proc/locks does not name";
  return fmt::format("{}", fmt::join(holders, " and "));
}

}  // namespace coldload::os
