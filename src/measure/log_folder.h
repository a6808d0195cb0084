// Where the logs of one experiment's trials go: OUT/logs/<experiment>/<position>-<mode>.log.
//
// Layer: measure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "os/directory.h"
#include "os/fd.h"

namespace coldload::measure {

class LogFolder {
 public:
  // Makes nothing yet.
  LogFolder(const os::Directory& out, std::string experiment)
      : out_(out.again()), experiment_(std::move(experiment)) {}

  struct Log {
    std::string name;                    // below the out directory
    std::shared_ptr<const os::Fd> file;  // new, for writing
  };
  // `trial`: its mode, for the name. The folder is this experiment's alone: made with the first
  // log. Throws os::Error.
  [[nodiscard]] Log create(std::uint64_t position, const std::string& trial);

  // That of the logs made so far, below the out directory; empty where there is none.
  [[nodiscard]] std::string name() const;

 private:
  os::Directory out_;
  std::string experiment_;
  std::optional<os::Directory> folder_;
};

}  // namespace coldload::measure
