// A cgroup v2 of our own, where the machine lets us make one: a set of processes that none of its
// members leaves by forking, and that the kernel kills as a whole.
//
// No controller is enabled in it, so it limits and accounts nothing that our own group does not.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "os/fd.h"

namespace coldload::os {

// The directory of our own cgroup, from the texts of /proc/self/mountinfo and /proc/self/cgroup;
// nothing where no cgroup v2 hierarchy is mounted, or where its mount does not show our group.
[[nodiscard]] std::optional<std::string> own_cgroup_directory(std::string_view mountinfo,
                                                              std::string_view cgroup);

// One group. Destruction kills what is in it and removes it.
class Cgroup {
 public:
  // Makes the group `name` below `parent`. Nothing where that cannot be done, for whatever reason
  // (no permission, read-only, no such hierarchy, a kernel before 5.14 that cannot kill a group):
  // a caller does without.
  [[nodiscard]] static std::optional<Cgroup> create(const std::string& parent,
                                                    const std::string& name);
  // The same below our own group, with a name of this process that was not used before.
  [[nodiscard]] static std::optional<Cgroup> create_below_own();
  // A group that another process made, to end it when that process cannot any more.
  [[nodiscard]] static std::optional<Cgroup> adopt(const std::string& directory);

  ~Cgroup();
  Cgroup(Cgroup&& other) noexcept = default;
  Cgroup& operator=(Cgroup&&) = delete;
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  // The directory, open: for SpawnOptions::cgroup_fd.
  [[nodiscard]] int fd() const { return directory_.get(); }
  // Sends SIGKILL to every process in the group, and to what they fork meanwhile.
  void kill() const noexcept;

 private:
  explicit Cgroup(Fd directory) : directory_(std::move(directory)) {}

  Fd directory_;
};

}  // namespace coldload::os
