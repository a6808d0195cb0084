// A start set beside a server's start: its file looked at, what it names read, and what comes of
// it told.
//
// Layer: run. In the reader process. Knows nothing of models or servers.
#pragma once

#include <memory>
#include <string>

#include "os/crew.h"
#include "run/reader_news.h"
#include "run/start_set_reader.h"

namespace coldload::run {

// Owns its threads; those that hang are left behind. Made and asked in one thread, which forks
// nothing from then on.
class StartSetReading {
 public:
  // Waits a second for the file `path`, tells what it is, and begins to read what it names. What
  // comes of that is told when it is known, or soon after os::interrupted().
  StartSetReading(const std::string& path, const NewsPipe& listener);
  ~StartSetReading();
  StartSetReading(const StartSetReading&) = delete;
  StartSetReading& operator=(const StartSetReading&) = delete;

  // Null where nothing is read.
  [[nodiscard]] const StartSetReader* reader() const { return reader_.get(); }
  // Until all is read and told, or nobody listens any more.
  void wait();

 private:
  void start(start_set::StartSet set, const NewsPipe& listener);

  std::shared_ptr<StartSetReader> reader_;
  os::Crew teller_;
};

}  // namespace coldload::run
