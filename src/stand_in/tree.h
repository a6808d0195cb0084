// The directory behind a stand-in, as the file system server sees it: inodes held by O_PATH
// descriptors, so that what is renamed or replaced behind the mount keeps its identity.
//
// Two hard links are one inode. Nothing here waits or paces.
//
// Layer: stand_in. Knows nothing of FUSE or model formats.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "os/fd.h"
#include "stand_in/setup.h"

namespace coldload::stand_in {

struct Inode {
  os::Fd handle;  // O_PATH
  dev_t device = 0;
  ino_t number = 0;
  std::uint64_t lookups = 0;  // under the tree's lock
  // What the kernel's cached pages belong to: size and modification time at the last open. Under
  // the tree's lock.
  bool opened_before = false;
  std::int64_t seen_size = 0;
  timespec seen_modified{};
};

// Thread-safe. Answers are errno values, 0 for success: they go to the kernel as they are.
class Tree {
 public:
  // Throws os::SystemError where `directory` cannot be opened. `mount_point`: never entered
  // through a link, or the server would wait for itself.
  Tree(const std::string& directory, std::string mount_point, OutsideLinks links);

  [[nodiscard]] Inode& root() { return *root_; }

  // Looks `name` up and takes one reference, given back by forget().
  int lookup(const Inode& parent, const char* name, Inode** found, struct stat* status);
  void forget(Inode& inode, std::uint64_t lookups);

  // stat of an inode, as shown: the inode number stays unique where the tree spans devices.
  int status_of(const Inode& inode, struct stat* status) const;
  int link_text(const Inode& inode, std::string* text) const;

  struct Entry {
    std::string name;
    ino_t number = 0;
    mode_t type = 0;  // S_IFMT bits; 0 where unknown
  };
  int list(const Inode& inode, std::vector<Entry>* entries) const;

  // Opens a regular file for reading. `*unchanged` says whether pages cached at an earlier open
  // are still right. `extra_flags`: O_DIRECT.
  int open(Inode& inode, int extra_flags, os::Fd* file, std::uint64_t* bytes, bool* unchanged);

  int file_system(struct statvfs* status) const;

  // Whether the directory is still there, under its own name.
  [[nodiscard]] bool present() const;

 private:
  void show(struct stat* status) const;
  [[nodiscard]] bool leaves_tree(int handle) const;

  std::string path_;  // absolute, without links
  std::string mount_point_;
  OutsideLinks links_;
  std::unique_ptr<Inode> root_;
  std::mutex mutex_;
  std::map<std::pair<dev_t, ino_t>, std::unique_ptr<Inode>> inodes_;
};

}  // namespace coldload::stand_in
