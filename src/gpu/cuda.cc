#include "gpu/cuda.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "gpu/cuda_api.h"
#include "os/error.h"

namespace coldload::gpu {

namespace {

constexpr int k_attribute_integrated = 18;        // CU_DEVICE_ATTRIBUTE_INTEGRATED
constexpr unsigned k_event_disable_timing = 2;    // CU_EVENT_DISABLE_TIMING
constexpr unsigned k_stream_non_blocking = 1;     // CU_STREAM_NON_BLOCKING
constexpr unsigned k_host_register_portable = 1;  // CU_MEMHOSTREGISTER_PORTABLE
constexpr double k_mib = 1024.0 * 1024.0;

struct Driver {
  std::shared_ptr<const CudaApi> api;
  Device::Found found;
};

Driver open_driver() {
  Driver driver;
  const os::Dylib library("libcuda.so.1");
  if (!library.availability().ok) {
    driver.found.availability.reason =
        fmt::format("no CUDA driver found ({})", library.availability().reason);
    return driver;
  }
  try {
    auto api = std::make_shared<const CudaApi>(library);
    const CudaResult result = api->init(0);
    if (result == k_cuda_no_device) {
      driver.found.availability.reason =
          "the CUDA driver sees no GPU that this process may use (is CUDA_VISIBLE_DEVICES empty?)";
      return driver;
    }
    api->check(result, "start the CUDA driver");
    api->check(api->device_count(&driver.found.count), "count the GPUs");
    driver.api = std::move(api);
    driver.found.availability.ok = driver.found.count > 0;
    if (driver.found.count == 0) driver.found.availability.reason = "the CUDA driver sees no GPU";
  } catch (const os::Error& error) {
    driver.found.availability.reason = error.what();
  }
  return driver;
}

const Driver& driver() {
  static const Driver k_driver = open_driver();
  return k_driver;
}

}  // namespace

Device::Found Device::find() { return driver().found; }

bool Device::any_is_integrated() {
  const Driver& found = driver();
  if (!found.api || found.api->device_attribute == nullptr) return false;
  for (int index = 0; index < found.found.count; ++index) {
    CudaDevice handle = 0;
    int integrated = 0;
    if (found.api->device(&handle, index) == k_cuda_success &&
        found.api->device_attribute(&integrated, k_attribute_integrated, handle) ==
            k_cuda_success &&
        integrated != 0) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<Device> Device::open(int index) {
  const Driver& found = driver();
  if (!found.found.availability.ok) {
    throw os::Error(fmt::format("cannot use a GPU: {}", found.found.availability.reason));
  }
  if (index < 0 || index >= found.found.count) {
    throw os::Error(fmt::format("cannot use GPU {}: this process may use {}, counted from 0", index,
                                found.found.count));
  }
  const CudaApi& api = *found.api;
  std::shared_ptr<Device> device(new Device);
  CudaDevice handle = 0;
  api.check(api.device(&handle, index), fmt::format("find GPU {}", index));
  std::array<char, 256> text{};
  if (api.device_name(text.data(), text.size(), handle) == k_cuda_success) {
    device->name_ = text.data();
  }
  CudaContext context = nullptr;
  const CudaResult created = api.context_retain(&context, handle);
  if (created == k_cuda_out_of_memory || created == k_cuda_device_unavailable) {
    throw os::Error(fmt::format(
        "cannot create a context on GPU {}: {}; {}", index, api.text(created),
        created == k_cuda_out_of_memory
            ? "end what else uses this GPU, or choose another one"
            // What a GPU answers that is another process's alone.
            : "another process may hold it exclusively (nvidia-smi -q -d COMPUTE shows its compute "
              "mode), or the GPU is lost: look for Xid in the kernel's log"));
  }
  api.check(created, fmt::format("create a context on GPU {}", index));
  device->api_ = found.api;
  device->device_ = handle;
  device->context_ = context;
  device->use_in_this_thread();
  return device;
}

Device::~Device() {
  if (api_) api_->context_release(device_);
}

void Device::use_in_this_thread() const {
  api_->check(api_->context_set_current(context_), "use the GPU's context");
}

Device::Visit::Visit(const Device& device) noexcept : device_(device) {
  device.api_->context_current(&context_before_);
  device.api_->context_set_current(device.context_);
}

Device::Visit::~Visit() { device_.api_->context_set_current(context_before_); }

void Device::synchronize() const {
  api_->check(api_->context_synchronize(), "wait for the GPU's work");
}

void Device::copy_within(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) const {
  api_->check(api_->copy_within(to, from, bytes), "copy within the GPU");
  synchronize();  // such a copy may still run when the call returns
}

Device::Memory Device::memory() const {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  api_->check(api_->memory_info(&free_bytes, &total_bytes), "ask for the GPU's free memory");
  return {free_bytes, total_bytes};
}

os::Error no_memory(const Device& device, std::uint64_t needed_bytes) {
  const Device::Memory memory = device.memory();
  return os::Error(fmt::format(
      "cannot allocate GPU memory: needed {:.0f} MiB, free {:.0f} MiB of {:.0f} on {}; end what "
      "else uses this GPU, or choose another one",
      static_cast<double>(needed_bytes) / k_mib, static_cast<double>(memory.free_bytes) / k_mib,
      static_cast<double>(memory.total_bytes) / k_mib, device.name()));
}

DeviceMemory::DeviceMemory(std::shared_ptr<const Device> device, std::uint64_t bytes)
    : device_(std::move(device)), bytes_(bytes) {
  const CudaResult result = device_->api().memory_allocate(&address_, bytes_);
  if (result != k_cuda_out_of_memory) {
    device_->api().check(result, "allocate GPU memory");
    return;
  }
  throw no_memory(*device_, bytes_);
}

DeviceMemory::~DeviceMemory() {
  const Device::Visit visit(*device_);
  device_->api().memory_free(address_);
}

PinnedRange::PinnedRange(std::shared_ptr<const Device> device, std::span<std::byte> memory)
    : device_(std::move(device)), memory_(memory) {
  const CudaResult result =
      device_->api().host_register(memory_.data(), memory_.size(), k_host_register_portable);
  // Only these can come from a limit; pinning twice or a lost GPU must not send anybody to ulimit.
  if (result != k_cuda_out_of_memory && result != k_cuda_operating_system) {
    device_->api().check(result, "pin host memory for copies to the GPU");
    return;
  }
  throw os::Error(fmt::format(
      "cannot pin {:.1f} MiB of host memory for copies to the GPU: {}; raise the limit on locked "
      "memory (ulimit -l), or ask for a smaller ring",
      static_cast<double>(memory_.size()) / k_mib, device_->api().text(result)));
}

PinnedRange::~PinnedRange() {
  const Device::Visit visit(*device_);
  device_->api().host_unregister(memory_.data());
}

CopyStream::CopyStream(std::shared_ptr<const Device> device) : device_(std::move(device)) {
  device_->api().check(device_->api().stream_create(&stream_, k_stream_non_blocking),
                       "create a CUDA stream");
}

CopyStream::~CopyStream() {
  const Device::Visit visit(*device_);
  device_->api().stream_synchronize(stream_);
  device_->api().stream_destroy(stream_);
}

void CopyStream::to_device(std::span<const Copy> copies) {
  const CudaApi& api = device_->api();
  if (api.copy_batch == nullptr || copies.size() == 1) {
    for (const Copy& copy : copies) {
      api.check(api.copy_to_device(copy.address, copy.from.data(), copy.from.size(), stream_),
                "copy to the GPU");
    }
    return;
  }
  std::vector<std::uint64_t> to;
  std::vector<std::uint64_t> from;
  std::vector<std::size_t> bytes;
  for (const Copy& copy : copies) {
    to.push_back(copy.address);
    from.push_back(reinterpret_cast<std::uint64_t>(copy.from.data()));
    bytes.push_back(copy.from.size());
  }
  CudaCopyAttributes attributes;
  std::size_t attributes_from = 0;
  api.check(api.copy_batch(to.data(), from.data(), bytes.data(), copies.size(), &attributes,
                           &attributes_from, 1, stream_),
            "copy to the GPU");
}

void CopyStream::to_host(std::span<std::byte> to, std::uint64_t address) {
  device_->api().check(device_->api().copy_to_host(to.data(), address, to.size(), stream_),
                       "copy from the GPU");
}

void CopyStream::wait() {
  device_->api().check(device_->api().stream_synchronize(stream_), "finish copies to the GPU");
}

Event::Event(std::shared_ptr<const Device> device) : device_(std::move(device)) {
  device_->api().check(device_->api().event_create(&event_, k_event_disable_timing),
                       "create a CUDA event");
}

Event::~Event() {
  const Device::Visit visit(*device_);
  device_->api().event_destroy(event_);
}

void Event::record(CopyStream& stream) {
  device_->api().check(device_->api().event_record(event_, stream.stream_), "record a CUDA event");
}

bool Event::done() const {
  const CudaResult result = device_->api().event_query(event_);
  if (result == k_cuda_not_ready) return false;
  device_->api().check(result, "copy to the GPU");
  return true;
}

void Event::wait() const {
  device_->api().check(device_->api().event_synchronize(event_), "copy to the GPU");
}

}  // namespace coldload::gpu
