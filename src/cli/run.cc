#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/figures_file.h"
#include "cli/values.h"
#include "run/entrypoint.h"
#include "run/figures.h"
#include "run/plan.h"
#include "server/argv.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

using run::ReaderNews;

constexpr std::string_view k_unknown_address = "where the server answers is not known";

// A line that nobody takes is dropped: a full disk, a log driver that hangs or a terminal that is
// gone are no reason to leave the server alone with its signals.
void say(const std::string& line) { print_err_if_taken("coldload: {}\n", line); }

// "; why", or nothing.
std::string behind_semicolon(const std::string& text) { return text.empty() ? "" : "; " + text; }

// "7.2 GB were read beside it in 14.1 s"; where nothing was, why.
std::string words_of(const ReaderNews& done) {
  if (done.bytes == 0) return done.text;
  return fmt::format("{}{} were read beside it in {:.1f} s{}", done.at_most ? "up to " : "",
                     text::format_bytes(done.bytes), done.seconds,
                     done.text.empty() ? "" : fmt::format(" ({})", done.text));
}

// What a person is told of it; empty: nothing. `served`: the path, or its copy.
std::string words_of(const run::RunRequest& request, const ReaderNews& news, bool ready_is_known,
                     const std::string& served) {
  const std::string bytes = text::format_bytes(news.bytes);
  switch (news.kind) {
    case ReaderNews::Kind::found:
      return news.path.empty() ? "" : fmt::format("{} stands for {}", request.path, news.path);
    case ReaderNews::Kind::copying:
      return "";
    case ReaderNews::Kind::refused:
    case ReaderNews::Kind::useless:
      return fmt::format("{}{} ahead: {}", run::k_not_read_ahead, served, news.text);
    case ReaderNews::Kind::reading:
      return fmt::format("reading {} of {} beside the server{}", bytes, served,
                         behind_semicolon(news.text));
    case ReaderNews::Kind::done:
      return ready_is_known || words_of(news).empty() ? "" : "the server runs; " + words_of(news);
    case ReaderNews::Kind::has_copy:
      return fmt::format("serving {}, a copy of {}", request.copy, request.path);
    case ReaderNews::Kind::copy_first:
      return fmt::format("copying {} to {} before the server starts: {}", request.path,
                         request.copy, news.text);
    case ReaderNews::Kind::copied:
      return fmt::format("{} is a copy of {} now: {} were copied in {:.1f} s{}", request.copy,
                         request.path, bytes, news.seconds, behind_semicolon(news.text));
    case ReaderNews::Kind::not_copied:
      return fmt::format("not copied to {}: {}", request.copy, news.text);
    case ReaderNews::Kind::set_absent:
    case ReaderNews::Kind::set_watched:
      return "";
    case ReaderNews::Kind::set_refused:
      return fmt::format("not reading what --start-set names: {}", news.text);
    case ReaderNews::Kind::set_reading:
      return fmt::format("reading {} in {} files of {} beside the server{}", bytes, news.files,
                         request.start_set, behind_semicolon(news.text));
    case ReaderNews::Kind::set_done:
      return fmt::format("{}{} in {} files of {} were read in {:.1f} s{}",
                         news.at_most ? "up to " : "", bytes, news.files, request.start_set,
                         news.seconds, behind_semicolon(news.text));
    case ReaderNews::Kind::set_learned:
      return fmt::format("{} holds what this start read: {} files, {}{}", request.start_set,
                         news.files, bytes, behind_semicolon(news.text));
    case ReaderNews::Kind::set_not_learned:
      return fmt::format("{} is not written: {}", request.start_set, news.text);
    case ReaderNews::Kind::late:
      return fmt::format("{} does not answer: starting the server without waiting for it",
                         request.path);
  }
  return "";
}

// What is wrong, and no more of it.
void say_problems(const run::RunRequest& request, run::RunPlan* plan) {
  plan->options.on_news = [&request](const ReaderNews& news) {
    const bool is_wrong = news.kind == ReaderNews::Kind::refused ||
                          news.kind == ReaderNews::Kind::set_refused ||
                          news.kind == ReaderNews::Kind::set_not_learned;
    if (is_wrong) say(words_of(request, news, true, request.path));
  };
}

