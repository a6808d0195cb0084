#include "storage/shaped_server.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace coldload::storage {

namespace {

// Enough to bridge late wake-ups, little enough that no burst is worth mentioning.
constexpr std::chrono::milliseconds k_credit{10};
// Data read before it is due. What does not fit is read when it is due.
constexpr std::size_t k_buffered_bytes = 64UL << 20;

// About a millisecond of the rate, so that pages become usable while the rest is on its way, but
// not so small that requests cost more than bytes.
std::uint32_t request_size(double rate_bytes_per_s) {
  constexpr double k_request_s = 0.002;
  std::uint32_t bytes = 128U << 10;
  while (bytes < (1U << 20) && bytes < rate_bytes_per_s * k_request_s) bytes *= 2;
  return bytes;
}

unsigned reply_threads() { return std::clamp(std::thread::hardware_concurrency() / 2, 2U, 4U); }

// Returns the bytes read, or -errno.
ssize_t read_backing(const ShapedServer::OpenFile& file, std::byte* buffer, std::size_t size,
                     std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(file.file.get(), buffer + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (file.drop_behind) {
    ::posix_fadvise(file.file.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                    POSIX_FADV_DONTNEED);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

ShapedServer::ShapedServer(const ShapedFsOptions& options)
    : latency_(options.latency),
      backing_(options.backing),
      request_bytes_(options.request_bytes != 0 ? options.request_bytes
                                                : request_size(options.rate_bytes_per_s)),
      tree_(options.source, options.mount_point, options.links),
      buffers_(request_bytes_, k_buffered_bytes / request_bytes_),
      byte_bucket_(options.rate_bytes_per_s, k_credit),
      queue_(reply_threads()) {
  if (options.requests_per_s) request_bucket_.emplace(*options.requests_per_s, k_credit);
}

std::string ShapedServer::description() const {
  const std::lock_guard lock(description_mutex_);
  return description_;
}

void ShapedServer::set_description(std::string text) {
  const std::lock_guard lock(description_mutex_);
  description_ = std::move(text);
}

ShapedInode& ShapedServer::inode(fuse_ino_t number) {
  if (number == FUSE_ROOT_ID) return tree_.root();
  return *reinterpret_cast<ShapedInode*>(number);  // NOLINT: made by number_of
}

fuse_ino_t ShapedServer::number_of(ShapedInode& inode) {
  return reinterpret_cast<fuse_ino_t>(&inode);  // NOLINT: libfuse's own way to name inodes
}

os::TimePoint ShapedServer::due_at(os::TimePoint now, std::uint64_t bytes) {
  const std::lock_guard lock(pace_mutex_);
  os::TimePoint due = now + latency_;
  due = std::max(due, byte_bucket_.reserve(static_cast<double>(bytes), now));
  if (request_bucket_) due = std::max(due, request_bucket_->reserve(1, now));
  return due;
}

void ShapedServer::reply_later(std::function<void()> reply) {
  if (latency_.count() == 0) {
    reply();
    return;
  }
  queue_.push(os::Clock::now() + latency_, [reply = std::move(reply)](JobEnd /*end*/) { reply(); });
}

void ShapedServer::answer_read(fuse_req_t request, const std::byte* data, ssize_t bytes) {
  if (bytes < 0) {
    fuse_reply_err(request, static_cast<int>(-bytes));
    return;
  }
  // Counted before the reader can see them, so that whoever has read finds them counted; taken
  // back where nobody was there to take them.
  const auto size = static_cast<std::uint64_t>(bytes);
  bytes_served_.fetch_add(size);
  if (fuse_reply_buf(request, reinterpret_cast<const char*>(data), size) != 0) {
    bytes_served_.fetch_sub(size);
  }
}

void ShapedServer::read(fuse_req_t request, const OpenFile& file, std::size_t size,
                        std::uint64_t offset) {
  const os::TimePoint now = os::Clock::now();
  const std::uint64_t left = offset < file.bytes ? file.bytes - offset : 0;
  size = std::min<std::size_t>(size, request_bytes_);
  const os::TimePoint due = due_at(now, std::min<std::uint64_t>(size, left));
  BufferPool::Buffer early = buffers_.take(BufferPool::AtLimit::refuse);
  const ssize_t got = early ? read_backing(file, early.get(), size, offset) : 0;
  queue_.push(due, [this, request, &file, size, offset, early, got](JobEnd end) {
    if (end == JobEnd::cancelled) {
      fuse_reply_err(request, EIO);
      return;
    }
    if (early) {
      answer_read(request, early.get(), got);
      return;
    }
    try {
      const BufferPool::Buffer late = buffers_.take(BufferPool::AtLimit::exceed);
      answer_read(request, late.get(), read_backing(file, late.get(), size, offset));
    } catch (const std::bad_alloc&) {
      fuse_reply_err(request, ENOMEM);
    }
  });
}

}  // namespace coldload::storage
