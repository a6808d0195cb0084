#include "cli/progress.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/console.h"
#include "statistics/statistics.h"
#include "text/fitted.h"
#include "text/units.h"
#include "text/wording.h"

namespace coldload::cli {

namespace {

const char* kind_of(measure::TrialKind kind) {
  if (kind == measure::TrialKind::warm_up) return "warm-up launch (discarded)";
  if (kind == measure::TrialKind::after_copy) return "run after a new copy,";
  if (kind == measure::TrialKind::node) return "node-cold run";
  if (kind == measure::TrialKind::first) return "first start,";
  return kind == measure::TrialKind::warm ? "warm run" : "cold run";
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string words_of(const measure::PrecisionLook& look) {
  using Next = measure::PrecisionLook::Next;
  const std::string goal = text::percent(look.goal);
  const std::string runs = fmt::format("after {} runs per path", look.runs);
  if (!look.widest) {
    return look.next == Next::limit_reached
               ? fmt::format("limit reached {}: no interval of a ratio is known; the goal was {}",
                             runs, goal)
               : fmt::format("{} no interval of a ratio is known yet; the goal is {}", runs, goal);
  }
  const std::string width = text::percent(*look.widest);
  switch (look.next) {
    case Next::goal_reached:
      return fmt::format("goal reached {}: the ratio's interval is {} wide, the goal was {}", runs,
                         width, goal);
    case Next::limit_reached:
      return fmt::format("limit reached {}: still {} wide, the goal was {}", runs, width, goal);
    default:
      return fmt::format("{} the ratio's interval is {} wide; the goal is {}", runs, width, goal);
  }
}

}  // namespace

ConsoleWatcher::ConsoleWatcher(Verbosity verbosity, text::Redactor secrets, std::string out)
    : verbosity_(verbosity),
      secrets_(std::move(secrets)),
      out_(std::move(out)),
      colour_(wants_colour()) {}

void ConsoleWatcher::experiment_begins(const measure::Outlook& outlook) {
  const auto known_before = forecast_;
  for (const measure::TrialToCome& trial : outlook.trials) {
    to_come_.push_back(trial.name);
    if (trial.least_s) forecast_.knows_least(trial.name, *trial.least_s);
  }
  may_be_more_ = outlook.may_be_more;
  const auto time = forecast_.of(to_come_);
  const auto before = known_before.of(to_come_);
  if (verbosity_ == Verbosity::quiet || !time) return;
  constexpr double k_news = 1.1;
  if (before && time->seconds < k_news * before->seconds) return;
  line_.clear();
  print_err("these runs take at least {}, by what each path was seen to deliver\n",
            text::waiting_time(time->seconds));
}

void ConsoleWatcher::trial_begins(const measure::Subject& subject, std::uint64_t position,
                                  std::uint64_t total) {
  title_ = may_be_more_ ? fmt::format("[{}]", position) : fmt::format("[{}/{}]", position, total);
  title_ +=
      fmt::format(" {}, {} {}", subject.arm.facts.label, kind_of(subject.kind), subject.block);
  step_.clear();
  trial_ = subject.trial_name();
  const auto planned = std::find(to_come_.begin(), to_come_.end(), trial_);
  if (planned != to_come_.end()) to_come_.erase(planned);
  trial_began_ = os::Clock::now();
}

void ConsoleWatcher::step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) {
  const os::TimePoint now = os::Clock::now();
  const bool new_step = step != step_;
  if (new_step) {
    step_ = step;
    step_began_ = now;
    if (title_.empty()) trial_began_ = now;
    if (verbosity_ == Verbosity::verbose && !line_.on_terminal()) {
      print_err("{}{}{}\n", title_, title_.empty() ? "" : ": ", step);
    }
  }
  constexpr std::chrono::milliseconds k_redraw{100};
  if (verbosity_ == Verbosity::quiet || !line_.on_terminal()) return;
  if (!new_step && now - last_drawn_ < k_redraw) return;
  last_drawn_ = now;
  draw(step, bytes, total_bytes);
}

void ConsoleWatcher::draw(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) {
  TrialLine line;
  line.title = title_;
  line.step = step;
  line.elapsed_s = os::seconds_between(trial_began_, last_drawn_);
  line.step_s = os::seconds_between(step_began_, last_drawn_);
  line.bytes = bytes;
  line.total_bytes = total_bytes;
  if (!title_.empty()) {
    line.expected_s = forecast_.expected_s(trial_);
    line.left = left(line.elapsed_s);
  }
  line_.draw(to_text(line, LiveLine::width()));
}

std::optional<measure::Forecast::Time> ConsoleWatcher::left(double elapsed_s) const {
  // A trial that takes longer than expected takes nothing off those that follow.
  const auto this_one = forecast_.of({&trial_, 1});
  const auto others = forecast_.of(to_come_);
  if (!this_one && !others) return std::nullopt;
  measure::Forecast::Time time{0, may_be_more_ || !this_one || this_one->at_least};
  if (this_one) time.seconds += std::max(this_one->seconds - elapsed_s, 0.0);
  if (others) time.seconds += others->seconds;
  time.at_least |= !to_come_.empty() && (!others || others->at_least);
  return time;
}

void ConsoleWatcher::trial_ended(const measure::Subject& subject, const records::Record& record) {
  line_.clear();
  const bool ok = record.status == records::Status::ok;
  if (record.load_s) {
    forecast_.took(trial_, os::seconds_between(trial_began_, os::Clock::now()));
  }
  if (verbosity_ == Verbosity::quiet && ok) return;
  std::string line = title_ + ": ";
  if (record.load_s) line += text::format_seconds(*record.load_s) + " s";
  if (measure::starts_cold(subject.kind)) {
    line += fmt::format("{}cold={}", record.load_s ? ", " : "", to_string(record.cold));
  }
  if (!ok) line += fmt::format(", status={}", to_string(record.status));
  if (!record.reason.empty()) line += fmt::format(": {}", record.reason);
  if (!ok && colour_) {
    print_err("\033[31m{}\033[0m\n", line);
  } else {
    print_err("{}\n", line);
  }
  const bool failed =
      record.status == records::Status::failed || record.status == records::Status::timed_out;
  if (failed && !record.log_file.empty()) print_err("    its log: {}/{}\n", out_, record.log_file);
  show_notes(record);
}

void ConsoleWatcher::show_notes(const records::Record& record) {
  if (verbosity_ == Verbosity::quiet) return;
  for (const std::string& remark : record.remarks) {
    const bool is_new = notes_.add(remark);
    if (is_new || verbosity_ == Verbosity::verbose) print_err("    note: {}\n", remark);
  }
}

void ConsoleWatcher::looked_at_precision(const measure::PrecisionLook& look) {
  may_be_more_ = look.next == measure::PrecisionLook::Next::goes_on;
  // Stopped by the time before it made as many runs as were planned at least.
  if (!may_be_more_ && look.runs < statistics::k_least_n) to_come_.clear();
  if (verbosity_ == Verbosity::quiet) return;
  line_.clear();
  print_err("{}\n", words_of(look));
}

void ConsoleWatcher::experiment_ends() {
  line_.clear();
  if (verbosity_ == Verbosity::quiet) return;
  for (const std::string& line : notes_.lines()) print_err("{}\n", line);
}

void ConsoleWatcher::warning(const std::string& text) {
  line_.clear();
  if (colour_) {
    print_err("\033[33mwarning: {}\033[0m\n", secrets_.apply(text));
  } else {
    print_err("warning: {}\n", secrets_.apply(text));
  }
}

}  // namespace coldload::cli
