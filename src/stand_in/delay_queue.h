// Work that is done at an instant, in order of due time, by a few threads.
//
// A job that waits holds no thread: ten thousand requests can wait for their latency at the same
// time.
//
// Layer: stand_in. Knows nothing of files or model formats.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "os/clock.h"
#include "os/crew.h"

namespace coldload::stand_in {

enum class JobEnd {
  due,        // its time has come
  cancelled,  // the queue is being stopped: release what the job holds, and do no more
};

class DelayQueue {
 public:
  // Must not throw.
  using Job = std::function<void(JobEnd)>;

  // Throws os::Error where the threads cannot be had.
  explicit DelayQueue(unsigned threads);
  ~DelayQueue() { stop(); }
  DelayQueue(const DelayQueue&) = delete;
  DelayQueue& operator=(const DelayQueue&) = delete;

  // Runs `job` on one of the threads, not before `due`. Jobs of the same instant run in the order
  // pushed. After stop() the job is cancelled at once, on the caller's thread.
  void push(os::TimePoint due, Job job);

  // Cancels what still waits, lets running jobs end, joins the threads. May be called twice.
  void stop() noexcept;

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<os::TimePoint, Job> jobs_;  // those of the same instant as they came
  bool watched_ = false;  // one thread sleeps until the first job is due, the others sleep
  bool stopped_ = false;
  os::Crew threads_;  // last: they use the rest
};

}  // namespace coldload::stand_in
