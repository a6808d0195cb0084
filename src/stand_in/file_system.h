// A read-only FUSE file system that shows one directory at a network's pace: a token bucket over
// all readers together, a latency for each request, and if asked a limit of requests a second and
// token buckets for each open file and each mount.
//
// The page cache of the mount follows the kernel's normal rules (no direct_io), and is kept when
// an unchanged file is opened again, as an NFS client keeps it. The bytes served are counted, and
// answered as the extended attribute "user.coldload.bytes_served" of every inode.
//
// Layer: stand_in. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "os/crew.h"
#include "os/fd.h"
#include "stand_in/responder.h"
#include "stand_in/setup.h"

namespace coldload::stand_in {

// Why serving ended.
enum class ServeEnd { interrupted, owner_gone, unmounted, source_gone };

// Owns one mount and the threads that serve it.
class FileSystem {
 public:
  // Mounts and begins to serve; returns once the kernel's first request is answered. `line` may be
  // shared with others. Throws os::Error with cause and remedy. One at a time in a process.
  FileSystem(const Setup& setup, std::shared_ptr<Line> line);
  // Unmounts, whoever still reads: their reads fail. Leaves no thread.
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  // What "user.coldload.stand_in" answers: a JSON text. Thread-safe.
  void set_description(std::string text) { server_.set_description(std::move(text)); }

  [[nodiscard]] std::uint32_t request_bytes() const { return server_.request_bytes(); }

  // Readable once somebody has unmounted it.
  [[nodiscard]] const os::Fd& ended() const { return ended_; }
  [[nodiscard]] bool has_source() { return server_.tree().present(); }

 private:
  void mount(const Setup& setup);
  void receive() const noexcept;
  void close() noexcept;

  Responder server_;
  fuse_session* fuse_ = nullptr;
  os::Fd ended_;  // readable once a receiver has left: unmounted, or the connection is dead
  os::Crew receivers_;
};

// Serves all of them until SIGINT, SIGTERM or SIGHUP (os::interrupted), until `owner_fd` reads
// end-of-file (-1: no owner), until somebody unmounts one, or until the source is no longer there.
[[nodiscard]] ServeEnd serve(const std::vector<std::unique_ptr<FileSystem>>& mounts, int owner_fd);

}  // namespace coldload::stand_in
