// One GPU's memory and the copies into it, through the CUDA driver opened at run time.
//
// Each owner keeps the device alive. Calls on different objects may come from different threads;
// each thread calls Device::use_in_this_thread() first.
//
// Layer: gpu. Knows nothing of models, storage or servers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "os/dylib.h"
#include "os/error.h"

namespace coldload::gpu {

struct CudaApi;

// A GPU with its primary context: what every CUDA program and library in this process shares.
class Device {
 public:
  // Whether there is a driver with at least one GPU that this process may use, and how many.
  // Creates no context.
  struct Found {
    os::Availability availability;
    int count = 0;
  };
  [[nodiscard]] static Found find();

  // Whether one of them is integrated: it has no memory of its own. Creates no context.
  [[nodiscard]] static bool any_is_integrated();

  // Creates the context of GPU `index`, as CUDA_VISIBLE_DEVICES counts: hundreds of milliseconds.
  // Throws os::Error.
  [[nodiscard]] static std::shared_ptr<Device> open(int index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  void use_in_this_thread() const;
  // The same for destructors, which may run in any thread, also one of somebody else's that uses
  // another GPU: for as long as this lives. A failure shows in the call that follows.
  class Visit {
   public:
    explicit Visit(const Device& device) noexcept;
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    const Device& device_;
    void* context_before_ = nullptr;
  };

  // Waits until all that this process has asked of the GPU before is done, by whichever library.
  // use_in_this_thread() first.
  void synchronize() const;
  // From one place of its memory to another, done on return. use_in_this_thread() first.
  void copy_within(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) const;

  struct Memory {
    std::uint64_t free_bytes = 0;
    std::uint64_t total_bytes = 0;
  };
  // use_in_this_thread() first.
  [[nodiscard]] Memory memory() const;

  [[nodiscard]] const CudaApi& api() const { return *api_; }

 private:
  Device() = default;

  std::shared_ptr<const CudaApi> api_;
  int device_ = 0;
  void* context_ = nullptr;
  std::string name_;
};

// Memory of a GPU.
class DeviceMemory {
 public:
  // Throws os::Error that says how much was needed and how much is free.
  DeviceMemory(std::shared_ptr<const Device> device, std::uint64_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // A CUdeviceptr.
  [[nodiscard]] std::uint64_t address() const { return address_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::shared_ptr<const Device>& device() const { return device_; }

 private:
  std::shared_ptr<const Device> device_;
  std::uint64_t address_ = 0;
  std::uint64_t bytes_ = 0;
};

// "cannot allocate GPU memory: needed ..., free ...". use_in_this_thread() first.
[[nodiscard]] os::Error no_memory(const Device& device, std::uint64_t needed_bytes);

// Host memory of somebody else, page-locked for as long as this lives: copies from it run by DMA
// and beside the CPU.
class PinnedRange {
 public:
  // `memory` outlives this. Throws os::Error that says what to do about a limit.
  PinnedRange(std::shared_ptr<const Device> device, std::span<std::byte> memory);
  ~PinnedRange();
  PinnedRange(const PinnedRange&) = delete;
  PinnedRange& operator=(const PinnedRange&) = delete;

 private:
  std::shared_ptr<const Device> device_;
  std::span<std::byte> memory_;
};

// Copies that run one after the other, beside the CPU. The memory of a copy stays the GPU's until a
// later wait() returns or an Event recorded behind it is done. Waits for its copies when destroyed.
class CopyStream {
 public:
  explicit CopyStream(std::shared_ptr<const Device> device);
  ~CopyStream();
  CopyStream(const CopyStream&) = delete;
  CopyStream& operator=(const CopyStream&) = delete;

  struct Copy {
    std::uint64_t address = 0;
    std::span<const std::byte> from;
  };
  // All in one submission where the driver can: between two submissions the bus idles for
  // microseconds.
  void to_device(std::span<const Copy> copies);
  void to_host(std::span<std::byte> to, std::uint64_t address);
  // Until every copy is done.
  void wait();

 private:
  friend class Event;
  std::shared_ptr<const Device> device_;
  void* stream_ = nullptr;
};

// A point in a stream: done when the copies before it are.
class Event {
 public:
  explicit Event(std::shared_ptr<const Device> device);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(CopyStream& stream);
  [[nodiscard]] bool done() const;
  void wait() const;

 private:
  std::shared_ptr<const Device> device_;
  void* event_ = nullptr;
};

}  // namespace coldload::gpu
