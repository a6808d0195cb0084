#include "gpu/cuda_api.h"

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::gpu {

namespace {

// What a GPU that fell off the bus, or a driver that was reloaded, answers.
bool means_lost(CudaResult result) {
  constexpr CudaResult k_ecc_uncorrectable = 214;
  constexpr CudaResult k_nvlink_uncorrectable = 220;
  constexpr CudaResult k_unknown = 999;
  return result == k_cuda_device_unavailable || result == k_ecc_uncorrectable ||
         result == k_nvlink_uncorrectable || result == k_unknown;
}

}  // namespace

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
