#include "cli/progress.h"

#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/console.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

const char* kind_of(measure::TrialKind kind) {
  if (kind == measure::TrialKind::warm_up) return "warm-up launch (discarded)";
  if (kind == measure::TrialKind::after_copy) return "run after a new copy,";
  return kind == measure::TrialKind::warm ? "warm run" : "cold run";
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace

ConsoleWatcher::ConsoleWatcher(Verbosity verbosity, text::Redactor secrets)
    : verbosity_(verbosity), secrets_(std::move(secrets)), colour_(wants_colour()) {}

void ConsoleWatcher::trial_begins(const measure::Subject& subject, std::uint64_t position,
                                  std::uint64_t total) {
  title_ = fmt::format("[{}/{}] {}, {} {}", position, total, subject.arm.facts.label,
                       kind_of(subject.kind), subject.block);
  step_.clear();
}

void ConsoleWatcher::step(const std::string& step, std::uint64_t bytes, std::uint64_t total_bytes) {
  const os::TimePoint now = os::Clock::now();
  const bool new_step = step != step_;
  if (new_step) {
    step_ = step;
    step_began_ = now;
    if (verbosity_ == Verbosity::verbose && !line_.on_terminal()) {
      print_err("{}{}{}\n", title_, title_.empty() ? "" : ": ", step);
    }
  }
  constexpr std::chrono::milliseconds k_redraw{100};
  if (verbosity_ == Verbosity::quiet || !line_.on_terminal()) return;
  if (!new_step && now - last_drawn_ < k_redraw) return;
  last_drawn_ = now;
  const double elapsed_s = os::seconds_between(step_began_, now);
  std::string line =
      fmt::format("{}{}{} {:.1f} s", title_, title_.empty() ? "" : ": ", step, elapsed_s);
  if (bytes > 0 && total_bytes > 0) {
    line += fmt::format(", {} of {}", text::format_bytes(bytes), text::format_bytes(total_bytes));
    if (elapsed_s > 0) {
      line += fmt::format(", {}", text::format_rate(static_cast<double>(bytes) / elapsed_s));
    }
  }
  constexpr std::size_t k_widest = 110;
  if (line.size() > k_widest) line.resize(k_widest);
  line_.draw(line);
}

void ConsoleWatcher::trial_ended(const measure::Subject& subject, const records::Record& record) {
  line_.clear();
  const bool ok = record.status == records::Status::ok;
  if (verbosity_ == Verbosity::quiet && ok) return;
  std::string line = title_ + ": ";
  if (record.load_s) line += text::format_seconds(*record.load_s) + " s";
  if (subject.kind == measure::TrialKind::cold) {
    line += fmt::format("{}cold={}", record.load_s ? ", " : "", to_string(record.cold));
  }
  if (!ok) line += fmt::format(", status={}", to_string(record.status));
  if (!record.reason.empty()) line += fmt::format(": {}", record.reason);
  if (!ok && colour_) {
    print_err("\033[31m{}\033[0m\n", line);
  } else {
    print_err("{}\n", line);
  }
  if (verbosity_ == Verbosity::quiet) return;
  for (const std::string& remark : record.remarks) print_err("    note: {}\n", remark);
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
