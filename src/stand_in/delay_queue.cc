#include "stand_in/delay_queue.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <sys/prctl.h>

namespace coldload::stand_in {

DelayQueue::DelayQueue(unsigned threads) : threads_(threads, [this](unsigned) { work(); }) {}

bool DelayQueue::later(const Entry& a, const Entry& b) {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void DelayQueue::push(os::TimePoint due, Job job) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    job(JobEnd::cancelled);
    return;
  }
  heap_.push_back({due, pushed_++, std::move(job)});
  std::push_heap(heap_.begin(), heap_.end(), later);
  // Only a new first entry changes what the watching thread waits for.
  const bool first = heap_.front().number == pushed_ - 1;
  lock.unlock();
  if (first) changed_.notify_all();
}

void DelayQueue::work() {
  // The default slack of 50 us would be added to every latency.
  ::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (heap_.empty() || (watched_ && heap_.front().due > os::Clock::now())) {
      changed_.wait(lock);
      continue;
    }
    if (heap_.front().due > os::Clock::now()) {
      watched_ = true;
      const os::TimePoint due = heap_.front().due;
      changed_.wait_until(lock, due);
      watched_ = false;
      continue;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Job job = std::move(heap_.back().job);
    heap_.pop_back();
    const bool more = !heap_.empty();
    lock.unlock();
    // Somebody has to watch the next entry while this one is worked on.
    if (more) changed_.notify_one();
    job(JobEnd::due);
    job = nullptr;
    lock.lock();
  }
}

void DelayQueue::stop() noexcept {
  std::vector<Entry> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    left.swap(heap_);
  }
  changed_.notify_all();
  threads_ = os::Crew();
  for (Entry& entry : left) entry.job(JobEnd::cancelled);
}

}  // namespace coldload::stand_in
