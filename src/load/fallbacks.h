// What was refused during a load, and what was done instead: each reason once, however many files
// it met.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace coldload::load {

// Thread-safe.
class Fallbacks {
 public:
  // `path` may be empty: the reason is not about one file.
  void add(const std::string& reason, const std::string& path);
  // In the order of their first appearance: "<reason>: <first path> and 3 more".
  [[nodiscard]] std::vector<std::string> texts() const;

 private:
  struct Entry {
    std::string reason;
    std::string first_path;
    std::uint64_t count = 0;
  };
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace coldload::load
