#include "server/startup_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include <re2/re2.h>
#include <re2/set.h>

#include "os/error.h"

namespace coldload::server {

namespace {

constexpr std::size_t k_most_workers = 1024;
constexpr std::size_t k_most_spans = 64;  // of one phase and worker

// Of two phases at one time the earlier in this list is named.
constexpr std::array<std::string_view, 7> k_most_specific_first{
    "weights", "compile", "graphs", "kv_cache", "profile", "http", "start"};

bool is_amount(std::string_view key) { return key.ends_with("_s") || key.ends_with("_gib"); }

bool is_count(std::string_view key) { return key.ends_with("_tokens"); }

std::optional<double> finite_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "520,240" is 520240.
std::optional<std::uint64_t> count_number(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), ','), digits.end());
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// How long it took by the line's own words.
std::optional<os::Clock::duration> stated_duration(const LogPattern& pattern,
                                                   std::string_view value) {
  const auto seconds = finite_number(value);
  if (pattern.sign.says != Says::took || !seconds || *seconds < 0) return std::nullopt;
  constexpr double k_longest_s = 1e6;
  return std::chrono::duration_cast<os::Clock::duration>(
      os::Seconds(std::min(*seconds * pattern.scale, k_longest_s)));
}

// How long the spans last, times in which several do counted once.
template <typename Span>
os::Clock::duration union_of(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  os::Clock::duration total{0};
  os::TimePoint counted_until = os::TimePoint::min();
  for (const Span& span : spans) {
    const os::TimePoint begin = std::max(span.begin, counted_until);
    if (span.end <= begin) continue;
    total += span.end - begin;
    counted_until = span.end;
  }
  return total;
}

// Whether they are of the same time rather than one after the other; what a log says is rounded.
template <typename Span>
bool are_beside_each_other(const Span& a, const Span& b) {
  const os::Clock::duration common = std::min(a.end, b.end) - std::max(a.begin, b.begin);
  return common > std::min(a.end - a.begin, b.end - b.begin) / 2;
}

// Adds to `painted` what of the span is not painted yet.
void paint(std::string_view name, double start_s, double end_s, std::vector<LogPhase>* painted) {
  std::vector<LogPhase> fresh{{std::string(name), start_s, end_s}};
  for (const LogPhase& old : *painted) {
    std::vector<LogPhase> left;
    for (const LogPhase& part : fresh) {
      if (part.start_s < old.start_s) {
        left.push_back({part.name, part.start_s, std::min(part.end_s, old.start_s)});
      }
      if (part.end_s > old.end_s) {
        left.push_back({part.name, std::max(part.start_s, old.end_s), part.end_s});
      }
    }
    fresh = std::move(left);
  }
  for (LogPhase& part : fresh) {
    if (part.end_s > part.start_s) painted->push_back(std::move(part));
  }
}

}  // namespace

// The grammar's expressions and the known failures': one automaton that tells which of them a line
// matches, as most lines match none, and the grammar's one by one for their groups. Compiling them
// takes milliseconds, so that is done once for each grammar.
class StartupLog::Matcher {
 public:
  // Thread-safe, and so is what it gives.
  static std::shared_ptr<const Matcher> of(const LogGrammar& grammar) {
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<const Matcher>> compiled;  // a few grammars
    std::string expressions(grammar.worker);
    for (const LogPattern& pattern : grammar.patterns) {
      expressions.append(1, '\0').append(pattern.regex);
    }
    const std::lock_guard lock(mutex);
    std::shared_ptr<const Matcher>& matcher = compiled[expressions];
    if (!matcher) matcher = std::make_shared<const Matcher>(grammar);
    return matcher;
  }

  explicit Matcher(const LogGrammar& grammar)
      : set_(options(), re2::RE2::UNANCHORED), worker_(grammar.worker, options()) {
    for (const LogPattern& pattern : grammar.patterns) {
      add(pattern.regex);
      single_.push_back(std::make_unique<re2::RE2>(pattern.regex, options()));
    }
    for (const std::string_view pattern : failure_patterns()) add(pattern);
    set_.Compile();
  }

  // Whether any of them is anywhere in the text, which may be of many lines.
  [[nodiscard]] bool any_in(std::string_view text) const { return set_.Match(text, nullptr); }

  // Indices into the grammar's patterns; behind them, those of failure_patterns().
  [[nodiscard]] std::vector<int> matching(std::string_view line) const {
    std::vector<int> indices;
    set_.Match(line, &indices);
    std::sort(indices.begin(), indices.end());
    return indices;
  }

  // The whole match and groups 1 and 2, empty where there are none.
  [[nodiscard]] std::array<std::string_view, 3> groups(int index, std::string_view line) const {
    std::array<re2::StringPiece, 3> pieces;
    const re2::RE2& regex = *single_[static_cast<std::size_t>(index)];
    const int count = std::min(3, regex.NumberOfCapturingGroups() + 1);
    regex.Match(line, 0, line.size(), re2::RE2::UNANCHORED, pieces.data(), count);
    return {pieces[0], pieces[1], pieces[2]};
  }

