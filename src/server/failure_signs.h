// Why a server failed, from what it printed: known causes, in words that say what to do.
//
// Layer: server. The texts are those of Python, PyTorch, CUDA and the servers themselves.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::server {

// RE2 expressions, the most telling first: a server that fails for one of the upper reasons also
// prints the lower ones.
[[nodiscard]] const std::vector<std::string_view>& failure_patterns();

class FailureSigns {
 public:
  // A line that failure_patterns()[cause] was found in.
  void note(std::size_t cause, std::string_view line);
  // The most telling cause of all that were noted, with the line that told it first: "out of GPU
  // memory ("..."): free the GPU, ...". Empty where there is none.
  [[nodiscard]] std::string explanation() const;

 private:
  std::optional<std::size_t> best_;
  std::string line_;
};

}  // namespace coldload::server
