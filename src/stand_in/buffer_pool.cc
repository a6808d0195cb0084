#include "stand_in/buffer_pool.h"

#include <new>
#include <utility>

#include "os/mapping.h"

namespace coldload::stand_in {

BufferPool::BufferPool(std::size_t buffer_bytes, std::size_t limit)
    : buffer_bytes_(buffer_bytes), limit_(limit) {
  // So that giving a buffer back never allocates while few exceed the limit.
  free_.reserve(limit + 64);
}

BufferPool::Buffer BufferPool::take(AtLimit at_limit) {
  std::unique_ptr<std::byte, Free> memory;
  {
    const std::lock_guard lock(mutex_);
    if (at_limit == AtLimit::refuse && out_ >= limit_) return nullptr;
    if (!free_.empty()) {
      memory = std::move(free_.back());
      free_.pop_back();
    } else {
      memory.reset(static_cast<std::byte*>(std::aligned_alloc(os::page_size(), buffer_bytes_)));
      if (!memory) throw std::bad_alloc();
    }
    ++out_;
  }
  return {memory.release(), [this](std::byte* bytes) {
            const std::lock_guard lock(mutex_);
            free_.emplace_back(bytes);
            --out_;
          }};
}

}  // namespace coldload::stand_in
