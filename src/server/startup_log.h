// What a server's log tells of its start: phases, figures, and why it failed.
//
// Fed with the output as it arrives; everything is stamped on receipt. What the log does not say
// stays unsaid: of a server whose texts nobody knows, nothing is reported.
//
// Layer: server. Knows no server: the texts are in each server's LogGrammar.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "process/log_lines.h"
#include "server/failure_signs.h"
#include "server/log_grammar.h"
#include "text/json.h"

namespace coldload::server {

// A span of a start, in seconds since launch.
struct LogPhase {
  std::string name;
  double start_s = 0;
  double end_s = 0;
};

// Several workers load side by side: a phase is that of the worker that spent most on it, and an
// amount that of the worker with most. Two loads by one worker (a draft model) add up. Lines that
// name no worker may be of several: what they say of the same time is one load, not many.
class StartupLog {
 public:
  explicit StartupLog(const LogGrammar& grammar);
  ~StartupLog();
  StartupLog(const StartupLog&) = delete;
  StartupLog& operator=(const StartupLog&) = delete;

  void feed(os::TimePoint received, std::string_view piece);
  // After the last piece.
  void finish() { lines_.finish(); }

  // Between launch and ready, in order of time. No two overlap: where the server did two things at
  // once, or one inside the other, the time belongs to the more specific.
  [[nodiscard]] std::vector<LogPhase> phases(os::TimePoint launched_at,
                                             os::TimePoint ready_at) const;
  // What the server said of itself, under the grammar's keys.
  [[nodiscard]] text::json::object reported() const;
  // The phase that was heard of last; empty where none was.
  [[nodiscard]] const std::string& last_phase() const { return last_phase_; }
  // Why the server failed, in words; empty where its output does not tell.
  [[nodiscard]] std::string failure() const { return failures_.explanation(); }

 private:
  class Matcher;
  struct Span {
    os::TimePoint begin;
    os::TimePoint end;
  };
  // What one worker said of one phase, by one kind of evidence.
  struct Heard {
    std::optional<os::TimePoint> open;  // begun and not ended
    int unended = 0;                    // how often more it began than it ended
    std::vector<Span> spans;
  };
  // What one worker said under one key.
  struct Amount {
    double before = 0;  // of the loads before the latest
    double latest = 0;
    Span latest_span;
  };
  struct Worker {
    bool may_be_several = false;  // who wrote lines that name no worker, where others name one
    std::map<std::pair<std::string_view, Evidence>, Heard> heard;
    std::map<std::pair<std::string_view, Evidence>, Amount> amounts;
  };

  void take(const process::LogLine& line);
  Worker* worker_of(std::string_view line);
  void hear(const LogPattern& pattern, Worker* worker, os::TimePoint at,
            std::optional<os::Clock::duration> lasted);
  void keep(const LogPattern& pattern, Worker* worker, const Span& stated, std::string_view key,
            std::string_view value);
  static void keep_amount(Says says, const Worker& worker, const Span& stated, double value,
                          Amount* kept);
  [[nodiscard]] std::vector<Span> spans_of(std::string_view phase) const;
  [[nodiscard]] std::optional<os::TimePoint> begin_of(std::string_view phase) const;

  const LogGrammar grammar_;
  std::shared_ptr<const Matcher> matcher_;
  FailureSigns failures_;
  std::map<std::string, Worker, std::less<>> workers_;
  std::map<std::string_view, text::json::value> said_;  // counts and texts: the last one
  std::map<std::string_view, double> totals_;           // the server's own, by Says::sums_up
  std::string last_phase_;
  process::LogLines lines_;
};

}  // namespace coldload::server
