#include "run/reader_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace coldload::run {

namespace {

os::Subprocess start(const std::vector<std::string>& command, os::Fd* output) {
  os::Pipe pipe = os::make_pipe();
  os::SpawnOptions options;
  options.argv = command;
  options.stdout_fd = pipe.write_end.get();
  options.stderr_fd = pipe.write_end.get();  // not the caller's: a mount may hang for long
  options.new_session = true;
  os::Subprocess process(options);
  *output = std::move(pipe.read_end);
  ::fcntl(output->get(), F_SETFL, O_NONBLOCK);
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
  std::vector<ReaderNews> news;
  while (output_.valid()) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      output_.reset();
      break;
    }
    partial_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      if (auto one = parse_reader_line(partial_.substr(0, end))) news.push_back(std::move(*one));
      partial_.erase(0, end + 1);
    }
  }
  return news;
}

void ReaderProcess::stop() const noexcept { process_.send_signal(SIGTERM); }

void ReaderProcess::kill() const noexcept { process_.send_signal(SIGKILL); }

}  // namespace coldload::run
