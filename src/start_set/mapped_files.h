// Which files processes map: their pages stay in memory, whatever is asked of the kernel.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "os/file_id.h"

namespace coldload::start_set {

class MappedFiles {
 public:
  // Of every process, this one included, as far as we may look.
  [[nodiscard]] static MappedFiles of_all();

  // A process that maps the file at `path` (as it is called here, or the same file); nothing where
  // none is seen to.
  [[nodiscard]] std::optional<pid_t> mapped_by(const std::string& path) const;

 private:
  std::map<std::string, pid_t, std::less<>> by_path_;
  std::map<os::FileId, pid_t> by_identity_;
};

// A line of /proc/PID/maps: which part of a file lies where; nothing where it maps none. The kernel
// writes " (deleted)" after the name of one that was removed; a name may end so, too.
struct MappedFile {
  std::string path;  // absolute
  os::FileId id;     // on btrfs and overlayfs not what stat(2) says
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // in the file
  bool is_code = false;      // it may be executed
};
[[nodiscard]] std::optional<MappedFile> parse_maps_line(std::string_view line);

// The lines of one process; empty where we may not look.
[[nodiscard]] std::vector<MappedFile> files_mapped_by(pid_t process);

}  // namespace coldload::start_set
