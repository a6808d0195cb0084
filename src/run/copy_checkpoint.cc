#include "run/copy_checkpoint.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "run/step_back.h"
#include "stage/stager.h"
#include "text/units.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

std::string remark_on(const stage::StageResult& result) {
  if (result.up_to_date) return "another coldload had made it";
  return result.resumed_bytes == 0 ? ""
                                   : fmt::format("{} were there from a copy that was cut off",
                                                 text::format_bytes(result.resumed_bytes));
}

}  // namespace

void copy_checkpoint(const std::string& path, const std::string& copy, const NewsPipe& listener) {
  step_back();
  // Lets whoever waits know that it goes on.
  os::TimePoint told_at;
  std::uint64_t told_bytes = 0;
  const auto pulse = [&](const stage::CopyProgress& now) {
    if (!listener.is_heard()) ::_exit(EXIT_FAILURE);
    const os::TimePoint at = os::Clock::now();
    if (now.bytes == told_bytes || at < told_at + std::chrono::seconds(1)) return;
    listener.tell({Kind::copying, "", now.bytes});
    told_at = at;
    told_bytes = now.bytes;
  };
  try {
    stage::StageRequest request;
    request.source = path;
    request.destination = copy;
    request.wait = true;  // for another server's start on this machine, or what a killed one holds
    const stage::StageResult result = stage::stage(request, {[](const std::string&) {}, pulse});
    if (result.interrupted) return listener.tell({Kind::not_copied, "interrupted"});
    listener.tell({Kind::copied, remark_on(result), result.copied_bytes, result.copy_s});
  } catch (const os::Error& error) {
    listener.tell({Kind::not_copied, error.what()});
  }
}

}  // namespace coldload::run
