#include "stage/verify.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "stage/bounded_threads.h"
#include "stage/chunk_reader.h"
#include "text/escape.h"

namespace coldload::stage {

namespace {

// Owned by the threads too: one that hangs in the kernel keeps it. One file is read by one thread.
class Verification {
 public:
  Verification(Manifest manifest, const std::string& directory) : manifest_(std::move(manifest)) {
    for (const ManifestFile& file : manifest_.files) paths_.push_back(directory + "/" + file.name);
  }

  void work(os::PendingCall& call) {
    const os::Mapping buffer = os::Mapping::anonymous(k_copy_block_bytes);
    for (;;) {
      const std::size_t index = next_++;
      if (index >= paths_.size() || os::interrupted()) return;
      try {
        check(index, buffer.bytes(), call);
      } catch (const os::Error& error) {
        call.end();
        complain(error.what());
      }
    }
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::vector<std::string> problems() {
    const std::lock_guard lock(mutex_);
    std::sort(problems_.begin(), problems_.end());
    return problems_;
  }

 private:
  void complain(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    problems_.push_back(problem);
  }

  void check(std::size_t index, std::span<std::byte> buffer, os::PendingCall& call) {
    const ManifestFile& file = manifest_.files[index];
    call.begin_open(paths_[index]);
    const std::uint64_t bytes = os::regular_file_size(paths_[index]);
    call.end();
    if (bytes != file.bytes) {
      complain(fmt::format("{} has {} bytes instead of {}", paths_[index], bytes, file.bytes));
      return;
    }
    ChunkReader reader(paths_[index], file.bytes);
    reader.open(call);
    for (std::size_t chunk = 0; chunk < file.chunks.size(); ++chunk) {
      const auto hash = reader.read(chunk, ReadWay::direct, buffer, call,
                                    [this](std::uint64_t, std::span<std::byte> block) {
                                      bytes_ += block.size();
                                      return !os::interrupted();
                                    });
      if (!hash) return;
      if (*hash == file.chunks[chunk]) continue;
      complain(fmt::format("{} has other bytes than were staged, between offset {} and {}",
                           paths_[index], chunk * k_chunk_bytes,
                           std::min<std::uint64_t>(file.bytes, (chunk + 1) * k_chunk_bytes)));
    }
  }

  const Manifest manifest_;
  std::vector<std::string> paths_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::mutex mutex_;
  std::vector<std::string> problems_;
};

// Files of a copy at `directory` that its manifest does not name, by name.
std::vector<std::string> files_not_named(const Manifest& manifest, const std::string& directory) {
  std::set<std::string> named;
  for (const ManifestFile& file : manifest.files) named.insert(file.name);
  std::vector<std::string> unknown;
  std::error_code problem;
  namespace fs = std::filesystem;
  for (fs::recursive_directory_iterator at(directory, problem), end;
       !problem && at != end && !os::interrupted(); at.increment(problem)) {
    if (!at->is_symlink() && at->is_directory()) continue;
    const std::string name = at->path().string().substr(directory.size() + 1);
    if (named.count(name) == 0) unknown.push_back(text::valid_utf8(name));
  }
  if (problem) throw os::SystemError("list", directory, problem.value());
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

}  // namespace

VerifyOutcome verify_directory(const Manifest& manifest, const std::string& directory,
                               unsigned jobs, const std::function<void(std::uint64_t)>& progress) {
  const auto verification = std::make_shared<Verification>(manifest, directory);
  const auto threads =
      static_cast<unsigned>(std::clamp<std::size_t>(manifest.files.size(), 1, std::max(1U, jobs)));
  run_bounded(
      threads,
      [&](const Calls&) {
        if (progress) progress(verification->bytes());
        return os::interrupted();
      },
      [verification](unsigned, os::PendingCall& call) { verification->work(call); });
  VerifyOutcome outcome;
  outcome.bytes = verification->bytes();
  outcome.problems = verification->problems();
  outcome.unknown = files_not_named(manifest, directory);
  outcome.interrupted = os::interrupted();
  return outcome;
}

}  // namespace coldload::stage
