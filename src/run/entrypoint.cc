#include "run/entrypoint.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "os/proc.h"
#include "process/port.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

// Ten requests a second disturb nobody, and "ready after 44.9 s" is still right.
constexpr std::chrono::milliseconds k_ready_pause{100};
// A server that is not ready by then listens elsewhere.
constexpr std::chrono::hours k_ready_limit{1};
constexpr std::chrono::seconds k_reader_grace{1};
constexpr std::chrono::seconds k_learner_grace{1};

bool would_end_us(int number) {
  const bool ends = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
  return ends && !os::ignored_at_start(number);
}

bool reap_if(std::optional<ReaderProcess>* process, pid_t ended) {
  return *process && (*process)->pid() == ended && (*process)->reap();
}

}  // namespace

EntrypointEnd Entrypoint::run() {
  fatal_signal_ = os::interrupt_signal();  // one from before signals came to us
  prepare();
  if (fatal_signal_ != 0) return {std::nullopt, fatal_signal_, ""};
  if (verdict_ == Kind::refused && options_.strict) return {std::nullopt, 0, refusal_};
  launch();
  while (true) {
    take_signals();
    if (ended_) break;
    try {
      take_news();
      take_learners_news();
      ask_if_ready();
      if (copy_is_due_ && !reader_ && !probe_) start_copier();
    } catch (const std::exception&) {
      // The server goes on without them.
      probe_.reset();
      drop_reader();
      learner_.reset();
    }
    std::optional<os::TimePoint> until = reader_has_until_;
    if (probe_) until = std::min(until.value_or(probe_->due()), probe_->due());
    wait(until);
  }
  finish_learning();
  return {ended_, 0, ""};
}

// Whatever goes wrong here, the server is to be started.
void Entrypoint::prepare() {
  try {
    wait_for_verdict();
    if (fatal_signal_ == 0 && verdict_ == Kind::copy_first && options_.copy) {
      copy_first();
      // What was read of it came beside the copying, if it did.
      if (set_verdict_ == Kind::set_reading) reader_.emplace(options_.start_set->reader);
    }
    if (fatal_signal_ == 0 && set_verdict_ == Kind::set_absent) start_learner();
  } catch (const std::exception& error) {
    drop_reader();
    options_.on_news({Kind::useless, error.what()});
  }
}

void Entrypoint::wait_for_verdict() {
  try {
    reader_.emplace(options_.reader);
  } catch (const os::Error& error) {
    options_.on_news({Kind::useless, error.what()});
  }
  const os::TimePoint deadline = os::Clock::now() + options_.patience;
  while (true) {
    take_signals();
    take_news();
    const bool knows_set = set_verdict_ || !options_.start_set;
    if (fatal_signal_ != 0 || (verdict_ && knows_set) || !reader_) return;
    if (os::Clock::now() >= deadline) return options_.on_news({Kind::late});
    wait(deadline);
  }
}

// Where reading ahead cannot help, a copy may.
void Entrypoint::copy_first() {
  start_copier();
  while (copying_) {
    take_signals();
    if (fatal_signal_ != 0) return;
    take_news();
    const os::TimePoint deadline = heard_at_ + options_.copy->patience;
    if (copying_ && os::Clock::now() >= deadline) {
      copying_ = false;
      options_.on_news(
          {Kind::not_copied, "it does not go on, and the server does not wait for it any longer"});
    }
    if (copying_) wait(deadline);
  }
  drop_reader();  // whatever hangs in it
}

void Entrypoint::start_copier() {
  copy_is_due_ = false;
  drop_reader();
  try {
    reader_.emplace(options_.copy->copier);
    copying_ = true;
    heard_at_ = os::Clock::now();
  } catch (const os::Error& error) {
    options_.on_news({Kind::not_copied, error.what()});
  }
}

