#include "os/pending_call.h"

#include <fmt/format.h>

namespace coldload::os {

void PendingCall::begin(const std::string& path, std::uint64_t offset) {
  path_ = &path;
  offset_ = offset;
  since_ns_ = Clock::now().time_since_epoch().count();
}

std::string PendingCall::told(const char* open, const char* read, const char* write) const {
  const std::string* path = path_;
  if (since_ns_ == 0 || path == nullptr) return "";
  const std::uint64_t offset = offset_;
  if (offset == k_open) return fmt::format("{} {}", open, *path);
  return fmt::format("{} {} at offset {}", (offset & k_write) != 0 ? write : read, *path,
                     offset & ~k_write);
}

std::string PendingCall::text() const { return told("opening", "the read of", "the write to"); }

std::string PendingCall::verb_text() const { return told("open", "read", "write to"); }

Clock::duration PendingCall::waited() const {
  const std::int64_t since_ns = since_ns_;
  if (since_ns == 0) return {};
  return Clock::now().time_since_epoch() - std::chrono::nanoseconds(since_ns);
}

std::string stall_text(const PendingCall* call, Clock::duration patience) {
  const Clock::duration waited = call == nullptr ? Clock::duration{} : call->waited();
  if (call == nullptr || waited < patience) return "";
  return fmt::format("cannot {}: no answer for {:.1f} s; is the storage behind it alive?",
                     call->verb_text(), Seconds(waited).count());
}

}  // namespace coldload::os
