// Reusable buffers of one size, and a limit on how many are out at a time.
//
// Layer: stand_in. Knows nothing of files or model formats.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace coldload::stand_in {

// Thread-safe. Must outlive its buffers.
class BufferPool {
 public:
  // Page aligned, not zeroed; goes back to the pool with its last owner.
  using Buffer = std::shared_ptr<std::byte>;
  enum class AtLimit { refuse, exceed };

  // `buffer_bytes`: a multiple of the page size.
  BufferPool(std::size_t buffer_bytes, std::size_t limit);

  // Null where `limit` buffers are out and `at_limit` is refuse. Throws std::bad_alloc.
  [[nodiscard]] Buffer take(AtLimit at_limit);

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  std::size_t buffer_bytes_;
  std::size_t limit_;
  std::mutex mutex_;
  std::size_t out_ = 0;
  std::vector<std::unique_ptr<std::byte, Free>> free_;
};

}  // namespace coldload::stand_in