  [[nodiscard]] std::string_view worker(std::string_view line) const {
    re2::StringPiece name;
    if (!worker_.pattern().empty()) re2::RE2::PartialMatch(line, worker_, &name);
    return name;
  }

 private:
  static re2::RE2::Options options() {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);  // a log may hold any bytes
    options.set_log_errors(false);
    return options;
  }

  void add(std::string_view pattern) {
    std::string error;
    if (set_.Add(pattern, &error) < 0) {
      throw os::Error("a log pattern cannot be compiled: " + error);
    }
  }

  re2::RE2::Set set_;
  re2::RE2 worker_;
  std::vector<std::unique_ptr<re2::RE2>> single_;
};

StartupLog::StartupLog(const LogGrammar& grammar)
    : grammar_(grammar),
      matcher_(Matcher::of(grammar)),
      lines_([this](const process::LogLine& line) { take(line); }) {}

StartupLog::~StartupLog() = default;

// A server that pours out a log waits for its reader, so whole lines that hold no known text are
// passed over together. With an escape sequence in it a text does not read as it will.
void StartupLog::feed(os::TimePoint received, std::string_view piece) {
  constexpr std::size_t k_worth_it = 4096;
  constexpr char k_escape = '\x1b';
  if (piece.size() >= k_worth_it && piece.find(k_escape) == std::string_view::npos) {
    const std::size_t begin = lines_.at_line_start() ? 0 : piece.find('\n') + 1;
    const std::size_t end = piece.rfind('\n') + 1;
    if (end > begin && !matcher_->any_in(piece.substr(begin, end - begin))) {
      lines_.feed(received, piece.substr(0, begin));
      lines_.feed(received, piece.substr(end));
      return;
    }
  }
  lines_.feed(received, piece);
}

void StartupLog::take(const process::LogLine& line) {
  const std::vector<int> indices = matcher_->matching(line.text());
  if (indices.empty()) return;
  Worker* const worker = worker_of(line.text());
  for (const int index : indices) {
    const auto at = static_cast<std::size_t>(index);
    if (at >= grammar_.patterns.size()) {
      failures_.note(at - grammar_.patterns.size(), line.text());
      continue;
    }
    const LogPattern& pattern = grammar_.patterns[at];
    const auto [whole, first, second] = matcher_->groups(index, line.text());
    const auto last_byte = static_cast<std::size_t>(whole.data() - line.text().data()) +
                           (whole.empty() ? 0 : whole.size() - 1);
    const os::TimePoint received = line.received_at(last_byte);
    const auto lasted = stated_duration(pattern, first);
    const Span stated{received - lasted.value_or(os::Clock::duration{0}), received};
    hear(pattern, worker, received, lasted);
    keep(pattern, worker, stated, pattern.key, first);
    keep(pattern, worker, stated, pattern.second_key, second);
  }
}

StartupLog::Worker* StartupLog::worker_of(std::string_view line) {
  std::string_view name = matcher_->worker(line);
  if (const auto found = workers_.find(name); found != workers_.end()) return &found->second;
  if (workers_.size() >= k_most_workers) name = "";
  Worker& worker = workers_[std::string(name)];
  worker.may_be_several = name.empty() && !grammar_.worker.empty();
  return &worker;
}

void StartupLog::hear(const LogPattern& pattern, Worker* worker, os::TimePoint at,
                      std::optional<os::Clock::duration> lasted) {
  if (pattern.phase.empty()) return;
  last_phase_ = pattern.phase;
  const auto key = std::make_pair(pattern.phase, pattern.sign.evidence);
  Heard& heard = worker->heard[key];
  if (heard.spans.size() >= k_most_spans) return;
  if (pattern.sign.says == Says::begins) {
    if (!heard.open) heard.open = at;
    ++heard.unended;
  }
  if (pattern.sign.says == Says::spans) {
    if (heard.spans.empty()) heard.spans.push_back({at, at});
    heard.spans.back().end = at;
  }
  if (pattern.sign.says != Says::ends && pattern.sign.says != Says::took) return;
  const bool another_is_open = worker->may_be_several && heard.unended > 0 && !heard.open;
  heard.unended = std::max(heard.unended - 1, 0);
  std::optional<os::TimePoint> begin = heard.open;
  heard.open.reset();
  if (const auto nobody = workers_.find(""); !begin && nobody != workers_.end()) {
    // Progress bars and the like stand on lines that name no worker.
    const auto unnamed = nobody->second.heard.find(key);
    if (unnamed != nobody->second.heard.end()) begin = unnamed->second.open;
  }
  if (lasted) {
    // A begin that was seen is truer than whole seconds; one from the middle of a progress bar, or
    // of an earlier round, is not.
    constexpr double k_rounding_s = 1;
    const os::TimePoint stated = at - *lasted;
    if (!begin || std::abs(os::seconds_between(stated, *begin)) > k_rounding_s) begin = stated;
  }
  if (begin) {
    heard.spans.push_back({*begin, at});
  } else if (another_is_open && !heard.spans.empty()) {
    heard.spans.back().end = at;
  }
}

