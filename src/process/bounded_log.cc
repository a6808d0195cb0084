#include "process/bounded_log.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "text/units.h"

namespace coldload::process {

namespace {

constexpr std::uint64_t k_longest_tail_bytes = std::uint64_t{4} << 20;

}  // namespace

BoundedLog::BoundedLog(std::shared_ptr<const os::Fd> file, std::uint64_t limit_bytes)
    : file_(std::move(file)),
      tail_limit_bytes_(static_cast<std::size_t>(std::min(limit_bytes / 2, k_longest_tail_bytes))) {
  head_left_bytes_ = limit_bytes - tail_limit_bytes_;
}

// False where not all of it could be written; the rest is counted as missing.
bool BoundedLog::put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file_->get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      error_number_ = put == 0 ? ENOSPC : errno;
      missing_bytes_ += text.size();
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  error_number_ = 0;
  return true;
}

// Says in the file what is missing up to here; where it cannot, that is said with what comes next.
void BoundedLog::close_gap() {
  if (missing_bytes_ == 0) return;
  why_ = error_number_ == 0 ? "the log's limit" : os::error_text(error_number_);
  const std::uint64_t missing = missing_bytes_;
  const bool is_said = put(fmt::format("\n[coldload: {} of the output are missing here: {}]\n",
                                       text::format_bytes(missing), why_));
  missing_bytes_ = is_said ? 0 : missing;
  if (is_said) missing_in_all_bytes_ += missing;
}

void BoundedLog::keep_in_tail(std::string_view text) {
  tail_.append(text);
  if (tail_.size() <= 2 * tail_limit_bytes_) return;
  const std::size_t gone = tail_.size() - tail_limit_bytes_;
  tail_.erase(0, gone);
  missing_bytes_ += gone;
}

void BoundedLog::write(std::string_view text) {
  if (error_number_ != 0) close_gap();
  if (error_number_ != 0) {
    missing_bytes_ += text.size();
    return;
  }
  const auto head =
      static_cast<std::size_t>(std::min<std::uint64_t>(head_left_bytes_, text.size()));
  (void)put(text.substr(0, head));
  head_left_bytes_ -= head;
  if (head < text.size()) keep_in_tail(text.substr(head));
}

void BoundedLog::finish() {
  if (tail_.size() > tail_limit_bytes_) {
    const std::size_t gone = tail_.size() - tail_limit_bytes_;
    tail_.erase(0, gone);
    missing_bytes_ += gone;
  }
  close_gap();
  if (!put(tail_)) close_gap();
  tail_.clear();
  missing_in_all_bytes_ += missing_bytes_;
  if (missing_in_all_bytes_ == 0) return;
  problem_ = fmt::format("{} of the output are missing in {}: {}",
                         text::format_bytes(missing_in_all_bytes_), file_->path(), why_);
}

}  // namespace coldload::process
