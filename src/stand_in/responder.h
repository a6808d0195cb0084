// What answers the kernel's FUSE requests for a stand-in: reads the directory behind, paces the
// answers, counts the bytes.
//
// A read first waits for its stream's and its mount's token buckets, where they have one, and then
// is answered at max(arrival + latency, the schedule of the line that all mounts of the server
// share). Nothing sleeps for a single request.
//
// On arrival the kernel is told what will be needed; the data is copied when due, through a buffer
// that still is in the processor's cache. A cold backing has no page cache to read ahead into: its
// data is read on arrival, as far as the buffers go.
//
// Layer: stand_in. Knows nothing of mounting or model formats.
#pragma once

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include <fuse_lowlevel.h>

#include "os/clock.h"
#include "os/token_bucket.h"
#include "stand_in/buffer_pool.h"
#include "stand_in/delay_queue.h"
#include "stand_in/line.h"
#include "stand_in/setup.h"
#include "stand_in/tree.h"

namespace coldload::stand_in {

class Responder {
 public:
  struct OpenFile : Tree::Opened {
    bool drop_behind = false;
    std::optional<os::TokenBucket> stream;  // its own rate, under the mount's lock
  };

  // Throws os::Error where the source cannot be opened.
  Responder(const Setup& setup, std::shared_ptr<Line> line);

  // The callbacks for fuse_session_new; its user data is a Responder.
  static const fuse_lowlevel_ops& callbacks();
  // Needed for cached attributes that have become wrong; set before the first request.
  void set_session(fuse_session* session) { session_ = session; }
  // Answers what still waits with an error. No request may come afterwards.
  void stop() noexcept { queue_.stop(); }

  [[nodiscard]] std::uint32_t request_bytes() const { return request_bytes_; }
  [[nodiscard]] std::uint64_t bytes_served() const { return bytes_served_.load(); }
  [[nodiscard]] std::string description() const;
  void set_description(std::string text);

  [[nodiscard]] Tree& tree() { return tree_; }
  [[nodiscard]] fuse_session* session() const { return session_; }
  [[nodiscard]] Inode& inode(fuse_ino_t number);
  // The number that stands for `inode` in requests.
  [[nodiscard]] static fuse_ino_t number_of(Inode& inode);

  // Owns what it opened until that is closed, or until the mount ends under it: the kernel then
  // releases nothing any more. Throws os::SystemError.
  [[nodiscard]] OpenFile* open(Inode& inode);
  void close(const OpenFile* file);
  // Answers a metadata request after the latency. `reply` must not throw.
  void reply_later(std::function<void()> reply);
  // Answers a read. `file` stays open until then: the kernel releases it after its reads.
  void read(fuse_req_t request, OpenFile& file, std::size_t size, std::uint64_t offset);

 private:
  // A read on its way.
  struct Read {
    fuse_req_t request;
    OpenFile* file;
    std::size_t size;
    std::uint64_t offset;
    std::uint64_t bytes;  // of the rate
    os::TimePoint arrived;
    BufferPool::Buffer early;  // data that was read on arrival; null: is read when due
    ssize_t got;               // of early: bytes, or -errno
  };

  // Runs `answer` at `due`. Answers with an error instead where the server stops, or whoever waits
  // was killed.
  void answer_at(fuse_req_t request, os::TimePoint due, std::function<void()> answer);
  void enter_line(const Read& read);
  void answer_read(const Read& read);
  void reply_bytes(fuse_req_t request, const std::byte* data, ssize_t bytes);

  Pace pace_;
  Backing backing_;
  FaultGate faults_;
  std::uint32_t request_bytes_;
  Tree tree_;
  BufferPool buffers_;
  std::shared_ptr<Line> line_;
  std::mutex pace_mutex_;                         // of the mount's own rate, and its files'
  std::optional<os::TokenBucket> client_bucket_;  // the mount's own rate
  std::atomic<std::uint64_t> bytes_served_{0};
  mutable std::mutex description_mutex_;
  std::string description_ = "{}";
  fuse_session* session_ = nullptr;
  std::mutex open_files_mutex_;
  std::unordered_map<const OpenFile*, std::unique_ptr<OpenFile>> open_files_;
  DelayQueue queue_;  // last: its threads use the rest
};

}  // namespace coldload::stand_in
