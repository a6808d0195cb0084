// An NVML of two GPUs, as far as coldload asks: built as libnvidia-ml.so.1, loaded before the real
// one is looked for. FAKE_NVML=silent makes it answer "not supported" to utilization and PCIe,
// FAKE_NVML=integrated to memory, as that of a GPU does which works in the machine's.
// The process that asks holds 100 MiB on the first GPU and 50 MiB on the second.

#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace {

constexpr int k_success = 0;
constexpr int k_not_supported = 3;
constexpr unsigned long long k_mib = 1ULL << 20U;

int devices[2] = {0, 1};

int index_of(const void* device) { return *static_cast<const int*>(device); }

bool is(const char* wanted) {
  const char* mode = std::getenv("FAKE_NVML");
  return mode != nullptr && std::strcmp(mode, wanted) == 0;
}

struct Memory {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
struct Process {
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};
struct Utilization {
  unsigned gpu, memory;
};

}  // namespace

extern "C" {

int nvmlInit_v2() { return k_success; }
int nvmlShutdown() { return k_success; }

int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  std::strncpy(text, "999.0", size);
  return k_success;
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return k_success;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &devices[index];
  return k_success;
}

int nvmlDeviceGetName(void*, char* text, unsigned size) {
  std::strncpy(text, "Fake GPU", size);
  return k_success;
}

int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  std::strncpy(text, index_of(device) == 0 ? "GPU-0" : "GPU-1", size);
  return k_success;
}

int nvmlDeviceGetMemoryInfo_v2(void* device, Memory* memory) {
  if (is("integrated")) return k_not_supported;
  memory->total = 1000 * k_mib;
  memory->used = index_of(device) == 0 ? 300 * k_mib : 200 * k_mib;
  return k_success;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* processes) {
  processes[0] = {static_cast<unsigned>(::getpid()),
                  index_of(device) == 0 ? 100 * k_mib : 50 * k_mib, 0, 0};
  *count = 1;
  return k_success;
}

int nvmlDeviceGetUtilizationRates(void* device, Utilization* rates) {
  if (is("silent")) return k_not_supported;
  *rates = {index_of(device) == 0 ? 20U : 70U, 5};
  return k_success;
}

// 1 is NVML_PCIE_UTIL_RX_BYTES; KB/s.
int nvmlDeviceGetPcieThroughput(void* device, int counter, unsigned* value) {
  if (is("silent")) return k_not_supported;
  *value = counter == 1 ? (index_of(device) == 0 ? 4000U : 1000U) : 7U;
  return k_success;
}
}
