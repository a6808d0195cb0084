// Reads by io_uring: many in flight from one thread, into memory registered once.
//
// Layer: load.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <liburing.h>

#include "load/io.h"
#include "os/dylib.h"

namespace coldload::load {

// Whether this kernel lets this process use io_uring; containers' seccomp profiles often do not.
[[nodiscard]] os::Availability io_uring_availability();

// One ring. Waits for what is in flight when it is destroyed.
class UringIo final : public Io {
 public:
  // A ring for `depth` requests into `memory`, which must outlive it. Throws os::SystemError.
  UringIo(unsigned depth, std::span<std::byte> memory);
  ~UringIo() override;

  // Whether the memory could be registered; a small limit on locked memory forbids it. Reads work
  // either way.
  [[nodiscard]] bool registered() const { return registered_; }

  void submit(const ReadRequest& request) override;
  std::optional<ReadOutcome> finished(Wait wait) override;

 private:
  io_uring ring_{};
  unsigned in_flight_ = 0;
  bool registered_ = false;
};

}  // namespace coldload::load
