#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "cli/command.h"
#include "process/port.h"
#include "run/entrypoint.h"
#include "server/argv.h"
#include "server/invocation.h"
#include "server/server_kind.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

using run::ReaderNews;

struct RunFlags {
  std::string path;
  std::string stage;
  std::string ready_url;
  std::uint16_t port = 0;
  bool quiet = false;
};

// The address to ask a server at that listens on `host`; empty where nobody can tell.
std::string host_to_ask(const std::string& host) {
  constexpr std::array<std::string_view, 4> k_any{"", "0.0.0.0", "::", "localhost"};
  if (std::find(k_any.begin(), k_any.end(), host) != k_any.end()) return "127.0.0.1";
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ? host : "";
}

// Where the server will answer when it is ready, as far as flags and command tell; {port} in it
// stands for itself. Empty: not known.
std::string url_template(const RunFlags& flags, const server::ServerKind& kind,
                         const std::vector<std::string>& words) {
  if (!flags.ready_url.empty()) return flags.ready_url;
  const bool speaks_tls = server::has_flag(
      words, {"--ssl-keyfile", "--ssl-certfile", "--ssl-key-file", "--ssl-cert-file"});
  const std::string host = host_to_ask(server::flag_value(words, {"--host"}).value_or(""));
  if (speaks_tls || host.empty()) return "";
  return fmt::format("http://{}:{{port}}{}", host, kind.ready_endpoint);
}

// Asking must not wait for a name server.
process::ReadyUrl local_url(const std::string& text) {
  process::ReadyUrl url;
  try {
    url = process::parse_ready_url(text);
  } catch (const os::Error& error) {
    throw UsageError(error.what());
  }
  if (!process::needs_no_name_server(url)) {
    throw UsageError(fmt::format(
        "--ready-url {}: its host is localhost or an IP address: the server runs here", text));
  }
  return url;
}

// A line that nobody takes is dropped: a full disk, a log driver that hangs or a terminal that is
// gone are no reason to leave the server alone with its signals.
void say(const std::string& line) {
  const std::string text = fmt::format("coldload: {}\n", line);
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1 || (entry.revents & POLLOUT) == 0) return;
  [[maybe_unused]] const auto put = ::write(STDERR_FILENO, text.data(), text.size());
}

// The server's command, and where it says that it is ready.
void place_server(const RunFlags& flags, const std::vector<std::string>& words,
                  run::EntrypointOptions* options) {
  // With two directories that may be served, the command cannot name one.
  server::ArgvFacts facts =
      flags.stage.empty() ? server::facts_of_argv(words) : server::examine_argv(words);
  if (facts.uses_max_model_len) {
    throw UsageError("run knows no {max_model_len}: write the number into the server's command");
  }
  const server::ServerKind& kind = server::recognise(server::look_through(words));
  const bool says_port = facts.uses_port || facts.fixed_port || flags.port != 0;
  if (!says_port && kind.default_port != 0) facts.fixed_port = kind.default_port;
  std::string url = url_template(flags, kind, words);
  const bool port_known = facts.uses_port || facts.fixed_port || flags.port != 0;
  if (flags.ready_url.empty() && !port_known) url.clear();
  const std::string any_url = url.empty() ? "http://127.0.0.1/" : url;
  const server::ReadyPlan plan = server::plan_ready(facts, flags.port, any_url);
  const auto port = plan.choose_port ? std::optional(process::choose_free_port()) : plan.port;
  // Without a look at the path: that is the reader's, which may hang.
  const std::string model = std::filesystem::absolute(flags.path);
  options->argv = server::substitute(words, {model, port, std::nullopt});
  options->reader = {"/proc/self/exe", "read-ahead", model};
  if (!flags.stage.empty()) {
    if (std::filesystem::path(model).extension() == ".gguf") {
      throw UsageError("--stage: a .gguf file cannot be staged by itself: name its directory");
    }
    const std::string copy = std::filesystem::absolute(flags.stage);
    options->reader.push_back(copy);
    options->copy = {{"/proc/self/exe", "read-ahead", "--copy", model, copy},
                     server::substitute(words, {copy, port, std::nullopt})};
    const bool by_path = &kind == &server::k_vllm || &kind == &server::k_sglang;
    if (by_path && !server::has_flag(words, {"--served-model-name"}) && !flags.quiet) {
      say("clients see the directory that is served as the model's name, which changes when the "
          "copy"
          " is there: give --served-model-name");
    }
  }
  if (url.empty()) return;
  options->ready_url = local_url(server::substitute(url, {model, port, std::nullopt}));
  options->must_be_ours = flags.ready_url.empty();
}

