// Notes on trials: those that say the same, but for their figures, are shown once and counted.
//
// Layer: cli. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::cli {

class NoteTally {
 public:
  // Whether it is the first of its kind.
  bool add(const std::string& note);
  // Of kinds that came several times: "6 notes like this: 1.2 cores were busy ...", with the first
  // of them.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  struct Kind {
    std::string first;
    std::size_t count = 0;
  };
  std::map<std::string, Kind> kinds_;  // by the note without its figures
};

}  // namespace coldload::cli
