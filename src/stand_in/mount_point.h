// Where a stand-in is mounted: a directory that was checked or made, and is left as it was found.
//
// Layer: stand_in. Knows nothing of who serves the mount.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "storage/mounts.h"

namespace coldload::stand_in {

class MountPoint {
 public:
  // `given`: an empty directory, or one to be made; empty: a private one that ends in the source's
  // name. `source`: absolute, without links. Throws os::Error, also where another one has the same
  // directory.
  MountPoint(const std::string& given, const std::string& source);
  // Detaches the stand-in that is still mounted there, failing what waits on it, and removes the
  // directories that were made.
  ~MountPoint();
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The directories that were made for it, innermost first.
  [[nodiscard]] const std::vector<std::string>& made() const { return made_; }

 private:
  MountPoint() = default;
  void make_private(const std::string& source);
  void take_given(const std::string& given, const std::string& source);
  void hold(const std::string& path, const std::string& given);
  void make_directory(const std::string& path);

  std::string path_;
  std::vector<std::string> made_;
  os::Fd held_;  // the directory, or the one around it that is private: locked
};

// Unmounts and removes the private stand-ins of this user's coldloads that were killed, and the one
// at `given` (a mount point; may be empty) where its server is dead: each in a sentence, as are
// those that it leaves alone because somebody elsewhere may live in them. Those that somebody lives
// in are held by him (os/held_directory).
[[nodiscard]] std::vector<std::string> clear_leftovers(const std::string& given);

// The stand-in that is mounted at `point`, without touching it.
[[nodiscard]] std::optional<storage::Mount> stand_in_at(const std::string& point);

}  // namespace coldload::stand_in
