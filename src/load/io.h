// How one thread's reads reach the kernel: the seam between the loader and the system.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coldload::load {

struct ReadRequest {
  int fd = -1;
  std::uint64_t offset = 0;
  std::span<std::byte> memory;
  unsigned slot = 0;      // comes back with the outcome
  bool buffered = false;  // through the page cache: the call itself may block
};

struct ReadOutcome {
  unsigned slot = 0;
  int result = 0;  // bytes, or -errno; the caller deals with short reads and EINTR
};

// Used by one thread. The memory of a request stays the kernel's until its outcome is returned or
// the Io is destroyed.
class Io {
 public:
  Io() = default;
  virtual ~Io() = default;
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;

  // Starts a read. At most as many as there are slots are in flight. Throws os::SystemError only
  // where nothing can be submitted at all.
  virtual void submit(const ReadRequest& request) = 0;
  // A finished read. If there is none: nothing where `wait` is no, else waits for one.
  enum class Wait { no, yes };
  virtual std::optional<ReadOutcome> finished(Wait wait) = 0;
};

// By pread(2): one at a time, done when submit() returns.
class PreadIo final : public Io {
 public:
  void submit(const ReadRequest& request) override;
  std::optional<ReadOutcome> finished(Wait wait) override;

 private:
  std::optional<ReadOutcome> outcome_;
};

}  // namespace coldload::load
