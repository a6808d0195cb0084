// The directory behind a stand-in, as the file system server sees it: inodes held by O_PATH
// descriptors, so that what is renamed or replaced behind the mount keeps its identity.
//
// Two hard links are one inode. Nothing here waits or paces.
//
// Layer: stand_in. Knows nothing of FUSE or model formats.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "os/fd.h"
#include "os/file_id.h"
#include "stand_in/setup.h"

namespace coldload::stand_in {

struct Inode {
  os::Fd handle;  // O_PATH
  os::FileId id;
  std::uint64_t lookups = 0;  // under the tree's lock
  // What the kernel's cached pages belong to: size and modification time at the last open. Under
  // the tree's lock.
  using Version = std::tuple<off_t, std::time_t, long>;
  std::optional<Version> opened_as = std::nullopt;
};

// Thread-safe. Throws os::SystemError, whose code goes to the kernel as it is.
class Tree {
 public:
  // `mount_point`: never entered through a link, or the server would wait for itself.
  Tree(const std::string& directory, std::string mount_point, OutsideLinks links);

  [[nodiscard]] Inode& root() { return *root_; }

  struct Found {
    Inode* inode;
    struct stat status;  // as status_of() shows it
  };
  // Looks `name` up and takes one reference, given back by forget().
  [[nodiscard]] Found lookup(const Inode& parent, const char* name);
  void forget(Inode& inode, std::uint64_t lookups);

  // stat of an inode, as shown: the inode number stays unique where the tree spans devices.
  [[nodiscard]] struct stat status_of(const Inode& inode) const;
  [[nodiscard]] static std::string link_text(const Inode& inode);

  struct Entry {
    std::string name;
    ino_t number = 0;
    mode_t type = 0;  // S_IFMT bits; 0 where unknown
  };
  [[nodiscard]] std::vector<Entry> list(const Inode& inode) const;

  struct Opened {
    os::Fd file;
    std::uint64_t bytes = 0;  // size at open
    bool unchanged = false;   // pages cached at an earlier open are still right
  };
  // Opens a regular file for reading. `extra_flags`: O_DIRECT.
  [[nodiscard]] Opened open(Inode& inode, int extra_flags);

  [[nodiscard]] struct statvfs file_system() const;

  // Whether the directory is still there, under its own name.
  [[nodiscard]] bool present() const;

 private:
  [[nodiscard]] struct stat shown(struct stat status) const;
  [[nodiscard]] bool leaves_tree(const os::Fd& handle) const;

  std::string path_;  // absolute, without links
  std::string mount_point_;
  OutsideLinks links_;
  std::unique_ptr<Inode> root_;
  std::mutex mutex_;
  std::map<os::FileId, std::unique_ptr<Inode>> inodes_;
};

}  // namespace coldload::stand_in
