// Which processes have a file open or mapped.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace coldload::storage {

enum class HoldKind { open, mapped, locked };

struct Holder {
  pid_t pid = 0;
  std::string command;
  std::string path;  // the file that it holds
  HoldKind kind = HoldKind::open;
};

// Every process but our own that has one of `paths` open or mapped, as far as we may look: other
// users' processes are visible to root only. On overlayfs a mapping shows the lower file's device
// and inode, so the path counts as well.
[[nodiscard]] std::vector<Holder> find_holders(const std::vector<std::string>& paths);

// "process 4711 (python3 serve.py) locks it in memory".
[[nodiscard]] std::string describe(const Holder& holder);

}  // namespace coldload::storage
