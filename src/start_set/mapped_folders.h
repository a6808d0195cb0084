// The folders whose files a set of processes maps or has open: where a start's files are looked for
// when nobody tells of its openings.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coldload::start_set {

// Of a file: its folder; where that lies in one of Python's (site-packages, dist-packages,
// python3.12), all of that one.
struct Folder {
  std::string path;
  bool with_all_below = false;
  bool operator==(const Folder&) const = default;
};
[[nodiscard]] Folder folder_of(const std::string& file);

// The files that these processes map or have open now, as far as we may look; each once.
[[nodiscard]] std::vector<std::string> files_held_by(const std::vector<pid_t>& processes);

// The regular files in these folders, sorted, up to `most`. What vanishes meanwhile is not there,
// and no link is followed.
[[nodiscard]] std::vector<std::string> files_in(const std::vector<Folder>& folders,
                                                std::size_t most);

}  // namespace coldload::start_set
