#include "process/end_cause.h"

#include <csignal>

#include <fmt/format.h>

#include "os/file.h"
#include "os/kernel_text.h"

namespace coldload::process {

std::optional<std::uint64_t> memory_kills() {
  return os::number_after(os::try_read_text("/proc/vmstat").value_or(""), "oom_kill");
}

std::string end_text(const os::ExitStatus& status, std::optional<std::uint64_t> before,
                     std::optional<std::uint64_t> now) {
  std::string text = status.text();
  if (!status.known || status.signal != SIGKILL) return text;
  if (!before || !now) {
    return text + ": by somebody, or by the kernel for lack of memory, which it does not tell here";
  }
  if (*now <= *before) return text + ": by somebody, not by the kernel for lack of memory";
  return fmt::format(
      "{}: the kernel killed {} process{} for lack of memory meanwhile, so most likely this one; "
      "give it more memory, or the cgroup that it runs in",
      text, *now - *before, *now - *before == 1 ? "" : "es");
}

}  // namespace coldload::process
