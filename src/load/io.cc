#include "load/io.h"

#include <cassert>
#include <cerrno>
#include <utility>

#include <unistd.h>

namespace coldload::load {

void PreadIo::submit(const ReadRequest& request) {
  assert(!outcome_);
  const ssize_t got = ::pread(request.fd, request.memory.data(), request.memory.size(),
                              static_cast<off_t>(request.offset));
  outcome_ = ReadOutcome{request.slot, got < 0 ? -errno : static_cast<int>(got)};
}

std::optional<ReadOutcome> PreadIo::finished(Wait /*wait*/) {
  return std::exchange(outcome_, std::nullopt);
}

}  // namespace coldload::load
