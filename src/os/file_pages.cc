#include "os/file_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/proc.h"

namespace coldload::os {

namespace {

// A capability inside a user namespace says nothing about files of users that it does not know;
// these are shown as the user that stands for all of them.
bool is_known_here(uid_t user) {
  std::istringstream map(try_read_text("/proc/self/uid_map").value_or(""));
  std::uint64_t inside = 1;
  std::uint64_t outside = 1;
  std::uint64_t count = 0;
  map >> inside >> outside >> count;
  constexpr std::uint64_t k_all = 4294967295;
  if (inside == 0 && outside == 0 && count == k_all) return true;
  const auto unknown = try_read_text("/proc/sys/kernel/overflowuid");
  return unknown && *unknown != std::to_string(user);
}

}  // namespace

// As the kernel's can_do_mincore(). It does not ask whether the mount may be written: access(2)
// does, so that alone hides from root what others own on a read-only mount.
bool may_see_pages(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return false;
  return info.st_uid == ::geteuid() || ::euidaccess(file.path().c_str(), W_OK) == 0 ||
         (has_capability(CAP_FOWNER) && is_known_here(info.st_uid));
}

FilePages::FilePages(const Fd& file, std::uint64_t bytes) : path_(file.path()) {
  if (!may_see_pages(file)) {
    why_unseen_ =
        "the kernel does not tell what it holds of a file that one neither owns nor may write";
    return;
  }
  try {
    pages_ = Mapping::of_file_without_access(file, bytes);
    why_unseen_.clear();
  } catch (const SystemError& error) {
    // A FUSE daemon's direct_io, and whatever else has no page cache to map.
    if (error.code() != ENODEV) throw;
    why_unseen_ =
        "this mount allows no shared mapping (FUSE in direct_io mode), so what the kernel "
        "holds of its files, if anything, cannot be seen";
  }
}

void FilePages::for_each(std::uint64_t offset, std::uint64_t bytes,
                         const std::function<void(std::span<const unsigned char>)>& take) const {
  std::array<unsigned char, 4096> answers;  // the kernel itself answers in steps of so many
  const std::uint64_t step_bytes = answers.size() * page_size();
  for (const std::uint64_t end = offset + bytes; offset < end; offset += step_bytes) {
    const std::uint64_t length = std::min(step_bytes, end - offset);
    if (::mincore(pages_.data() + offset, length, answers.data()) != 0) {
      throw SystemError("ask for the resident pages of", path_, errno);
    }
    take(std::span(answers).first((length + page_size() - 1) / page_size()));
  }
}

std::vector<bool> FilePages::look(std::uint64_t offset, std::uint64_t bytes) const {
  std::vector<bool> seen;
  seen.reserve((bytes + page_size() - 1) / page_size());
  for_each(offset, bytes, [&](auto answers) {
    for (const unsigned char one : answers) seen.push_back((one & 1U) != 0);
  });
  return seen;
}

std::uint64_t FilePages::resident_bytes(std::uint64_t offset, std::uint64_t bytes) const {
  std::uint64_t pages = 0;
  for_each(offset, bytes, [&](auto answers) {
    for (const unsigned char one : answers) pages += one & 1U;
  });
  return std::min(bytes, pages * page_size());
}

}  // namespace coldload::os