// As long as a launch waits for the reader.
void Entrypoint::start_learner() {
  if (!options_.ready_url) {
    return options_.on_news({Kind::set_not_learned, "nobody can tell when the start is over"});
  }
  try {
    learner_.emplace(options_.start_set->learner);
  } catch (const os::Error& error) {
    return options_.on_news({Kind::set_not_learned, error.what()});
  }
  const os::TimePoint deadline = os::Clock::now() + options_.patience;
  while (learner_ && !is_watched_) {
    take_signals();
    if (fatal_signal_ != 0) return;
    take_learners_news();
    if (os::Clock::now() >= deadline) return end_learner("it cannot be watched in time");
    if (learner_ && !is_watched_) wait(deadline);
  }
}

void Entrypoint::take_learners_news() {
  if (!learner_) return;
  for (const ReaderNews& news : learner_->take()) {
    if (news.kind == Kind::set_watched) {
      is_watched_ = true;
    } else {
      options_.on_news(news);
      return learner_.reset();  // its last word
    }
  }
  if (learner_->fd() < 0) end_learner("who watched it ended early");
}

void Entrypoint::end_learner(const std::string& why_not) {
  if (!learner_) return;
  learner_.reset();
  options_.on_news({Kind::set_not_learned, why_not});
}

// The server has ended; what is being written shall not be left half.
void Entrypoint::finish_learning() {
  if (!learning_is_over_) return end_learner("the server ended before it was ready");
  const os::TimePoint deadline = os::Clock::now() + k_learner_grace;
  while (learner_ && os::Clock::now() < deadline) {
    take_signals();
    take_learners_news();
    if (learner_) wait(deadline);
  }
  end_learner("the server ended meanwhile");
}

void Entrypoint::launch() {
  os::SpawnOptions spawn;
  if (serves_copy_) {
    spawn.argv = options_.copy->argv;
  } else if (verdict_ == Kind::refused) {
    spawn.argv = options_.argv_as_written;
  } else {
    spawn.argv = model_.empty() || !options_.argv_of ? options_.argv : options_.argv_of(model_);
  }
  spawn.stdin_fd = STDIN_FILENO;
  spawn.ignored_signals = os::signals_ignored_at_start();
  server_.emplace(spawn);
  // What came before it was there, the terminal has not sent it.
  while (const auto arrival = inbox_.take()) {
    if (arrival->number == SIGCHLD) {
      reap();
    } else {
      server_->send_signal(arrival->number);
    }
  }
  if (!options_.ready_url) return;
  try {
    probe_.emplace(*options_.ready_url, k_ready_pause);
  } catch (const os::Error&) {
    probe_.reset();  // no such host: nobody will tell when it is ready
  }
}

// Until something happens, or `until`.
void Entrypoint::wait(std::optional<os::TimePoint> until) {
  std::vector<pollfd> entries{{inbox_.fd(), POLLIN, 0}};
  if (reader_ && reader_->fd() >= 0) entries.push_back({reader_->fd(), POLLIN, 0});
  if (learner_ && learner_->fd() >= 0) entries.push_back({learner_->fd(), POLLIN, 0});
  if (probe_) probe_->add_to(entries);
  (void)os::poll_until(entries, until);
}

void Entrypoint::take_signals() {
  while (const auto arrival = inbox_.take()) {
    if (arrival->number == SIGCHLD) {
      reap();
    } else if (server_) {
      forward(*arrival);
    } else if (would_end_us(arrival->number)) {
      fatal_signal_ = arrival->number;
    }
  }
}

void Entrypoint::forward(const os::SignalArrival& arrival) const {
  if (arrival.from_terminal && ::getpgid(server_->pid()) == ::getpgrp()) return;
  server_->send_signal(arrival.number);
}

// All that has ended: our own children, and the orphans that come to PID 1.
void Entrypoint::reap() {
  while (true) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (server_ && !ended_ && info.si_pid == server_->pid()) {
      ended_ = server_->try_wait();
    } else if (!reap_if(&reader_, info.si_pid) && !reap_if(&learner_, info.si_pid)) {
      ::waitpid(info.si_pid, nullptr, WNOHANG);
    }
  }
}

