// A log file that a chatty or broken writer cannot make larger than its limit.
//
// It keeps the head, as it comes, and the tail, which is in memory until the end; a line of its own
// says how much is missing between them, and why. A disk that is full is such a gap, too: what
// comes once there is room again is kept.
//
// Layer: process. Knows nothing of lines. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace coldload::process {

inline constexpr std::uint64_t k_default_log_limit_bytes = 1'000'000'000;

class BoundedLog {
 public:
  // `file`: to be written from where it is.
  BoundedLog(std::shared_ptr<const os::Fd> file, std::uint64_t limit_bytes);

  // Never fails: see problem().
  void write(std::string_view text);
  // Writes the tail, where there is one, and says what is missing. Call once, at the end.
  void finish();

  // After finish(): what is not in the file, and why, in words; empty where it has everything.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  bool put(std::string_view text);
  void close_gap();
  void keep_in_tail(std::string_view text);

  std::shared_ptr<const os::Fd> file_;
  std::uint64_t head_left_bytes_;
  std::size_t tail_limit_bytes_;
  std::string tail_;
  std::uint64_t missing_bytes_ = 0;  // since the last line that said so
  std::uint64_t missing_in_all_bytes_ = 0;
  int error_number_ = 0;  // of the last write; 0: it went well
  std::string why_;
  std::string problem_;
};

}  // namespace coldload::process
