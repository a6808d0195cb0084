#include "process/hook.h"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "process/guard.h"

namespace coldload::process {

std::optional<os::ExitStatus> run_hook(const Hook& hook) {
  constexpr std::chrono::milliseconds k_tick{50};
  const int signals_before = os::interrupt_count();
  const os::TimePoint deadline = os::Clock::now() + hook.limit;
  Guard guard(hook.guard, STDERR_FILENO, Charge::hook);
  os::Command command;
  command.argv = {"sh", "-c", hook.line};
  command.environment = hook.environment;
  guard.launch(command);
  while (true) {
    const os::TimePoint now = os::Clock::now();
    if (auto status = guard.wait_until(std::min<os::TimePoint>(deadline, now + k_tick)))
      return status;
    if (guard.lost()) throw os::Error("its guard was killed");
    if (os::interrupt_count() != signals_before) return std::nullopt;
    if (now >= deadline) {
      throw os::Error(fmt::format("it has not ended within {:.0f} s and was stopped",
                                  os::Seconds(hook.limit).count()));
    }
  }
}

}  // namespace coldload::process
