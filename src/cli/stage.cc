// coldload stage: copies a checkpoint to faster storage, so that it can be trusted.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/arrival_rate.h"
#include "cli/command.h"
#include "cli/live_line.h"
#include "cli/values.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "run/copy_source.h"
#include "stage/bounded_threads.h"
#include "stage/left_out.h"
#include "stage/stager.h"
#include "storage/watched_threads.h"
#include "text/fitted.h"
#include "text/json.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

struct StageArguments {
  stage::StageRequest request;
  bool all = false;
  std::string weights;  // which files those are, as a pattern; empty: guessed
  std::string remark;   // on what is copied
  bool verify = false;
  bool verify_source = false;
  bool json = false;
  bool quiet = false;
};

std::optional<StageArguments> parse_stage(const std::vector<std::string>& args) {
  StageArguments arguments;
  stage::StageRequest& request = arguments.request;
  std::vector<std::string> paths;
  bool follow_links = false;
  stage::Selection& filter = request.what.selection;
  CLI::App app(
      "Copy the model that a checkpoint is to faster storage: parallel, verified, resumable, "
      "atomic.",
      "coldload stage");
  app.add_option("PATHS", paths, "SRC: what is copied; DST: the new directory itself")->required();
  app.add_option("--jobs", request.jobs, "chunks of 16 MiB under way at once")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  add_read(&app, "--limit", &request.limit_bytes_per_s, text::parse_rate, "a rate, as in 500MB/s",
           "read no faster than this, as in 500MB/s")
      ->type_name("RATE");
  app.add_flag("--wait", request.wait, "wait where another coldload is staging to DST");
  app.add_flag("--replace", request.replace, "swap what is at DST for the new copy, in one step");
  app.add_option("--keep", request.keep,
                 "staged directories that may lie beside DST, DST counted: the oldest go")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  app.add_flag("--all", arguments.all,
               "copy what servers do not read, too: the weights once more, as in original/");
  add_weights(&app, &arguments.weights);
  app.add_option("--include", filter.include,
                 "only files whose path below SRC matches, of all that is there")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option("--exclude", filter.exclude, "no file whose path below SRC matches")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_flag("--follow-links", follow_links,
               "copy what links to elsewhere, or to directories, lead to");
  app.add_flag("--verify-hub", request.verify_hub,
               "hold the copy against the SHA-256 in the names of a hub cache's blobs");
  app.add_flag("--evict-after", request.evict_after, "leave no page of the copy in memory");
  app.add_flag("--verify", arguments.verify, "read DST again and check every byte");
  app.add_flag("--verify-source", arguments.verify_source,
               "the same for the source that DST was staged from");
  app.add_flag("--json", arguments.json, "print one JSON object");
  app.add_flag("-q,--quiet", arguments.quiet, "no progress");
  if (!parse(app, args)) return std::nullopt;
  if (arguments.verify || arguments.verify_source) {
    if (paths.size() != 1) throw UsageError("stage --verify: DST alone is wanted");
    request.destination = paths[0];
    return arguments;
  }
  if (paths.size() != 2) throw UsageError("stage: SRC and DST are wanted");
  if (!arguments.weights.empty() && (arguments.all || !filter.include.empty())) {
    throw UsageError(
        "stage: --weights says what belongs to the model, --all and --include choose of all that "
        "is there: give one of them");
  }
  request.source = paths[0];
  request.destination = paths[1];
  if (follow_links) request.what.links = stage::OutsideLinks::follow;
  return arguments;
}

// A live line on a terminal, a plain one every ten seconds elsewhere.
class StageLine {
 public:
  explicit StageLine(bool quiet) : quiet_(quiet) {}

  void step(const std::string& text) { put("stage: " + text, true); }

  void checked(std::uint64_t bytes) {
    put(fmt::format("stage: {} read and checked", text::format_bytes(bytes)), false);
  }

  void progress(const stage::CopyProgress& now) {
    kept_bytes_ = now.kept_bytes;
    // What was found in place costs no time: the rate is that of the last seconds.
    rate_.note(os::Clock::now(), now.bytes);
    std::string text = fmt::format("stage: {} of {}", text::format_bytes(now.bytes),
                                   text::format_bytes(now.total_bytes));
    if (const auto rate = rate_.bytes_per_s()) {
      const auto left = static_cast<double>(now.total_bytes - std::min(now.bytes, now.total_bytes));
      text +=
          fmt::format(", {}, {} left", text::format_rate(*rate), text::waiting_time(left / *rate));
    }
    if (!now.stalled.empty()) text += "; waiting for " + now.stalled;
    put(text, false);
  }

  // What an interrupted copy keeps.
  [[nodiscard]] std::uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  void put(const std::string& text, bool at_once) {
    if (quiet_) return;
    constexpr std::chrono::seconds k_plain_pause{10};
    if (line_.on_terminal()) {
      line_.draw(text);
    } else if (const os::TimePoint now = os::Clock::now(); at_once || now - last_ > k_plain_pause) {
      // The first one is due after a pause, too: a short copy needs none.
      if (at_once || last_ != os::TimePoint()) print_err("{}\n", text);
      last_ = now;
    }
  }

  const bool quiet_;
  LiveLine line_;
  os::TimePoint last_;
  ArrivalRate rate_;
  std::uint64_t kept_bytes_ = 0;
};

