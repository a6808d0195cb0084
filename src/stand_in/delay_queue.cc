#include "stand_in/delay_queue.h"

#include <utility>

#include <sys/prctl.h>

namespace coldload::stand_in {

DelayQueue::DelayQueue(unsigned threads) : threads_(threads, [this](unsigned) { work(); }) {}

void DelayQueue::push(os::TimePoint due, Job job) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    job(JobEnd::cancelled);
    return;
  }
  const auto pushed = jobs_.emplace(due, std::move(job));
  // Only a new first job changes what the watching thread waits for.
  const bool first = pushed == jobs_.begin();
  lock.unlock();
  if (first) changed_.notify_all();
}

void DelayQueue::work() {
  // The default slack of 50 us would be added to every latency.
  ::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (jobs_.empty() || (watched_ && jobs_.begin()->first > os::Clock::now())) {
      changed_.wait(lock);
      continue;
    }
    const os::TimePoint due = jobs_.begin()->first;
    if (due > os::Clock::now()) {
      watched_ = true;
      changed_.wait_until(lock, due);
      watched_ = false;
      continue;
    }
    Job job = std::move(jobs_.begin()->second);
    jobs_.erase(jobs_.begin());
    const bool more = !jobs_.empty();
    lock.unlock();
    // Somebody has to watch the next job while this one is worked on.
    if (more) changed_.notify_one();
    job(JobEnd::due);
    job = nullptr;
    lock.lock();
  }
}

void DelayQueue::stop() noexcept {
  std::multimap<os::TimePoint, Job> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    left.swap(jobs_);
  }
  changed_.notify_all();
  threads_ = os::Crew();
  for (const auto& [due, job] : left) job(JobEnd::cancelled);
}

}  // namespace coldload::stand_in