void Entrypoint::take_news() {
  if (!reader_) return;
  for (const ReaderNews& news : reader_->take()) {
    if (server_ && news.kind == Kind::has_copy) {
      // It would read what is not served.
      options_.on_news(
          {Kind::useless, "its copy is there, but was found too late to be served this time"});
      return drop_reader();
    }
    note(news);
    // After the launch nothing comes first; before it, an error is our caller's to tell.
    const bool is_error = news.kind == Kind::refused && options_.strict && !server_;
    if (!is_error && !(server_ && news.kind == Kind::copy_first)) options_.on_news(news);
  }
  const bool given_up = reader_has_until_ && os::Clock::now() >= *reader_has_until_;
  if (reader_->fd() >= 0 && !given_up) return;
  if (!verdict_ && reader_->fd() < 0 && !reader_has_until_) {
    options_.on_news({Kind::useless, "its reader ended before it had said anything"});
  }
  if (reading_ && !done_) {
    done_ = {Kind::done, given_up ? "the reader hangs and was given up" : "the reader ended early",
             0, 0, true};
    options_.on_news(*done_);
  }
  if (std::exchange(copying_, false)) {
    options_.on_news({Kind::not_copied, "the copying ended early"});
  }
  drop_reader();
  announce_ready();
}

void Entrypoint::note(const ReaderNews& news) {
  heard_at_ = os::Clock::now();
  const Kind kind = news.kind;
  if (kind < Kind::reading) verdict_ = kind;
  if (kind == Kind::set_absent || kind == Kind::set_refused || kind == Kind::set_reading) {
    set_verdict_ = kind;
  }
  if (kind == Kind::set_absent && server_) {
    options_.on_news({Kind::set_not_learned, "that it is not there was known too late"});
  }
  if (kind == Kind::refused) refusal_ = news.text;
  if (!news.path.empty()) model_ = news.path;
  if (kind == Kind::reading) reading_ = true;
  if (kind == Kind::done) done_ = news;
  if (kind == Kind::found) copy_is_due_ = options_.copy.has_value();
  if (kind == Kind::copy_first) copy_is_due_ = server_.has_value();  // too late to be the first
  if (kind == Kind::not_copied) copy_is_due_ = false;
  if (kind == Kind::copied || kind == Kind::not_copied) copying_ = false;
  // If it is launched after this.
  if (kind == Kind::copied || kind == Kind::has_copy) serves_copy_ = true;
}

// Its process may take as long to end as its mount hangs: reap() gets it then.
void Entrypoint::drop_reader() {
  reader_.reset();
  reader_has_until_.reset();
}

void Entrypoint::ask_if_ready() {
  if (!probe_) return;
  const bool ready = probe_->advance();
  const double elapsed_s = os::seconds_between(server_->launched_at(), os::Clock::now());
  if (!ready && elapsed_s < os::Seconds(k_ready_limit).count()) return;
  if (ready && !answered_by_another()) {
    ready_s_ = os::seconds_between(server_->launched_at(), *probe_->ready_at());
  }
  probe_.reset();
  if (!ready_s_) return end_learner("the server was not seen to be ready");
  learning_is_over_ = true;
  if (learner_) learner_->stop();
  if (!reader_) return announce_ready();
  reader_->stop();
  reader_has_until_ = os::Clock::now() + k_reader_grace;
}

bool Entrypoint::answered_by_another() const {
  if (!options_.must_be_ours) return false;
  // As PID 1 also what the server has let go: it is our child then.
  std::vector<pid_t> pids{server_->pid()};
  for (const os::ProcessInfo& info : os::descendants(::getpid())) pids.push_back(info.pid);
  return process::foreign_owner(*options_.ready_url, pids).has_value();
}

void Entrypoint::announce_ready() {
  if (!ready_s_) return;
  options_.on_ready(*ready_s_, done_);
  ready_s_.reset();
}

}  // namespace coldload::run
