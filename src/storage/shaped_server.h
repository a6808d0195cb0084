// What answers the kernel's FUSE requests for a stand-in: reads the directory behind, paces the
// answers, counts the bytes.
//
// A request is answered at max(arrival + latency, the token bucket's schedule). Its data is read
// on arrival, as far as the buffers go, so that it is ready when due; nothing sleeps for a single
// request.
//
// Layer: storage. Knows nothing of mounting or model formats.
#pragma once

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <fuse_lowlevel.h>

#include "os/clock.h"
#include "storage/buffer_pool.h"
#include "storage/delay_queue.h"
#include "storage/shaped_fs.h"
#include "storage/shaped_tree.h"
#include "storage/token_bucket.h"

namespace coldload::storage {

class ShapedServer {
 public:
  struct OpenFile {
    os::Fd file;
    std::uint64_t bytes = 0;  // size at open
    bool drop_behind = false;
  };

  // Throws os::Error where the source cannot be opened.
  explicit ShapedServer(const ShapedFsOptions& options);

  // The callbacks for fuse_session_new; its user data is a ShapedServer.
  static const fuse_lowlevel_ops& callbacks();
  // Needed for cached attributes that have become wrong; set before the first request.
  void set_session(fuse_session* session) { session_ = session; }
  // Answers what still waits with an error. No request may come afterwards.
  void stop() noexcept { queue_.stop(); }

  [[nodiscard]] std::uint32_t request_bytes() const { return request_bytes_; }
  [[nodiscard]] std::uint64_t bytes_served() const { return bytes_served_.load(); }
  [[nodiscard]] std::string description() const;
  void set_description(std::string text);

  [[nodiscard]] ShapedTree& tree() { return tree_; }
  [[nodiscard]] fuse_session* session() const { return session_; }
  [[nodiscard]] Backing backing() const { return backing_; }
  [[nodiscard]] ShapedInode& inode(fuse_ino_t number);
  // The number that stands for `inode` in requests.
  [[nodiscard]] static fuse_ino_t number_of(ShapedInode& inode);

  // Answers a metadata request after the latency. `reply` must not throw.
  void reply_later(std::function<void()> reply);
  // Answers a read. `file` stays open until then: the kernel releases it after its reads.
  void read(fuse_req_t request, const OpenFile& file, std::size_t size, std::uint64_t offset);

 private:
  [[nodiscard]] os::TimePoint due_at(os::TimePoint now, std::uint64_t bytes);
  void answer_read(fuse_req_t request, const std::byte* data, ssize_t bytes);

  std::chrono::nanoseconds latency_;
  Backing backing_;
  std::uint32_t request_bytes_;
  ShapedTree tree_;
  BufferPool buffers_;
  std::mutex pace_mutex_;
  TokenBucket byte_bucket_;
  std::optional<TokenBucket> request_bucket_;
  std::atomic<std::uint64_t> bytes_served_{0};
  mutable std::mutex description_mutex_;
  std::string description_ = "{}";
  fuse_session* session_ = nullptr;
  DelayQueue queue_;  // last: its threads use the rest
};

}  // namespace coldload::storage