void StartupLog::keep(const LogPattern& pattern, Worker* worker, const Span& stated,
                      std::string_view key, std::string_view value) {
  if (key.empty() || value.empty()) return;
  if (is_amount(key)) {
    const auto number = finite_number(value);
    if (!number) return;
    const double amount = key == pattern.key ? *number * pattern.scale : *number;
    if (pattern.sign.says == Says::sums_up) {
      totals_[key] = amount;
    } else {
      keep_amount(pattern.sign.says, *worker, stated, amount,
                  &worker->amounts[{key, pattern.sign.evidence}]);
    }
  } else if (is_count(key)) {
    if (const auto count = count_number(value)) said_[key] = *count;
  } else {
    said_[key] = std::string(value);
  }
}

void StartupLog::keep_amount(Says says, const Worker& worker, const Span& stated, double value,
                             Amount* kept) {
  const bool is_first = kept->before == 0 && kept->latest == 0;
  const bool same_load = says != Says::took || (worker.may_be_several &&
                                                are_beside_each_other(stated, kept->latest_span));
  if (!is_first && same_load && value <= kept->latest) return;
  if (!same_load) kept->before += kept->latest;
  kept->latest = value;
  kept->latest_span = stated;
}

std::vector<StartupLog::Span> StartupLog::spans_of(std::string_view phase) const {
  for (const Evidence evidence : {Evidence::direct, Evidence::progress, Evidence::enclosing}) {
    std::vector<Span> longest;
    os::Clock::duration longest_total{-1};
    for (const auto& [name, worker] : workers_) {
      const auto found = worker.heard.find({phase, evidence});
      if (found == worker.heard.end() || found->second.spans.empty()) continue;
      const os::Clock::duration total = union_of(found->second.spans);
      if (total <= longest_total) continue;
      longest_total = total;
      longest = found->second.spans;
    }
    if (!longest.empty()) return longest;
  }
  return {};
}

// The first sign of it, by any evidence, from any worker.
std::optional<os::TimePoint> StartupLog::begin_of(std::string_view phase) const {
  std::optional<os::TimePoint> first;
  const auto take_earlier = [&first](os::TimePoint at) {
    if (!first || at < *first) first = at;
  };
  for (const auto& [name, worker] : workers_) {
    for (const auto& [key, heard] : worker.heard) {
      if (key.first != phase) continue;
      if (heard.open) take_earlier(*heard.open);
      for (const Span& span : heard.spans) take_earlier(span.begin);
    }
  }
  return first;
}

std::vector<LogPhase> StartupLog::phases(os::TimePoint launched_at, os::TimePoint ready_at) const {
  const double load_s = os::seconds_between(launched_at, ready_at);
  const auto since_launch = [&](os::TimePoint at) {
    return std::clamp(os::seconds_between(launched_at, at), 0.0, std::max(load_s, 0.0));
  };
  std::vector<LogPhase> painted;
  for (const std::string_view phase : k_most_specific_first) {
    std::vector<Span> spans = spans_of(phase);
    // The server starts until it begins to load; from the HTTP server's start on it is HTTP's time.
    const auto loading = begin_of("weights");
    if (phase == "start" && loading) spans.push_back({launched_at, *loading});
    const auto http = begin_of("http");
    if (phase == "http" && http) spans.push_back({*http, ready_at});
    for (const Span& span : spans) {
      paint(phase, since_launch(span.begin), since_launch(span.end), &painted);
    }
  }
  std::sort(painted.begin(), painted.end(),
            [](const LogPhase& a, const LogPhase& b) { return a.start_s < b.start_s; });
  return painted;
}

text::json::object StartupLog::reported() const {
  std::map<std::string_view, double> amounts;
  for (const Evidence evidence : {Evidence::enclosing, Evidence::progress, Evidence::direct}) {
    std::map<std::string_view, double> largest;
    for (const auto& [name, worker] : workers_) {
      for (const auto& [key, amount] : worker.amounts) {
        if (key.second != evidence) continue;
        const double sum = amount.before + amount.latest;
        const auto [entry, is_new] = largest.emplace(key.first, sum);
        if (!is_new) entry->second = std::max(entry->second, sum);
      }
    }
    for (const auto& [key, amount] : largest) amounts[key] = amount;
  }
  for (const auto& [key, total] : totals_) amounts[key] = total;
  text::json::object result;
  const auto put = [&](std::string_view key) {
    if (key.empty() || result.contains(key)) return;
    if (const auto amount = amounts.find(key); amount != amounts.end()) {
      result[key] = amount->second;
    } else if (const auto said = said_.find(key); said != said_.end()) {
      result[key] = said->second;
    }
  };
  for (const LogPattern& pattern : grammar_.patterns) {
    put(pattern.key);
    put(pattern.second_key);
  }
  return result;
}

}  // namespace coldload::server
