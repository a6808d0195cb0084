#include "gpu/cuda_api.h"

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::gpu {

namespace {

template <typename Function>
void find(const os::Dylib& library, const char* symbol, Function** out) {
  *out = reinterpret_cast<Function*>(library.symbol(symbol));
}

// What a GPU that fell off the bus, or a driver that was reloaded, answers.
bool means_lost(CudaResult result) {
  constexpr CudaResult k_ecc_uncorrectable = 214;
  constexpr CudaResult k_nvlink_uncorrectable = 220;
  constexpr CudaResult k_unknown = 999;
  return result == k_cuda_device_unavailable || result == k_ecc_uncorrectable ||
         result == k_nvlink_uncorrectable || result == k_unknown;
}

}  // namespace

CudaApi::CudaApi(const os::Dylib& library) {
  // The versioned names: the plain ones of these are an older ABI.
  find(library, "cuInit", &init);
  find(library, "cuGetErrorName", &error_name);
  find(library, "cuGetErrorString", &error_string);
  find(library, "cuDeviceGetCount", &device_count);
  find(library, "cuDeviceGet", &device);
  find(library, "cuDeviceGetName", &device_name);
  find(library, "cuDeviceGetPCIBusId", &device_pci_bus_id);
  find(library, "cuDevicePrimaryCtxRetain", &context_retain);
  find(library, "cuDevicePrimaryCtxRelease_v2", &context_release);
  find(library, "cuCtxSetCurrent", &context_set_current);
  find(library, "cuMemGetInfo_v2", &memory_info);
  find(library, "cuMemAlloc_v2", &memory_allocate);
  find(library, "cuMemFree_v2", &memory_free);
  find(library, "cuMemHostRegister_v2", &host_register);
  find(library, "cuMemHostUnregister", &host_unregister);
  find(library, "cuMemcpyHtoDAsync_v2", &copy_to_device);
  find(library, "cuMemcpyDtoHAsync_v2", &copy_to_host);
  find(library, "cuStreamCreate", &stream_create);
  find(library, "cuStreamDestroy_v2", &stream_destroy);
  find(library, "cuStreamSynchronize", &stream_synchronize);
  find(library, "cuEventCreate", &event_create);
  find(library, "cuEventDestroy_v2", &event_destroy);
  find(library, "cuEventRecord", &event_record);
  find(library, "cuEventQuery", &event_query);
  find(library, "cuEventSynchronize", &event_synchronize);
  copy_batch =
      reinterpret_cast<decltype(copy_batch)>(library.symbol_if_any("cuMemcpyBatchAsync_v2"));
}

std::string CudaApi::text(CudaResult result) const {
  const char* name = nullptr;
  const char* description = nullptr;
  if (error_name(result, &name) != k_cuda_success || name == nullptr) {
    return fmt::format("CUDA error {}", result);
  }
  if (error_string(result, &description) != k_cuda_success || description == nullptr) return name;
  return fmt::format("{} ({})", name, description);
}

void CudaApi::check(CudaResult result, std::string_view operation) const {
  if (result == k_cuda_success) return;
  throw os::Error(fmt::format("cannot {}: {}{}", operation, text(result),
                              means_lost(result)
                                  ? "; the GPU may be lost: look for Xid in the kernel's log, and "
                                    "whether nvidia-smi still lists it"
                                  : ""));
}

}  // namespace coldload::gpu
