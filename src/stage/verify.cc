#include "stage/verify.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "stage/bounded_threads.h"
#include "stage/chunk_reader.h"
#include "text/escape.h"

namespace coldload::stage {

namespace {

// Owned by the threads too: one that hangs in the kernel keeps it. One file is read by one thread.
class Verification {
 public:
  // `copy`: null for the source.
  Verification(Manifest manifest, std::shared_ptr<const os::Directory> copy,
               std::size_t block_bytes)
      : manifest_(std::move(manifest)), copy_(std::move(copy)), block_bytes_(block_bytes) {
    const std::string& directory = copy_ ? copy_->path() : manifest_.source;
    for (const ManifestFile& file : manifest_.files) paths_.push_back(directory + "/" + file.name);
  }

  void work(os::PendingCall& call) {
    const os::Mapping buffer = os::Mapping::anonymous(block_bytes_);
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

  [[nodiscard]] os::Fd open(std::size_t index, int flags) const {
    const ManifestFile& file = manifest_.files[index];
    os::Fd opened =
        copy_ ? copy_->open_file(file.name, flags) : os::open_file(paths_[index], flags);
    const struct stat info = os::file_status(opened);
    if (!S_ISREG(info.st_mode)) {
      throw os::Error(fmt::format("cannot read {}: it is no regular file", paths_[index]));
    }
    const auto bytes = static_cast<std::uint64_t>(info.st_size);
    if (bytes != file.bytes) {
      throw os::Error(
          fmt::format("{} has {} bytes instead of {}", paths_[index], bytes, file.bytes));
    }
    return opened;
  }

  void check(std::size_t index, std::span<std::byte> buffer, os::PendingCall& call) {
    const ManifestFile& file = manifest_.files[index];
    ChunkReader reader(paths_[index], file.bytes,
                       [this, index](int flags) { return open(index, flags); });
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
  const std::shared_ptr<const os::Directory> copy_;
  const std::size_t block_bytes_;
  std::vector<std::string> paths_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::mutex mutex_;
  std::vector<std::string> problems_;
};

// Files of a copy that its manifest does not name, by name.
std::vector<std::string> files_not_named(const Manifest& manifest, const os::Directory& copy) {
  std::set<std::string> named;
  for (const ManifestFile& file : manifest.files) named.insert(file.name);
  std::vector<std::string> unknown;
  std::vector<std::string> directories{""};
  while (!directories.empty() && !os::interrupted()) {
    const std::string below = std::exchange(directories.back(), "");
    directories.pop_back();
    const os::Directory directory = copy.subdirectory(below.empty() ? "." : below);
    directory.for_each_name([&](const char* own) {
      const std::string name = below.empty() ? own : below + "/" + own;
      const auto info = directory.look(own);
      if (info && S_ISDIR(info->st_mode)) {
        directories.push_back(name);
      } else if (named.count(name) == 0) {
        unknown.push_back(text::valid_utf8(name));
      }
      return true;
    });
  }
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

VerifyOutcome verify(const Manifest& manifest, std::shared_ptr<const os::Directory> copy,
                     unsigned jobs, const std::function<void(std::uint64_t)>& progress) {
  const auto wanted =
      static_cast<unsigned>(std::clamp<std::size_t>(manifest.files.size(), 1, std::max(1U, jobs)));
  const BlockBudget budget = block_budget(wanted, os::available_memory_bytes());
  const auto verification =
      std::make_shared<Verification>(manifest, std::move(copy), budget.block_bytes);
  run_bounded(
      budget.threads,
      [&](const Calls&) {
        if (progress) progress(verification->bytes());
        return os::interrupted();
      },
      [verification](unsigned, os::PendingCall& call) { verification->work(call); });
  VerifyOutcome outcome;
  outcome.bytes = verification->bytes();
  outcome.problems = verification->problems();
  outcome.interrupted = os::interrupted();
  return outcome;
}

}  // namespace

VerifyOutcome verify_copy(const Manifest& manifest, std::shared_ptr<const os::Directory> copy,
                          unsigned jobs, const std::function<void(std::uint64_t)>& progress) {
  VerifyOutcome outcome = verify(manifest, copy, jobs, progress);
  outcome.unknown = files_not_named(manifest, *copy);
  return outcome;
}

VerifyOutcome verify_source(const Manifest& manifest, unsigned jobs,
                            const std::function<void(std::uint64_t)>& progress) {
  return verify(manifest, nullptr, jobs, progress);
}

}  // namespace coldload::stage
