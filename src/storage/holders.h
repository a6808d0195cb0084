// Which processes have a file open or mapped.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "os/file_id.h"

namespace coldload::storage {

enum class HoldKind { open, mapped, locked };

struct Holder {
  pid_t pid = 0;
  std::string command;
  std::string path;  // the file that it holds
  HoldKind kind = HoldKind::open;
};

// Looks for the processes that have one of a few files open or mapped. The files themselves are
// looked at once, by the constructor: their server may hang later.
class HolderSearch {
 public:
  explicit HolderSearch(const std::vector<std::string>& paths);

  // Every such process but our own, as far as we may look: other users' processes are visible to
  // root only. On overlayfs a mapping shows the lower file's device and inode, so both count.
  // Those `passed_over` are not looked at: reading a process's mappings holds up its page faults.
  [[nodiscard]] std::vector<Holder> find(const std::set<pid_t>& passed_over = {}) const;
  // The files that one of these processes has open with O_DIRECT.
  [[nodiscard]] std::set<std::string> opened_directly(const std::set<pid_t>& pids) const;

 private:
  std::map<os::FileId, std::string> by_identity_;
  std::map<std::string, std::string, std::less<>> by_path_;

  [[nodiscard]] std::optional<std::string> open_file_of(pid_t pid) const;
  [[nodiscard]] std::optional<std::string> mapped_file_of(pid_t pid) const;
};

[[nodiscard]] std::vector<Holder> find_holders(const std::vector<std::string>& paths);

// "process 4711 (python3 serve.py) locks it in memory".
[[nodiscard]] std::string describe(const Holder& holder);

}  // namespace coldload::storage
