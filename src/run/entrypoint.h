// A server in the foreground, as if it had been started without us, while another process reads its
// model's files: signals are passed on, orphans reaped, the exit status handed up. Fit for PID 1.
//
// The server is in our process group, so that a terminal's Ctrl-C and Ctrl-Z reach it as they
// always do; what the terminal sent to it already is not sent twice. Orphans come to us where we
// are PID 1; elsewhere they go where they would go without us.
//
// Layer: run. Takes the process's signals for good; one thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/signal_inbox.h"
#include "os/subprocess.h"
#include "process/readiness_probe.h"
#include "run/reader_process.h"

namespace coldload::run {

// A copy of the model's files on faster storage, for this start or for the next ones.
struct CopyOptions {
  std::vector<std::string> copier;  // the command of a ReaderProcess that makes it
  std::vector<std::string> argv;    // of the server where the copy is served
  // How long a launch waits for a copy that does not go on.
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
};

// A start set's file, which is read where it is there, and made where it is not.
struct StartSetOptions {
  std::vector<std::string> reader;   // the command of a ReaderProcess that reads it alone
  std::vector<std::string> learner;  // of one that watches the start; SIGTERM: the start is over
};

// What is said, before the reason, of a start whose files were not read ahead.
inline constexpr std::string_view k_not_read_ahead = "only starts the server; not reading ";

struct EntrypointOptions {
  std::vector<std::string> argv;
  // The same for another model than the one in it, where the reader finds that the path that was
  // given stands for that.
  std::function<std::vector<std::string>(const std::string& model)> argv_of;
  // Where the reader can make nothing of the path: it may mean something to the server, as written.
  std::vector<std::string> argv_as_written;
  // Such a path is an error; else the server is started all the same.
  bool strict = false;
  std::vector<std::string> reader;  // the command of a ReaderProcess
  // Made when the server is ready; before its launch only where the reader says so.
  std::optional<CopyOptions> copy;
  // What `reader` is told to read, too.
  std::optional<StartSetOptions> start_set;
  // Where the server answers 200 when it is ready; nothing: not known.
  std::optional<process::ReadyUrl> ready_url;
  // What another process than ours answers there does not count.
  bool must_be_ours = true;
  // How long the launch waits at most for the reader to say whether the files are there.
  std::chrono::nanoseconds patience = std::chrono::seconds(2);

  std::function<void(const ReaderNews&)> on_news = [](const ReaderNews&) {};
  // Seconds from launch to ready, and the reader's last news; nothing where it had nothing to read,
  // or has not answered.
  std::function<void(double, const std::optional<ReaderNews>&)> on_ready =
      [](double, const std::optional<ReaderNews>&) {};
};

struct EntrypointEnd {
  std::optional<os::ExitStatus> server;  // nothing: it was not started
  int signal = 0;                        // because of this signal, if it is not 0
  std::string refused;                   // or because the reader refused, and that is an error
};

class Entrypoint {
 public:
  // Call before any other thread starts.
  explicit Entrypoint(const EntrypointOptions& options) : options_(options) {}

  // Returns when the server has ended, whatever else still runs. Throws os::SystemError where its
  // command is not found or cannot be executed.
  [[nodiscard]] EntrypointEnd run();

 private:
  void prepare();
  void wait_for_verdict();
  void copy_first();
  void start_learner();
  void launch();
  void wait(std::optional<os::TimePoint> until);
  void take_signals();
  void forward(const os::SignalArrival& arrival) const;
  void reap();
  void take_news();
  void note(const ReaderNews& news);
  void ask_if_ready();
  [[nodiscard]] bool answered_by_another() const;
  void announce_ready();
  void drop_reader();
  void start_copier();
  void take_learners_news();
  void end_learner(const std::string& why_not);
  void finish_learning();

  const EntrypointOptions options_;
  os::SignalInbox inbox_;
  std::optional<ReaderProcess> reader_;
  std::optional<ReaderProcess> learner_;
  std::optional<os::Subprocess> server_;
  std::optional<os::ExitStatus> ended_;
  std::optional<process::ReadinessProbe> probe_;
  std::optional<double> ready_s_;                  // known, but not announced so far
  std::optional<os::TimePoint> reader_has_until_;  // to confirm that it ends
  std::optional<ReaderNews::Kind> verdict_;        // one of those before `reading`
  std::optional<ReaderNews::Kind> set_verdict_;    // the same of the start set's file
  std::string refusal_;                            // what came with that verdict
  std::optional<ReaderNews> done_;
  bool reading_ = false;
  bool is_watched_ = false;        // by the learner
  bool learning_is_over_ = false;  // the server was ready: it writes what it knows
  std::string model_;              // what the path stands for, where that is another one
  bool serves_copy_ = false;       // it is there
  bool copy_is_due_ = false;       // it is to be made
  bool copying_ = false;           // what `reader_` is there for
  os::TimePoint heard_at_;         // the latest news
  int fatal_signal_ = 0;           // one that came before the launch
};

}  // namespace coldload::run
