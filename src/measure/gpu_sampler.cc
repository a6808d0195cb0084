#include "measure/gpu_sampler.h"

#include <utility>

#include "measure/cost_bound.h"
#include "measure/timeline.h"
#include "os/clock.h"

namespace coldload::measure {

namespace {

constexpr double k_memory_share = 0.001;
constexpr double k_pcie_share = 0.0005;
// A look while the driver makes a context can take as much CPU time as all others together: without
// an end to the wait for its share the rest of the start would be in the dark.
constexpr std::chrono::seconds k_longest_wait{5};

}  // namespace

GpuSampler::GpuSampler(const gpu::Nvml& nvml, std::optional<double> baseline_mib)
    : nvml_(nvml), baseline_mib_(baseline_mib) {
  if (!nvml.availability().ok) return;
  // What it throws is lost. Out of memory: what was not seen stays unknown.
  thread_ = os::Crew(1, [this](unsigned) { run(); });
}

GpuSampler::~GpuSampler() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
}

records::GpuReading GpuSampler::take(const std::vector<pid_t>& pids) {
  const std::lock_guard lock(mutex_);
  pids_ = pids;
  return std::exchange(newest_, {});
}

double GpuSampler::cpu_s() {
  const std::lock_guard lock(mutex_);
  return cpu_s_;
}

void GpuSampler::run() {
  CostBound memory_cost(k_memory_share, {}, k_longest_wait);
  CostBound pcie_cost(k_pcie_share, {}, k_longest_wait);
  std::unique_lock lock(mutex_);
  while (!finished_) {
    const std::vector<pid_t> pids = pids_;
    lock.unlock();
    const os::TimePoint begin = os::Clock::now();
    records::GpuReading reading;
    memory_cost.look_if_due(begin, [&] {
      reading.memory_mib = memory_mib(pids);
      reading.utilization_percent = nvml_.utilization_percent();
    });
    pcie_cost.look_if_due(begin,
                          [&] { reading.pcie_rx_bytes_per_s = nvml_.pcie_rx_bytes_per_s(); });
    lock.lock();
    // What has not been taken yet stays, unless there is a newer figure.
    if (reading.memory_mib) newest_.memory_mib = reading.memory_mib;
    if (reading.utilization_percent) newest_.utilization_percent = reading.utilization_percent;
    if (reading.pcie_rx_bytes_per_s) newest_.pcie_rx_bytes_per_s = reading.pcie_rx_bytes_per_s;
    cpu_s_ = os::Seconds(os::thread_cpu_time()).count();
    wake_.wait_until(lock, begin + Timeline::k_period, [this] { return finished_; });
  }
}

std::optional<double> GpuSampler::memory_mib(const std::vector<pid_t>& pids) const {
  if (const auto of_tree = nvml_.used_mib_by(pids)) return of_tree;
  const auto used = nvml_.used_mib();
  if (!used || !baseline_mib_ || *used < *baseline_mib_) return std::nullopt;
  return *used - *baseline_mib_;
}

}  // namespace coldload::measure
