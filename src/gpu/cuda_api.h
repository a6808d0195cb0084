// The CUDA driver's functions that coldload calls, found in libcuda at run time.
//
// Layer: gpu. For the files of this folder; others use gpu/cuda.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

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
  explicit CudaApi(os::Dylib library) : driver(std::move(library)) {}

  const os::Dylib driver;
  // The versioned names: the plain ones of these are an older ABI.
  CudaResult (*init)(unsigned) = driver.symbol("cuInit");
  CudaResult (*error_name)(CudaResult, const char**) = driver.symbol("cuGetErrorName");
  CudaResult (*error_string)(CudaResult, const char**) = driver.symbol("cuGetErrorString");
  CudaResult (*device_count)(int*) = driver.symbol("cuDeviceGetCount");
  CudaResult (*device)(CudaDevice*, int) = driver.symbol("cuDeviceGet");
  CudaResult (*device_name)(char*, int, CudaDevice) = driver.symbol("cuDeviceGetName");
  // Null where a driver lacks it.
  CudaResult (*device_attribute)(int* value, int attribute,
                                 CudaDevice) = driver.symbol_if_any("cuDeviceGetAttribute");
  CudaResult (*context_retain)(CudaContext*,
                               CudaDevice) = driver.symbol("cuDevicePrimaryCtxRetain");
  CudaResult (*context_release)(CudaDevice) = driver.symbol("cuDevicePrimaryCtxRelease_v2");
  CudaResult (*context_set_current)(CudaContext) = driver.symbol("cuCtxSetCurrent");
  CudaResult (*context_current)(CudaContext*) = driver.symbol("cuCtxGetCurrent");
  CudaResult (*context_synchronize)() = driver.symbol("cuCtxSynchronize");
  CudaResult (*memory_info)(std::size_t*, std::size_t*) = driver.symbol("cuMemGetInfo_v2");
  CudaResult (*memory_allocate)(std::uint64_t*, std::size_t) = driver.symbol("cuMemAlloc_v2");
  CudaResult (*memory_free)(std::uint64_t) = driver.symbol("cuMemFree_v2");
  CudaResult (*host_register)(void*, std::size_t, unsigned) = driver.symbol("cuMemHostRegister_v2");
  CudaResult (*host_unregister)(void*) = driver.symbol("cuMemHostUnregister");
  CudaResult (*copy_to_device)(std::uint64_t, const void*, std::size_t,
                               CudaStream) = driver.symbol("cuMemcpyHtoDAsync_v2");
  CudaResult (*copy_to_host)(void*, std::uint64_t, std::size_t,
                             CudaStream) = driver.symbol("cuMemcpyDtoHAsync_v2");
  CudaResult (*copy_within)(std::uint64_t, std::uint64_t,
                            std::size_t) = driver.symbol("cuMemcpyDtoD_v2");
  // Null where the driver is older than CUDA 13.
  CudaResult (*copy_batch)(std::uint64_t* to, std::uint64_t* from, std::size_t* bytes,
                           std::size_t count, CudaCopyAttributes* attributes,
                           std::size_t* attributes_from, std::size_t attributes_count,
                           CudaStream) = driver.symbol_if_any("cuMemcpyBatchAsync_v2");
  CudaResult (*stream_create)(CudaStream*, unsigned) = driver.symbol("cuStreamCreate");
  CudaResult (*stream_destroy)(CudaStream) = driver.symbol("cuStreamDestroy_v2");
  CudaResult (*stream_synchronize)(CudaStream) = driver.symbol("cuStreamSynchronize");
  CudaResult (*event_create)(CudaEvent*, unsigned) = driver.symbol("cuEventCreate");
  CudaResult (*event_destroy)(CudaEvent) = driver.symbol("cuEventDestroy_v2");
  CudaResult (*event_record)(CudaEvent, CudaStream) = driver.symbol("cuEventRecord");
  CudaResult (*event_query)(CudaEvent) = driver.symbol("cuEventQuery");
  CudaResult (*event_synchronize)(CudaEvent) = driver.symbol("cuEventSynchronize");

  // "CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  [[nodiscard]] std::string text(CudaResult result) const;
  // Throws os::Error "cannot <operation>: <error>" unless `result` is success.
  void check(CudaResult result, std::string_view operation) const;
};

}  // namespace coldload::gpu
