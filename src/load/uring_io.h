// Reads by io_uring: many in flight from one thread, into memory pinned once.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <liburing.h>

#include "load/io.h"
#include "load/layout.h"
#include "os/dylib.h"

namespace coldload::load {

// Whether this kernel lets this process use io_uring; containers' seccomp profiles often do not.
[[nodiscard]] os::Availability io_uring_availability();

// One ring. Waits for what is in flight when it is destroyed.
class UringIo final : public Io {
 public:
  // A ring for reads into `memory`, which is cut into slots as `layout` says and must outlive it.
  // Each slot is registered (faulted in and pinned) when it is first used, so that reading starts
  // at once. Throws os::SystemError where there can be no ring.
  UringIo(const Layout& layout, std::span<std::byte> memory);
  ~UringIo() override;

  // Whether memory can be registered: a small limit on locked memory forbids it. Reads work either
  // way, but then each of them pins its pages again.
  [[nodiscard]] bool registers() const { return registers_; }

  void submit(const ReadRequest& request) override;
  std::optional<ReadOutcome> finished(Wait wait) override;

 private:
  enum class Registered : unsigned char { not_yet, yes, refused };
  [[nodiscard]] bool registered(unsigned slot);

  io_uring ring_{};
  const std::size_t slot_bytes_;
  const std::span<std::byte> memory_;
  std::vector<Registered> slots_;
  unsigned in_flight_ = 0;
  bool registers_ = false;
};

}  // namespace coldload::load
