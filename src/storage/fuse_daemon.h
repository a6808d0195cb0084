// The command line of the daemon behind a FUSE mount.
//
// The kernel shows a mount's options, not the daemon's own: whether it keeps files on a local disk
// stands on its command line alone, or in its environment.
//
// Layer: storage. Knows nothing of what an option means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/mounts.h"

namespace coldload::storage {

struct FuseDaemon {
  std::vector<std::string> argv;
  // Its environment at its start; nothing where we may not look (it is another user's).
  std::optional<std::vector<std::string>> environment;

  // The value of an option in any of the usual spellings: "--use-cache V", "--use-cache=V",
  // "-use-cache", "-o ro,use_cache=V", "-ouse_cache=V"; empty for a bare one at the end. Nothing
  // where it is not given. `name` is written with dashes.
  [[nodiscard]] std::optional<std::string> option(std::string_view name) const;
  // The value of an environment variable; nothing where it is not set or cannot be seen.
  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const;
};

// The process of a program called one of `programs` that serves `mount`: the one that holds the
// mount's FUSE connection, as its descriptors say (since Linux 6.16); else the one that has the
// mount point among its words, also as seen from its working directory or from the one that it was
// started in. Nothing where there is none, or there are several that differ. `proc` is where procfs
// is mounted.
[[nodiscard]] std::optional<FuseDaemon> find_fuse_daemon(
    const Mount& mount, const std::vector<std::string_view>& programs,
    const std::string& proc = "/proc");

}  // namespace coldload::storage