void print_json(const StageArguments& arguments, const stage::StageResult& result) {
  text::json::object out;
  out["source"] = arguments.request.source;
  out["destination"] = arguments.request.destination;
  out["up_to_date"] = result.up_to_date;
  out["bytes"] = result.bytes;
  out["files"] = result.files;
  out["copied_bytes"] = result.copied_bytes;
  out["resumed_bytes"] = result.resumed_bytes;
  out["streams_per_file"] =
      result.up_to_date ? text::json::value(nullptr) : text::json::value(result.streams);
  out["copy_s"] = result.up_to_date ? text::json::value(nullptr) : text::json::value(result.copy_s);
  out["left_out"] = {{"bytes", result.left_out.bytes},
                     {"files", result.left_out.files},
                     {"names", text::json::value_from(result.left_out.names)}};
  out["resident_bytes"] = text::or_null(result.resident_bytes);
  out["hub_checked"] = result.hub_checked;
  out["removed"] = text::json::value_from(result.removed);
  out["remarks"] = text::json::value_from(result.remarks);
  print_out("{}", Lines(text::to_pretty(out)));
}

void print_checked(const stage::StageResult& result) {
  if (result.hub_checked == 0) return;
  print_out("held against the hub's SHA-256: {} files\n", result.hub_checked);
}

void print_text(const StageArguments& arguments, const stage::StageResult& result) {
  const std::string& destination = arguments.request.destination;
  if (result.up_to_date) {
    print_out("{} is up to date: {} in {} files\n", destination, text::format_bytes(result.bytes),
              result.files);
    print_checked(result);
    return;
  }
  print_out("{}: {} in {} files, copied in {} s", destination, text::format_bytes(result.bytes),
            result.files, text::format_seconds(result.copy_s));
  if (result.copied_bytes > 0 && result.copy_s > 0) {
    print_out(" ({}, {})",
              text::format_rate(static_cast<double>(result.copied_bytes) / result.copy_s),
              result.read_way);
  }
  print_out("\n");
  if (result.resumed_bytes > 0) {
    print_out("resumed: {} were in place, and were read again and found right\n",
              text::format_bytes(result.resumed_bytes));
  }
  if (const std::string left_out = stage::words_of(result.left_out); !left_out.empty()) {
    print_out("{}; --all copies that, too\n", left_out);
  }
  print_checked(result);
  if (result.resident_bytes) {
    print_out("in memory now: {} of it\n", text::format_bytes(*result.resident_bytes));
  }
  for (const std::string& path : result.removed) print_out("removed to make room: {}\n", path);
}

// What of the model at the source is copied, found in a thread of its own: its mount may hang.
void choose_what_is_copied(StageArguments* arguments) {
  const auto source = std::make_shared<run::CopySource>();
  stage::run_bounded(
      1, [](const stage::Calls&) { return os::interrupted(); },
      [source, path = arguments->request.source, weights = arguments->weights](
          unsigned, os::PendingCall& call) {
        call.begin_open(path);
        *source = run::copy_source(path, weights);
        call.end();
      });
  stage::Selection& selection = arguments->request.what.selection;
  arguments->request.source = std::move(source->directory);
  // Globs of what is wanted are for all that is there.
  if (arguments->all || !selection.include.empty()) return;
  selection.only = std::move(source->selection.only);
  selection.leave_out = std::move(source->selection.leave_out);
  arguments->remark = std::move(source->remark);
}

int stage_and_print(StageArguments arguments) {
  choose_what_is_copied(&arguments);
  stage::StageResult result;
  std::uint64_t kept_bytes = 0;
  {
    StageLine line(arguments.quiet);
    result = stage::stage(arguments.request,
                          {[&](const std::string& step) { line.step(step); },
                           [&](const stage::CopyProgress& now) { line.progress(now); }});
    kept_bytes = line.kept_bytes();
  }
  if (result.interrupted) {
    throw os::Error(
        fmt::format("interrupted: {} is as it was; {} of the copy are kept beside it, and the same "
                    "command goes "
                    "on there",
                    arguments.request.destination,
                    kept_bytes > 0 ? text::format_bytes(kept_bytes) : "no bytes"));
  }
  if (!arguments.remark.empty()) result.remarks.push_back(arguments.remark);
  arguments.json ? print_json(arguments, result) : print_text(arguments, result);
  for (const std::string& remark : result.remarks) print_err("coldload: {}\n", remark);
  return k_exit_ok;
}

int verify_and_print(const StageArguments& arguments) {
  stage::VerifyOutcome outcome;
  {
    StageLine line(arguments.quiet);
    outcome = stage::verify_staged(arguments.request.destination, arguments.verify_source,
                                   arguments.request.jobs,
                                   [&](std::uint64_t bytes) { line.checked(bytes); });
  }
  if (outcome.interrupted) throw os::Error("interrupted: not all of it was read");
  if (arguments.json) {
    text::json::object out;
    out["right"] = outcome.problems.empty();
    out["bytes"] = outcome.bytes;
    out["problems"] = text::json::value_from(outcome.problems);
    print_out("{}", Lines(text::to_pretty(out)));
  } else if (outcome.problems.empty()) {
    print_out("{}: {} are what was staged\n", arguments.request.destination,
              text::format_bytes(outcome.bytes));
  }
  for (const std::string& problem : outcome.problems) print_err("coldload: {}\n", problem);
  if (!outcome.problems.empty() && !arguments.verify_source) {
    print_err("coldload: remove {0} and {0}.coldload.json, then stage again\n",
              arguments.request.destination);
  }
  for (const std::string& name : outcome.unknown) {
    print_err("coldload: {} is not named by the manifest\n", name);
  }
  return outcome.problems.empty() ? k_exit_ok : k_exit_failed;
}

}  // namespace

int run_stage(const std::vector<std::string>& args) {
  const auto arguments = parse_stage(args);
  if (!arguments) return k_exit_ok;
  return arguments->verify || arguments->verify_source ? verify_and_print(*arguments)
                                                       : stage_and_print(*arguments);
}

}  // namespace coldload::cli
