#include "run/read_start_set.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "start_set/set_file.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

constexpr std::chrono::seconds k_patience{1};  // of the launch, which waits
constexpr std::chrono::milliseconds k_tick{20};

// What the thread that looks at the file shares with who waits for it: where it hangs, it keeps it.
struct Looked {
  start_set::StartSet set;
  ReaderNews::Kind kind = Kind::set_refused;
  std::string problem;
};

void look_at(const std::string& path, Looked* looked) {
  try {
    looked->set = start_set::read_start_set(path);
    looked->kind = Kind::set_reading;
  } catch (const os::SystemError& error) {
    looked->problem = error.what();
    if (error.code() == ENOENT) looked->kind = Kind::set_absent;
  } catch (const std::exception& error) {
    looked->problem = error.what();
  }
}

// Throws os::Error where the file's mount hangs.
std::shared_ptr<Looked> looked_at(const std::string& path) {
  auto looked = std::make_shared<Looked>();
  os::Crew looker(1, [looked, path](unsigned) { look_at(path, looked.get()); });
  if (!looker.wait_until(os::Clock::now() + k_patience)) {
    looker.leave_behind();
    throw os::Error(path + " does not answer");
  }
  looker.join();
  return looked;
}

std::string words_of(const StartSetOutcome& outcome) {
  std::string words;
  if (outcome.left_out > 0) {
    const bool are_more = outcome.left_out > outcome.named.size();
    words = fmt::format("{} left out: {}{}", outcome.left_out, fmt::join(outcome.named, ", "),
                        are_more ? ", ..." : "");
  }
  if (outcome.left_out > outcome.files) {
    words += "; most of it is not of this machine: remove the file, and it is learned anew";
  }
  if (!outcome.had_room) {
    words.append(words.empty() ? "" : "; ").append("memory had no room for more");
  }
  return words;
}

void tell_end(StartSetReader* reader, const NewsPipe& listener) {
  const os::TimePoint began = os::Clock::now();
  while (!reader->wait_until(os::Clock::now() + k_tick)) {
    if (!listener.is_heard() || os::interrupted()) break;
  }
  reader->stop();
  const StartSetOutcome outcome = reader->outcome();
  ReaderNews news{Kind::set_done, words_of(outcome), outcome.read_bytes,
                  os::seconds_between(began, os::Clock::now()), outcome.at_most};
  news.files = outcome.files;
  listener.tell(news);
}

}  // namespace

StartSetReading::StartSetReading(const std::string& path, const NewsPipe& listener) {
  try {
    const std::shared_ptr<Looked> looked = looked_at(path);
    if (looked->kind != Kind::set_reading) {
      listener.tell({looked->kind, looked->problem});
    } else {
      start(std::move(looked->set), listener);
    }
  } catch (const std::exception& error) {  // no thread, no memory
    listener.tell({Kind::set_refused, error.what()});
  }
}

void StartSetReading::start(start_set::StartSet set, const NewsPipe& listener) {
  std::string remarks = fmt::format("{}", fmt::join(set.remarks, "; "));
  reader_ = std::make_shared<StartSetReader>(std::move(set), StartSetReaderOptions{});
  ReaderNews news{Kind::set_reading, std::move(remarks), reader_->bytes()};
  news.files = reader_->files();
  reader_->start();
  listener.tell(news);
  teller_ =
      os::Crew(1, [reader = reader_, listener](unsigned) { tell_end(reader.get(), listener); });
}

StartSetReading::~StartSetReading() { teller_.leave_behind(); }

void StartSetReading::wait() {
  if (teller_.size() > 0) teller_.join();
}

}  // namespace coldload::run
