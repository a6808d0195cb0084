// What a stand-in shows and how: what its owner asks for, its server follows and its description
// repeats.
//
// Layer: stand_in. Knows nothing of FUSE, processes or model formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe/enum.hpp>

#include "stand_in/pace.h"
#include "stand_in/read_faults.h"

namespace coldload::stand_in {

// What a symbolic link that leaves the tree is shown as.
enum class OutsideLinks {
  as_links,  // the link with its text, as a network export shows it
  as_files,  // the file that it points to, so that reads of it go through the mount
};
BOOST_DESCRIBE_ENUM(OutsideLinks, as_links, as_files)  // JSON has them by these names

// Whether the backing files' own page cache is used.
enum class Backing {
  warm,  // plain reads: what was read once is served from memory, as a warm file server does
  cold,  // every read goes to the disk behind
};
BOOST_DESCRIBE_ENUM(Backing, warm, cold)

// Who may look at a mount.
enum class MountAccess {
  owner,      // only the user who mounted it: not even root, where that is somebody else
  everybody,  // by the files' permissions; another user than root needs the leave of /etc/fuse.conf
};

struct Setup {
  std::string source;       // directory
  std::string mount_point;  // an empty directory
  Pace pace;
  OutsideLinks links = OutsideLinks::as_links;
  Backing backing = Backing::warm;
  MountAccess access = MountAccess::owner;
  ReadFaults faults;
  std::optional<std::uint64_t> readahead_bytes;  // of the mount; empty: what rate and latency need
  std::uint32_t request_bytes = 0;               // largest read request; 0: what suits the rate
};

}  // namespace coldload::stand_in