// "7.2 GB were read beside it in 14.1 s"; where nothing was, why.
std::string words_of(const ReaderNews& done) {
  std::string words;
  if (done.bytes > 0) {
    words = fmt::format("{}{} were read beside it in {:.1f} s", done.at_most ? "up to " : "",
                        text::format_bytes(done.bytes), done.seconds);
  }
  if (done.text.empty()) return words;
  return words.empty() ? done.text : fmt::format("{} ({})", words, done.text);
}

// `served`: PATH or its copy.
void say_news(const RunFlags& flags, const ReaderNews& news, bool ready_is_known,
              const std::string& served) {
  switch (news.kind) {
    case ReaderNews::Kind::refused:  // after the launch: found out late
    case ReaderNews::Kind::useless:
      return say(fmt::format("{}{} ahead: {}", run::k_not_read_ahead, served, news.text));
    case ReaderNews::Kind::reading:
      return say(fmt::format("reading {} of {} beside the server{}{}",
                             text::format_bytes(news.bytes), served, news.text.empty() ? "" : "; ",
                             news.text));
    case ReaderNews::Kind::done:
      if (!ready_is_known && !words_of(news).empty()) say("the server runs; " + words_of(news));
      break;
    case ReaderNews::Kind::found:
      break;
    case ReaderNews::Kind::has_copy:
      return say(fmt::format("serving {}, a copy of {}", flags.stage, flags.path));
    case ReaderNews::Kind::copy_first:
      return say(fmt::format("copying {} to {} before the server starts: {}", flags.path,
                             flags.stage, news.text));
    case ReaderNews::Kind::copying:
      break;
    case ReaderNews::Kind::copied:
      return say(fmt::format("{} is a copy of {} now: {} were copied in {:.1f} s{}{}", flags.stage,
                             flags.path, text::format_bytes(news.bytes), news.seconds,
                             news.text.empty() ? "" : "; ", news.text));
    case ReaderNews::Kind::not_copied:
      return say(fmt::format("not copied to {}: {}", flags.stage, news.text));
    case ReaderNews::Kind::late:
      return say(fmt::format("{} does not answer: starting the server without waiting for it",
                             flags.path));
  }
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
  RunFlags flags;
  app.add_option("PATH", flags.path, "the checkpoint: a directory of safetensors, or a .gguf file")
      ->required();
  app.add_option("--stage", flags.stage,
                 "serve DST, a copy of PATH on faster storage; where it is not there, make it for "
                 "the next start");
  app.add_option("--port", flags.port, "the server's port (default: as its command says)");
  app.add_option("--ready-url", flags.ready_url,
                 "ready when this answers 200 (default: http://127.0.0.1:{port}/health)");
  app.add_flag("--quiet", flags.quiet, "say nothing but what is wrong");
  if (!parse(app, {args.begin(), dashes})) return k_exit_ok;
  // Without a command: as if it were empty.
  const std::vector<std::string> words(dashes == args.end() ? dashes : dashes + 1, args.end());
  run::EntrypointOptions options;
  try {
    place_server(flags, words, &options);
  } catch (const server::ArgvError& error) {
    throw UsageError(error.what());
  }
  if (!flags.quiet) {
    const bool ready_is_known = options.ready_url.has_value();
    options.on_news = [&flags, ready_is_known,
                       served = flags.path](const ReaderNews& news) mutable {
      if (news.kind == ReaderNews::Kind::has_copy) served = flags.stage;
      say_news(flags, news, ready_is_known, served);
    };
    options.on_ready = [](double seconds, const std::optional<ReaderNews>& done) {
      const std::string read = done ? words_of(*done) : "";
      say(fmt::format("ready after {:.1f} s{}{}", seconds, read.empty() ? "" : "; ", read));
    };
  }
  return run_entrypoint(options);
}

}  // namespace coldload::cli
