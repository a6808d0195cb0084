// The files and folders that a set of processes shows to be its code's: where a start's files are
// looked for when nobody tells of its openings.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coldload::start_set {

// Which files of a folder.
enum class Taken {
  own,         // those in it, not in folders below
  code_below,  // in it and below, those whose names are code's, and all of Python's packages
  all_below,
};
struct Folder {
  std::string path;
  Taken taken = Taken::own;
  bool operator==(const Folder&) const = default;
};

// Of a file that is mapped: all of Python's folder that it lies in (site-packages, dist-packages,
// python3.12); nothing where it lies in one that the whole system shares (/usr/lib/...), whose
// other files are others'; else its own.
[[nodiscard]] std::optional<Folder> folder_of(const std::string& file);

// The files that these processes map or have open now, as far as we may look; each once. One that
// was removed has a name that leads nowhere.
[[nodiscard]] std::vector<std::string> files_held_by(const std::vector<pid_t>& processes);

// The files that these processes run.
[[nodiscard]] std::vector<std::string> programs_of(const std::vector<pid_t>& processes);

// The regular files in these folders, sorted, up to `most`. What vanishes meanwhile is not there,
// and no link is followed.
[[nodiscard]] std::vector<std::string> files_in(const std::vector<Folder>& folders,
                                                std::size_t most);

}  // namespace coldload::start_set
