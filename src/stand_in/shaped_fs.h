// A read-only FUSE file system that shows one directory at a network's pace: a token bucket over
// all readers together, a latency for each request, and if asked a limit of requests a second and
// a token bucket for each open file.
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

#include "stand_in/pace.h"
#include "stand_in/read_faults.h"
#include "stand_in/shaped_tree.h"

namespace coldload::stand_in {

// Whether the backing files' own page cache is used.
enum class Backing {
  warm,  // plain reads: what was read once is served from memory, as a warm file server does
  cold,  // every read goes to the disk behind
};

// Who may look at a mount.
enum class MountAccess {
  owner,      // only the user who mounted it: not even root, where that is somebody else
  everybody,  // by the files' permissions; another user than root needs the leave of /etc/fuse.conf
};

struct ShapedFsOptions {
  std::string source;       // directory
  std::string mount_point;  // an empty directory
  StandInPace pace;
  ReadFaults faults;
  OutsideLinks links = OutsideLinks::as_links;
  Backing backing = Backing::warm;
  MountAccess access = MountAccess::owner;
  std::uint32_t request_bytes = 0;  // largest read request; 0: what suits the rate
};

// Why serving ended.
enum class ServeEnd { interrupted, owner_gone, unmounted, source_gone };

// Owns one mount and the threads that serve it.
class ShapedFs {
 public:
  // Mounts and begins to serve; returns once the kernel's first request is answered. Throws
  // os::Error with cause and remedy. One per process at a time.
  explicit ShapedFs(const ShapedFsOptions& options);
  // Unmounts, whoever still reads: their reads fail. Leaves no thread.
  ~ShapedFs();
  ShapedFs(const ShapedFs&) = delete;
  ShapedFs& operator=(const ShapedFs&) = delete;

  // What "user.coldload.stand_in" answers: a JSON text. Thread-safe.
  void set_description(std::string text);

  [[nodiscard]] std::uint64_t bytes_served() const;
  [[nodiscard]] std::uint32_t request_bytes() const;

  // Serves until SIGINT, SIGTERM or SIGHUP (os::interrupted), until `owner_fd` reads end-of-file
  // (-1: no owner), until somebody unmounts, or until the source is no longer there.
  ServeEnd serve(int owner_fd);

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace coldload::stand_in