void say_all(const run::RunRequest& request, run::RunPlan* plan) {
  for (const std::string& remark : plan->remarks) say(remark);
  if (plan->name_follows_directory) {
    say("clients see the directory that is served as the model's name, which changes when the copy"
        " is there: give --served-model-name");
  }
  const bool ready_is_known = plan->options.ready_url.has_value();
  if (!ready_is_known) say(fmt::format("{}: {}", k_unknown_address, plan->why_not_asked));
  plan->options.on_news = [&request, ready_is_known,
                           served = request.path](const ReaderNews& news) mutable {
    if (news.kind == ReaderNews::Kind::has_copy) served = request.copy;
    const std::string words = words_of(request, news, ready_is_known, served);
    if (!words.empty()) say(words);
  };
  plan->options.on_ready = [](double seconds, const std::optional<ReaderNews>& done) {
    say(fmt::format("ready after {:.1f} s{}", seconds,
                    behind_semicolon(done ? words_of(*done) : "")));
  };
}

// Leaves in `file` what is said, too.
void note_figures(run::StartFigures* figures, FiguresFile* file, run::RunPlan* plan) {
  plan->options.on_news = [=, say_it = std::move(plan->options.on_news)](const ReaderNews& news) {
    say_it(news);
    if (figures->take(news)) file->put(*figures);
  };
  plan->options.on_ready = [=, say_it = std::move(plan->options.on_ready)](
                               double seconds, const std::optional<ReaderNews>& done) {
    say_it(seconds, done);
    figures->ready_s = seconds;
    if (done) figures->take(*done);
    file->put(*figures);
  };
}

// As a shell answers for a command that it cannot start.
int run_entrypoint(const run::EntrypointOptions& options) {
  constexpr int k_not_found = 127;
  constexpr int k_not_executable = 126;
  constexpr int k_signal_base = 128;
  run::EntrypointEnd end;
  try {
    end = run::Entrypoint(options).run();
  } catch (const os::SystemError& error) {
    say(error.what());
    return error.code() == ENOENT ? k_not_found : k_not_executable;
  }
  if (!end.refused.empty()) throw os::Error(end.refused + "; the server was not started");
  if (!end.server) return k_signal_base + end.signal;
  return end.server->signal != 0 ? k_signal_base + end.server->signal : end.server->code;
}

}  // namespace

int run_server(const std::vector<std::string>& args) {
  const auto dashes = std::find(args.begin(), args.end(), "--");
  CLI::App app("Starts a server at once and reads the checkpoint at PATH into memory beside it.",
               "coldload run");
  app.footer(
      "Everything after -- is the server's command line, run without a shell; {model} and {port}"
      " are\nreplaced. Signals are passed on to the server; its exit code is ours.");
  run::RunRequest request;
  bool quiet = false;
  std::string figures_path;
  app.add_option("PATH", request.path,
                 "the checkpoint: a directory of safetensors, or a .gguf file")
      ->required();
  app.add_option("--stage", request.copy,
                 "serve DST, a copy of PATH on faster storage; where it is not there, make it for "
                 "the next start")
      ->type_name("DST");
  app.add_option("--start-set", request.start_set,
                 "read packages, libraries and all else that FILE names into memory, too; where it "
                 "is not there, write it when the server is ready")
      ->type_name("FILE");
  add_weights(&app, &request.weights);
  app.add_option("--port", request.port, "the server's port (default: as its command says)");
  app.add_option("--ready-url", request.ready_url,
                 "ready when this answers 200 (default: /health where its command says\n"
                 "that it listens); http, https, or http://unix:SOCKET:/PATH")
      ->type_name("URL");
  app.add_flag(
      "--strict", request.strict,
      "start nothing where PATH cannot be read, or nobody can tell where the server answers");
  app.add_flag("--quiet", quiet, "say nothing but what is wrong");
  app.add_option("--figures", figures_path,
                 "leave seconds and bytes in a file for programs: Prometheus' text where its name "
                 "ends in .prom, else JSON")
      ->type_name("FILE");
  if (!parse(app, {args.begin(), dashes})) return k_exit_ok;
  // Without a command: as if it were empty.
  request.command.assign(dashes == args.end() ? dashes : dashes + 1, args.end());
  run::RunPlan plan;
  try {
    plan = run::plan_run(request);
  } catch (const server::ArgvError& error) {
    throw UsageError(error.what());
  }
  if (request.strict && !plan.why_not_asked.empty()) {
    throw os::Error(
        fmt::format("{}: {}; the server was not started", k_unknown_address, plan.why_not_asked));
  }
  quiet ? say_problems(request, &plan) : say_all(request, &plan);
  run::StartFigures figures;
  figures.path = request.path;
  FiguresFile file(figures_path);
  note_figures(&figures, &file, &plan);
  return run_entrypoint(plan.options);
}

}  // namespace coldload::cli
