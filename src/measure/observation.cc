#include "measure/observation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "os/clock.h"
#include "os/proc.h"

namespace coldload::measure {

Observation::Observation(serve::ProcessTree& tree, const std::vector<std::string>& weight_files,
                         std::set<pid_t> ignored)
    : tree_(tree), search_(weight_files), ignored_(std::move(ignored)), thread_([this] {
        try {
          run();
        } catch (const std::exception&) {
          // Out of descriptors or memory: what was not seen stays unknown. finish() looks again.
          return;
        }
      }) {}

Observation::~Observation() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Observed Observation::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  thread_.join();
  look_at_tree();
  look_for_foreign_readers();
  return observed_;
}

void Observation::run() {
  constexpr std::chrono::milliseconds k_period{50};
  constexpr int k_cost_divisor = 100;
  os::TimePoint next_foreign_look = os::Clock::now();
  std::unique_lock lock(mutex_);
  while (!finished_) {
    lock.unlock();
    look_at_tree();
    const os::TimePoint begin = os::Clock::now();
    if (begin >= next_foreign_look) {
      look_for_foreign_readers();
      const auto cost = os::Clock::now() - begin;
      next_foreign_look = begin + std::max<os::Clock::duration>(cost * k_cost_divisor,
                                                                std::chrono::milliseconds(250));
    }
    lock.lock();
    wake_.wait_for(lock, k_period, [this] { return finished_; });
  }
}

void Observation::look_at_tree() {
  const serve::StorageRead reads = tree_.storage_bytes_read();
  if (reads.bytes) {
    observed_.target_bytes = std::max(observed_.target_bytes.value_or(0), *reads.bytes);
  }
  observed_.lost_children = observed_.lost_children || reads.lost_children;
}

void Observation::look_for_foreign_readers() {
  const std::vector<storage::Holder> holders = search_.find();
  if (holders.empty()) return;
  std::set<pid_t> ours;
  for (const os::ProcessInfo& member : tree_.members()) ours.insert(member.pid);
  for (const storage::Holder& holder : holders) {
    if (ours.count(holder.pid) != 0 || ignored_.count(holder.pid) != 0) continue;
    // One that has ended meanwhile may have been the target's own, and one look can miss a process
    // whose parent has just ended: a stranger is who is there at two looks.
    const auto info = os::process_info(holder.pid);
    if (!info || info->state == 'Z' || info->state == 'X') continue;
    if (++strangers_[holder.pid] == 2) {
      observed_.foreign_readers.push_back(storage::describe(holder) + ": " + holder.path);
    }
  }
}

}  // namespace coldload::measure
