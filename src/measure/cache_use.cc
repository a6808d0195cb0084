#include "measure/cache_use.h"

#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "os/child_answer.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/error.h"

namespace coldload::measure {

namespace {

// A cache is no deeper: what is, was made to be walked in without end.
constexpr unsigned k_deepest = 64;

// Nothing where nothing has that name. Throws os::SystemError.
std::optional<struct statx> look(const os::Directory& directory, const std::string& name) {
  constexpr unsigned k_asked = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_BTIME;
  struct statx info {};
  const int result = ::statx(directory.descriptor().get(), name.c_str(),
                             AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, k_asked, &info);
  if (result == 0) return info;
  if (errno == ENOENT) return std::nullopt;
  throw os::SystemError("look at", directory.path_of(name), errno);
}

std::int64_t made_ns(const struct statx& info) {
  constexpr std::int64_t k_ns_per_s = 1'000'000'000;
  if ((info.stx_mask & STATX_BTIME) == 0) return 0;
  return info.stx_btime.tv_sec * k_ns_per_s + info.stx_btime.tv_nsec;
}

class CacheWalk {
 public:
  explicit CacheWalk(std::size_t most_entries) : left_(most_entries) {}

  // False: there is more than may be looked at. Throws os::SystemError.
  bool take_folder(const std::string& folder) {
    std::optional<os::Directory> directory;
    try {
      directory = os::Directory::open("/").subdirectory(folder.substr(1));
    } catch (const os::SystemError& error) {
      if (error.code() != ENOENT) throw;
      return true;
    }
    return take(*directory, 0);
  }

  CachedFiles found() && { return std::move(found_); }

 private:
  bool take(const os::Directory& directory, unsigned depth) {
    bool goes_on = true;
    std::vector<std::string> below;
    directory.for_each_name([&](const char* name) {
      goes_on = left_ > 0;
      if (!goes_on) return false;
      --left_;
      const auto info = look(directory, name);
      if (info && S_ISDIR(info->stx_mode)) below.emplace_back(name);
      if (info && S_ISREG(info->stx_mode)) {
        found_[directory.path_of(name)] = {info->stx_size, info->stx_ino, made_ns(*info)};
      }
      return true;
    });
    if (!below.empty() && depth == k_deepest) return false;
    for (const std::string& name : below) {
      if (!goes_on) break;
      goes_on = take_below(directory, name, depth + 1);
    }
    return goes_on;
  }

  bool take_below(const os::Directory& directory, const std::string& name, unsigned depth) {
    std::optional<os::Directory> next;
    try {
      next = directory.subdirectory(name);
    } catch (const os::SystemError& error) {
      // It has gone, or something else has its name now.
      const bool is_none =
          error.code() == ENOENT || error.code() == ENOTDIR || error.code() == ELOOP;
      if (!is_none) throw;
      return true;
    }
    return take(*next, depth);
  }

  std::size_t left_;
  CachedFiles found_;
};

// What of a file was not there before.
std::uint64_t new_bytes(const CachedFiles& before, const std::string& path,
                        const CachedFile& file) {
  const auto known = before.find(path);
  if (known == before.end()) return file.bytes;
  const CachedFile& old = known->second;
  if (old.inode != file.inode || old.made_ns != file.made_ns) return file.bytes;
  return file.bytes > old.bytes ? file.bytes - old.bytes : 0;
}

}  // namespace

std::optional<CachedFiles> look_at_caches(const std::vector<std::string>& folders,
                                          std::size_t most_entries) {
  CacheWalk walk(most_entries);
  try {
    for (const std::string& folder : folders) {
      if (!walk.take_folder(folder)) return std::nullopt;
    }
  } catch (const os::SystemError&) {
    return std::nullopt;
  }
  return std::move(walk).found();
}

CacheUse cache_use_of(const CachedFiles& before, const CachedFiles& after) {
  CacheUse use;
  for (const auto& [path, file] : before) {
    if (file.bytes == 0) continue;
    ++use.files;
    use.bytes += file.bytes;
  }
  const std::uint64_t least = use.files > 0 ? k_least_written_bytes : 1;
  for (const auto& [path, file] : after) {
    const std::uint64_t written = new_bytes(before, path, file);
    if (written < least) continue;
    ++use.written_files;
    use.written_bytes += written;
  }
  using records::Caches;
  if (use.files > 0) {
    use.verdict = use.written_files > 0 ? Caches::mixed : Caches::hit;
  } else {
    use.verdict = use.written_files > 0 ? Caches::filled : Caches::none;
  }
  return use;
}

CacheWatch::CacheWatch(std::vector<std::string> folders) : folders_(std::move(folders)) {
  constexpr std::chrono::seconds k_patience{20};
  if (folders_.empty()) return;
  // The machine's own may lie on a mount that hangs: a child looks first.
  try {
    const auto answer =
        os::answer_of_child([this] { return std::string(look_at_caches(folders_) ? "known" : ""); },
                            os::Clock::now() + k_patience);
    if (answer && !answer->empty()) before_ = look_at_caches(folders_);
  } catch (const os::Error&) {
    before_.reset();  // no child can be had: not known
  }
}

void CacheWatch::note(records::Record* record) const {
  if (!before_) return;
  const std::optional<CachedFiles> after = look_at_caches(folders_);
  if (!after) return;
  const CacheUse use = cache_use_of(*before_, *after);
  record->caches = use.verdict;
  record->caches_files = use.files;
  record->caches_bytes = use.bytes;
  record->caches_written_files = use.written_files;
  record->caches_written_bytes = use.written_bytes;
}

}  // namespace coldload::measure
