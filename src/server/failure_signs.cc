#include "server/failure_signs.h"

#include <array>

#include <fmt/format.h>

#include "process/log_tail.h"

namespace coldload::server {

namespace {

struct Cause {
  std::string_view regex;
  std::string_view words;  // what failed
  std::string_view remedy;
};

constexpr std::array<Cause, 13> k_causes{{
    {R"((?:CUDA|HIP) out of memory|torch\.(?:cuda\.)?OutOfMemoryError|cudaMalloc failed: out of memory|CUDA error: out of memory)",
     "out of GPU memory",
     "free the GPU, choose a smaller --max-model-len, or a GPU that holds the model"},
    {R"(Free memory on device .* is less than desired GPU memory utilization|No available memory for the cache blocks|larger than the maximum number of tokens that can be stored in KV cache|max seq len .* is larger than|(?:Not enough|insufficient) memory)",
     "too little GPU memory for the KV cache",
     "free the GPU, raise --gpu-memory-utilization or lower --max-model-len"},
    {R"((?:Address already in use|address already in use|\[Errno 98\]|EADDRINUSE|couldn't bind HTTP server socket))",
     "the port is in use", "choose another with --port, or write {port} into the command"},
    {R"((?:ModuleNotFoundError: No module named|ImportError: cannot import name|ImportError: .*: cannot open shared object file))",
     "a Python module is missing", "install it where this server runs"},
    {R"(error while loading shared libraries)", "a shared library is missing",
     "install it, or set LD_LIBRARY_PATH"},
    {R"((?:Model architectures .* (?:are not supported|failed to be inspected)|does not recognize this architecture|unknown model architecture|Unsupported model|architecture .* not supported))",
     "the server does not support this model's architecture",
     "use a version of the server that does"},
    {R"(unrecognized arguments:|error: argument |error: invalid argument|error: unexpected argument|[Nn]o such option)",
     "the server does not know one of its flags", "compare the command with this server's --help"},
    {R"((?:no kernel image is available|CUDA driver version is insufficient|The NVIDIA driver on your system is too old|no CUDA-capable device|Found no NVIDIA driver|Failed to infer device type))",
     "the GPU cannot be used", "check the driver, the GPU's architecture and the server's build"},
    {R"((?:No space left on device|Disk quota exceeded))", "a disk is full", "free space"},
    {R"(\bmmap\b.*No such device|\[Errno 19\]|\(os error 19\))", "a file cannot be mapped",
     "a mount in FUSE's direct_io mode allows no shared mapping: mount it without, let the server "
     "read "
     "instead of mapping, or copy the checkpoint with `coldload stage`"},
    // Others print such words about what they can do without.
    {R"(\bPermissionError: )", "permission is denied", "give the server's user access"},
    {R"(\b(?:FileNotFoundError: |HFValidationError: )|is not a valid (?:local )?folder|does not appear to have a file named|Repo id must)",
     "a file is missing", "see the line, and look into the checkpoint with `coldload inspect`"},
    {R"(Timed out waiting for engine core)", "the server gave up waiting for its own engine",
     "raise --timeout"},
}};

}  // namespace

const std::vector<std::string_view>& failure_patterns() {
  static const std::vector<std::string_view> k_patterns = [] {
    std::vector<std::string_view> patterns;
    patterns.reserve(k_causes.size());
    for (const Cause& cause : k_causes) patterns.push_back(cause.regex);
    return patterns;
  }();
  return k_patterns;
}

void FailureSigns::note(std::size_t cause, std::string_view line) {
  if (best_ && cause >= *best_) return;
  best_ = cause;
  line_ = process::clean_line(line);
}

std::string FailureSigns::explanation() const {
  if (!best_) return "";
  const Cause& cause = k_causes.at(*best_);
  return fmt::format("{} (\"{}\"): {}", cause.words, line_, cause.remedy);
}

}  // namespace coldload::server
