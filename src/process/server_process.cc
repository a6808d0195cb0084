#include "process/server_process.h"

#include <algorithm>
#include <exception>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "os/interrupt.h"
#include "process/port.h"

namespace coldload::process {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto k_destructor_grace = std::chrono::seconds(2);

// The URL of a server that may be launched now.
ReadyUrl free_url(const std::string& text) {
  ReadyUrl url = parse_ready_url(text);
  require_silent(url);
  if (is_loopback(url)) require_port_free(url.port);
  return url;
}

}  // namespace

ServerProcess::ServerProcess(const LaunchOptions& options)
    : options_(options),
      url_(free_url(options.ready_url)),
      makes_socket_(!url_.socket_path.empty() && ::access(url_.socket_path.c_str(), F_OK) != 0),
      pump_(
          {options.log, options.echo, options.on_output, options.secrets, options.log_limit_bytes}),
      guard_(options.guard, pump_.write_fd()) {
  pump_.close_write_end();
  tree_.set_cgroup(guard_.cgroup());
  tree_.set_guard(guard_.pid());
  guard_.launch(options);
  tree_.set_root(guard_.server());
}

ServerProcess::~ServerProcess() {
  try {
    [[maybe_unused]] const auto survivors = stop(k_destructor_grace);
  } catch (...) {
    // No memory for a list of processes: the guard still ends them.
    return;
  }
}

std::optional<std::string> ServerProcess::ended() {
  if (!exit_) exit_ = guard_.try_wait();
  if (guard_.lost()) return "coldload's guard of the server was killed";
  if (!exit_) return std::nullopt;
  if (exit_->success()) {
    // It may have started the server in the background. One look can miss a process whose parent
    // has just ended, so two in a row count.
    const os::TimePoint now = os::Clock::now();
    if (!tree_was_empty_ && now < next_tree_look_) return std::nullopt;
    constexpr auto k_pause = milliseconds(50);
    next_tree_look_ = now + k_pause;
    const bool was_empty = tree_was_empty_;
    tree_was_empty_ = tree_.members().empty();
    if (!tree_was_empty_ || !was_empty) return std::nullopt;
  }
  return "the server ended: " + end_text(*exit_, memory_kills_before_, memory_kills());
}

std::optional<std::string> ServerProcess::ended_by_now() {
  std::optional<std::string> end = ended();
  while (!end && exit_ && exit_->success() && tree_.members().empty()) {
    std::this_thread::sleep_until(next_tree_look_);
    end = ended();
  }
  return end;
}

// Until something happens, `until`, or the probe's next request.
void ServerProcess::wait_for_events(const ReadinessProbe& probe, os::TimePoint until) const {
  std::vector<pollfd> entries;
  probe.add_to(entries);
  if (os::interrupt_fd() >= 0) entries.push_back({os::interrupt_fd(), POLLIN, 0});
  if (!exit_) entries.push_back({guard_.fd(), POLLIN, 0});
  (void)os::poll_until(entries, std::min(until, probe.due()));
}

Readiness ServerProcess::wait_ready(const std::function<void()>& on_tick, nanoseconds tick) {
  ReadinessProbe probe(url_);
  const os::TimePoint deadline = launched_at() + options_.timeout;
  os::TimePoint next_tick = os::Clock::now() + tick;
  Readiness result;
  const auto failed = [&](Outcome outcome, const std::string& reason) {
    result.outcome = outcome;
    result.reason = reason;
    return result;
  };
  while (true) {
    const bool ready = probe.advance();
    result.port_open_at = probe.port_open_at();
    if (ready) {
      result.ready_at = probe.ready_at();
      return confirm_ready(result);
    }
    const os::TimePoint now = os::Clock::now();
    pump_.check();
    if (os::interrupted()) {
      return failed(Outcome::interrupted, "interrupted before the server was ready");
    }
    if (const auto end = ended()) return failed(Outcome::exited, *end + " before it was ready");
    if (now >= deadline) {
      return failed(
          Outcome::timed_out,
          fmt::format("no HTTP 200 from {} within {:.0f} s; the last answer: {}", url_.text,
                      os::Seconds(options_.timeout).count(), probe.last_answer()));
    }
    if (now >= next_tick) {
      if (on_tick) on_tick();
      next_tick = os::Clock::now() + tick;
    }
    os::TimePoint until = std::min(deadline, next_tick);
    if (exit_) until = std::min(until, next_tree_look_);
    wait_for_events(probe, until);
  }
}

// Looks, after the clock has stopped, whether it is our server that answers: between the check
// before the launch and now another process could have taken the port.
Readiness ServerProcess::confirm_ready(Readiness result) {
  result.outcome = Outcome::ready;
  if (!is_of_this_machine(url_)) return result;
  std::vector<pid_t> pids;
  for (const os::ProcessInfo& info : tree_.members()) pids.push_back(info.pid);
  const auto owner = foreign_owner(url_, pids);
  if (!owner) return result;
  result.outcome = Outcome::not_ours;
  result.reason = fmt::format("{} is answered by pid {} ({}), which is not the server's",
                              place_of(url_), owner->pid, owner->name);
  return result;
}

std::vector<Survivor> ServerProcess::stop(nanoseconds grace) {
  if (!exit_) exit_ = guard_.try_wait();  // wakes one that was stopped: it reaps the dead
  std::vector<Survivor> survivors = tree_.stop(grace);
  if (survivors.empty()) {
    constexpr auto k_report_limit = std::chrono::seconds(2);  // all it has to do is to be scheduled
    if (!exit_) exit_ = guard_.wait_until(os::Clock::now() + k_report_limit);
    guard_.release();
    if (makes_socket_) remove_dead_socket(url_.socket_path);
  }
  pump_.finish();
  return survivors;
}

std::string ServerProcess::why_output_is_cut() {
  try {
    pump_.check();
  } catch (const std::exception& error) {
    return error.what();
  }
  return pump_.log_problem();
}

std::optional<std::string> ServerProcess::port_still_held(nanoseconds limit) const {
  if (!is_loopback(url_)) return std::nullopt;
  const os::TimePoint deadline = os::Clock::now() + limit;
  while (!port_is_free(url_.port)) {
    if (os::Clock::now() >= deadline) {
      return fmt::format("port {} is still held by {}", url_.port, describe_owner(url_.port));
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  return std::nullopt;
}

}  // namespace coldload::process
