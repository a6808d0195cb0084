#include "run/reader_process.h"

#include <csignal>
#include <cstddef>
#include <utility>

#include <poll.h>

#include "os/child_output.h"
#include "os/clock.h"

namespace coldload::run {

namespace {

constexpr std::size_t k_longest_line = 1 << 20;

os::Subprocess start(const std::vector<std::string>& command, os::Fd* output) {
  os::Pipe pipe = os::make_pipe();
  os::SpawnOptions options;
  options.argv = command;
  options.stdout_fd = pipe.write_end.get();
  options.stderr_fd = pipe.write_end.get();  // not the caller's: a mount may hang for long
  options.new_session = true;
  os::Subprocess process(options);
  *output = std::move(pipe.read_end);
  return process;
}

}  // namespace

ReaderProcess::ReaderProcess(const std::vector<std::string>& command)
    : process_(start(command, &output_)) {}

ReaderProcess::~ReaderProcess() {
  kill();
  process_.detach();
}

std::vector<ReaderNews> ReaderProcess::take() {
  pollfd entry{output_.get(), POLLIN, 0};
  while (output_.valid() && partial_.size() <= k_longest_line &&
         os::poll_until({&entry, 1}, os::Clock::now())) {
    if (!os::read_some(output_, &partial_)) output_.reset();
  }
  std::vector<ReaderNews> news;
  for (const std::string& line : os::take_lines(&partial_)) {
    if (auto one = parse_reader_line(line)) news.push_back(std::move(*one));
  }
  if (partial_.size() > k_longest_line) {
    kill();  // what it says has no end
    output_.reset();
    partial_.clear();
  }
  return news;
}

void ReaderProcess::stop() const noexcept { process_.send_signal(SIGTERM); }

void ReaderProcess::kill() const noexcept { process_.send_signal(SIGKILL); }

}  // namespace coldload::run
