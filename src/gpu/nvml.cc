#include "gpu/nvml.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::gpu {

namespace {

// Our own minimal declarations of nvml.h (NVML API reference): types, not code.
using Handle = void*;  // of a device
constexpr int k_success = 0;
constexpr int k_not_supported = 3;  // NVML_ERROR_NOT_SUPPORTED
constexpr double k_mib = 1024.0 * 1024.0;

struct MemoryV2 {
  unsigned version = static_cast<unsigned>(sizeof(MemoryV2)) | (2U << 24U);
  unsigned long long total = 0;
  unsigned long long reserved = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};

struct ProcessMemory {
  unsigned pid = 0;
  unsigned long long used_bytes = 0;
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
};

struct Utilization {
  unsigned gpu = 0;
  unsigned memory = 0;
};

constexpr int k_pcie_rx_bytes = 1;  // NVML_PCIE_UTIL_RX_BYTES

constexpr unsigned long long k_not_available = ~0ULL;

}  // namespace

struct Nvml::Api {
  explicit Api(os::Dylib library) : driver(std::move(library)) {}

  [[nodiscard]] std::vector<Handle> devices() const {
    unsigned total = 0;
    std::vector<Handle> found;
    if (count(&total) != k_success) return found;
    for (unsigned i = 0; i < total; ++i) {
      Handle device = nullptr;
      if (handle(i, &device) == k_success) found.push_back(device);
    }
    return found;
  }

  const os::Dylib driver;
  int (*init)() = driver.symbol("nvmlInit_v2");
  int (*shutdown)() = driver.symbol("nvmlShutdown");
  int (*driver_version)(char*, unsigned) = driver.symbol("nvmlSystemGetDriverVersion");
  int (*count)(unsigned*) = driver.symbol("nvmlDeviceGetCount_v2");
  int (*handle)(unsigned, Handle*) = driver.symbol("nvmlDeviceGetHandleByIndex_v2");
  int (*name)(Handle, char*, unsigned) = driver.symbol("nvmlDeviceGetName");
  int (*uuid)(Handle, char*, unsigned) = driver.symbol("nvmlDeviceGetUUID");
  int (*memory)(Handle, MemoryV2*) = driver.symbol("nvmlDeviceGetMemoryInfo_v2");
  int (*processes)(Handle, unsigned*,
                   ProcessMemory*) = driver.symbol("nvmlDeviceGetComputeRunningProcesses_v3");
  int (*utilization)(Handle, Utilization*) = driver.symbol("nvmlDeviceGetUtilizationRates");
  int (*pcie_throughput)(Handle, int, unsigned*) = driver.symbol("nvmlDeviceGetPcieThroughput");
};

Nvml::Nvml() {
  const os::Dylib library("libnvidia-ml.so.1");
  if (!library.availability().ok) {
    availability_.reason =
        fmt::format("no NVIDIA driver found ({})", library.availability().reason);
    return;
  }
  try {
    auto api = std::make_unique<Api>(library);
    const int code = api->init();
    if (code != k_success) {
      availability_.reason = fmt::format("NVML does not start (nvmlInit: error {})", code);
      return;
    }
    api_ = std::move(api);
    availability_.ok = true;
  } catch (const os::Error& error) {
    availability_.reason = error.what();
  }
}

Nvml::~Nvml() {
  if (api_) api_->shutdown();
}

std::string Nvml::driver_version() const {
  std::array<char, 96> text{};
  if (!api_ || api_->driver_version(text.data(), text.size()) != k_success) return "";
  return text.data();
}

std::vector<GpuInfo> Nvml::devices() const {
  std::vector<GpuInfo> found;
  if (!api_) return found;
  for (Handle device : api_->devices()) {
    GpuInfo info;
    std::array<char, 96> text{};
    MemoryV2 memory;
    if (api_->name(device, text.data(), text.size()) == k_success) info.name = text.data();
    if (api_->uuid(device, text.data(), text.size()) == k_success) info.uuid = text.data();
    if (api_->memory(device, &memory) == k_success) {
      info.memory_mib = static_cast<std::uint64_t>(static_cast<double>(memory.total) / k_mib);
    }
    found.push_back(info);
  }
  return found;
}

std::optional<double> Nvml::used_mib() const {
  if (!api_) return std::nullopt;
  double sum = 0;
  for (Handle device : api_->devices()) {
    MemoryV2 memory;
    if (api_->memory(device, &memory) != k_success) return std::nullopt;
    sum += static_cast<double>(memory.used) / k_mib;
  }
  return sum;
}

std::optional<double> Nvml::used_mib_by(const std::vector<pid_t>& pids) const {
  if (!api_) return std::nullopt;
  double sum = 0;
  bool any = false;
  for (Handle device : api_->devices()) {
    std::array<ProcessMemory, 256> entries{};
    auto total = static_cast<unsigned>(entries.size());
    if (api_->processes(device, &total, entries.data()) != k_success) return std::nullopt;
    for (unsigned i = 0; i < std::min<unsigned>(total, entries.size()); ++i) {
      const auto pid = static_cast<pid_t>(entries[i].pid);
      if (std::find(pids.begin(), pids.end(), pid) == pids.end()) continue;
      if (entries[i].used_bytes == k_not_available) return std::nullopt;
      sum += static_cast<double>(entries[i].used_bytes) / k_mib;
      any = true;
    }
  }
  return any ? std::optional(sum) : std::nullopt;
}

std::optional<bool> Nvml::gpus_have_own_memory() const {
  if (!api_) return std::nullopt;
  const std::vector<Handle> devices = api_->devices();
  if (devices.empty()) return std::nullopt;
  return std::none_of(devices.begin(), devices.end(), [&](Handle device) {
    MemoryV2 memory;
    return api_->memory(device, &memory) == k_not_supported;
  });
}

std::optional<double> Nvml::utilization_percent() const {
  if (!api_) return std::nullopt;
  std::optional<double> most;
  for (Handle device : api_->devices()) {
    Utilization rates;
    if (api_->utilization(device, &rates) != k_success) return std::nullopt;
    most = std::max(most.value_or(0), static_cast<double>(rates.gpu));
  }
  return most;
}

std::optional<double> Nvml::pcie_rx_bytes_per_s() const {
  if (!api_) return std::nullopt;
  constexpr double k_kb = 1000;  // NVML's "KB/s"
  std::optional<double> sum;
  for (Handle device : api_->devices()) {
    unsigned kb_per_s = 0;
    if (api_->pcie_throughput(device, k_pcie_rx_bytes, &kb_per_s) != k_success) return std::nullopt;
    sum = sum.value_or(0) + k_kb * kb_per_s;
  }
  return sum;
}

}  // namespace coldload::gpu
