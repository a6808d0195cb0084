#include "measure/arm_floor.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <poll.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/subprocess.h"
#include "records/trial_figures.h"

namespace coldload::measure {

namespace {

// The child ends by itself: beside its time it may take 15 s to look at the files, 10 s for a read
// that hangs, 30 s to give the page cache back, and a GPU's context some more.
constexpr std::chrono::seconds k_child_patience{k_arm_floor_s + 75};
constexpr std::chrono::seconds k_end_patience{5};
constexpr std::size_t k_longest_output = 1 << 20;

// Takes what a pipe gives; closes it at its end.
void drain(os::Fd* pipe, std::string* text) {
  if (!os::read_some(*pipe, text)) pipe->reset();
  text->resize(std::min(text->size(), k_longest_output));
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// Ends a child that is no longer wanted; one that hangs in the kernel is left behind.
void end_child(os::Subprocess& child) {
  child.send_signal(SIGTERM);  // it gives the page cache back, as far as that takes no longer
  if (child.wait_until(os::Clock::now() + k_end_patience)) return;
  child.send_signal(SIGKILL);
  if (!child.wait_until(os::Clock::now() + std::chrono::seconds(1))) child.detach();
}

// Runs the child to its end; what it printed. Throws os::Error with its last words.
std::string run_child(const std::vector<std::string>& argv, const std::function<void()>& tick) {
  os::Pipe output = os::make_pipe();
  os::Pipe errors = os::make_pipe();
  os::SpawnOptions options;
  options.argv = argv;
  options.executable = os::k_own_program;
  options.stdout_fd = output.write_end.get();
  options.stderr_fd = errors.write_end.get();
  options.new_session = true;
  os::Subprocess child(options);
  output.write_end.reset();
  errors.write_end.reset();
  const os::TimePoint give_up = os::Clock::now() + k_child_patience;
  std::string text;
  std::string words;
  while (output.read_end.valid() || errors.read_end.valid()) {
    std::array<pollfd, 3> entries{{{output.read_end.get(), POLLIN, 0},
                                   {errors.read_end.get(), POLLIN, 0},
                                   {os::interrupt_fd(), POLLIN, 0}}};
    ::poll(entries.data(), entries.size(), 100);
    if (os::interrupted() || os::Clock::now() >= give_up) {
      end_child(child);
      throw os::Error(os::interrupted() ? "interrupted" : "it did not come to its end");
    }
    if (entries[0].revents != 0) drain(&output.read_end, &text);
    if (entries[1].revents != 0) drain(&errors.read_end, &words);
    tick();
  }
  const auto status = child.wait_until(os::Clock::now() + k_end_patience);
  if (!status) {
    end_child(child);
    throw os::Error("it closed its output and went on");
  }
  if (!status->success()) {
    const std::string last = last_line(words);
    throw os::Error(last.empty() ? status->text() : last);
  }
  return text;
}

std::vector<std::string> floor_argv(const Arm& arm, bool with_gpu) {
  std::vector<std::string> argv{"coldload", "floor", "--json", "--time",
                                std::to_string(k_arm_floor_s)};
  if (!with_gpu) argv.emplace_back("--no-gpu");
  if (arm.pace) argv.insert(argv.end(), {"--pace", arm.pace->spec});
  argv.insert(argv.end(), {"--", arm.path});
  return argv;
}

// Whether the path of `arm` is also that of `earlier`, started in another way.
bool is_same_path(const Arm& earlier, const Arm& arm) {
  if (earlier.facts.label == arm.facts.prefetch_of) return true;
  return earlier.facts.start && arm.facts.start &&
         earlier.facts.start->path_label == arm.facts.start->path_label;
}

// The arm before `arm` that has its path: that is measured once. Null: there is none.
const Arm* earlier_of_path(const std::vector<Arm>& arms, const Arm& arm) {
  for (const Arm& other : arms) {
    if (&other == &arm) break;
    if (is_same_path(other, arm)) return &other;
  }
  return nullptr;
}

}  // namespace

bool wants_floor(const Plan& plan) { return plan.floor && plan.cold != ColdPolicy::off; }

records::Floor parse_floor_output(const std::string& output) {
  std::string error;
  const auto value = text::parse_json(output, &error);
  if (!value || !value->is_object()) {
    throw os::Error(fmt::format("what it printed is no JSON object {}", error));
  }
  const text::json::object* floor = text::object_at(value->get_object(), "floor");
  return floor == nullptr ? records::Floor() : records::floor_from_json(*floor);
}

void measure_arm_floors(const Plan& plan, std::vector<Arm>* arms, ExperimentWatcher& watcher) {
  if (!wants_floor(plan)) return;
  std::optional<records::GpuFloor> gpu;
  for (Arm& arm : *arms) {
    if (arm.facts.placeholder || os::interrupted()) continue;
    if (const Arm* const earlier = earlier_of_path(*arms, arm)) {
      arm.facts.floor = earlier->facts.floor;
      arm.facts.no_floor_reason = earlier->facts.no_floor_reason;
      continue;
    }
    const std::string step = fmt::format("floor of {}", arm.facts.label);
    try {
      arm.facts.floor =
          parse_floor_output(run_child(floor_argv(arm, !gpu), [&] { watcher.step(step, 0, 0); }));
      if (gpu) arm.facts.floor->gpu = *gpu;
      gpu = arm.facts.floor->gpu;
    } catch (const os::Error& error) {
      if (os::interrupted()) return;
      arm.facts.no_floor_reason = error.what();
      watcher.warning(fmt::format("the floor of {} was not measured: {}", arm.facts.label,
                                  arm.facts.no_floor_reason));
    }
  }
}

}  // namespace coldload::measure
