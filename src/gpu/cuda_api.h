// The CUDA driver's functions that coldload calls, found in libcuda at run time.
//
// Layer: gpu. For the files of this folder; others use gpu/cuda.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/dylib.h"

namespace coldload::gpu {

// Our own minimal declarations of cuda.h (CUDA driver API reference): types, not code.
using CudaDevice = int;
using CudaContext = void*;
using CudaStream = void*;
using CudaEvent = void*;
using CudaResult = int;

// CUmemLocation and CUmemcpyAttributes.
struct CudaLocation {
  int type = 0;  // CU_MEM_LOCATION_TYPE_INVALID: no hint
  int id = 0;
};
struct CudaCopyAttributes {
  int source_access_order = 1;  // CU_MEMCPY_SRC_ACCESS_ORDER_STREAM
  CudaLocation source_hint;
  CudaLocation destination_hint;
  unsigned flags = 0;
};

inline constexpr CudaResult k_cuda_success = 0;
inline constexpr CudaResult k_cuda_out_of_memory = 2;
inline constexpr CudaResult k_cuda_device_unavailable = 46;
inline constexpr CudaResult k_cuda_no_device = 100;
inline constexpr CudaResult k_cuda_operating_system = 304;
inline constexpr CudaResult k_cuda_not_ready = 600;

struct CudaApi {
  // Throws os::Error that names the symbol that this driver lacks.
  explicit CudaApi(const os::Dylib& library);

  CudaResult (*init)(unsigned) = nullptr;
  CudaResult (*error_name)(CudaResult, const char**) = nullptr;
  CudaResult (*error_string)(CudaResult, const char**) = nullptr;
  CudaResult (*device_count)(int*) = nullptr;
  CudaResult (*device)(CudaDevice*, int) = nullptr;
  CudaResult (*device_name)(char*, int, CudaDevice) = nullptr;
  CudaResult (*device_pci_bus_id)(char*, int, CudaDevice) = nullptr;
  CudaResult (*context_retain)(CudaContext*, CudaDevice) = nullptr;
  CudaResult (*context_release)(CudaDevice) = nullptr;
  CudaResult (*context_set_current)(CudaContext) = nullptr;
  CudaResult (*memory_info)(std::size_t*, std::size_t*) = nullptr;
  CudaResult (*memory_allocate)(std::uint64_t*, std::size_t) = nullptr;
  CudaResult (*memory_free)(std::uint64_t) = nullptr;
  CudaResult (*host_register)(void*, std::size_t, unsigned) = nullptr;
  CudaResult (*host_unregister)(void*) = nullptr;
  CudaResult (*copy_to_device)(std::uint64_t, const void*, std::size_t, CudaStream) = nullptr;
  CudaResult (*copy_to_host)(void*, std::uint64_t, std::size_t, CudaStream) = nullptr;
  // Null where the driver is older than CUDA 13.
  CudaResult (*copy_batch)(std::uint64_t* to, std::uint64_t* from, std::size_t* bytes,
                           std::size_t count, CudaCopyAttributes* attributes,
                           std::size_t* attributes_from, std::size_t attributes_count,
                           CudaStream) = nullptr;
  CudaResult (*stream_create)(CudaStream*, unsigned) = nullptr;
  CudaResult (*stream_destroy)(CudaStream) = nullptr;
  CudaResult (*stream_synchronize)(CudaStream) = nullptr;
  CudaResult (*event_create)(CudaEvent*, unsigned) = nullptr;
  CudaResult (*event_destroy)(CudaEvent) = nullptr;
  CudaResult (*event_record)(CudaEvent, CudaStream) = nullptr;
  CudaResult (*event_query)(CudaEvent) = nullptr;
  CudaResult (*event_synchronize)(CudaEvent) = nullptr;

  // "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  [[nodiscard]] std::string text(CudaResult result) const;
  // Throws os::Error "cannot <operation>: <error>" unless `result` is success.
  void check(CudaResult result, std::string_view operation) const;
};

}  // namespace coldload::gpu
