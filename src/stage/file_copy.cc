#include "stage/file_copy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "stage/ownership.h"

namespace coldload::stage {

namespace {

// A time before 1970 has a negative second and a positive rest.
std::timespec timespec_of(std::int64_t since_1970_ns) {
  const std::chrono::nanoseconds since_1970{since_1970_ns};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  return {seconds.count(), (since_1970 - seconds).count()};
}

}  // namespace

// As the source's, and so that we can write it.
os::Fd FileCopy::make_or_go_on() const {
  constexpr mode_t k_own_rights = 0600;
  if (auto there = open_own(data_, file_.name, O_RDWR)) return std::move(*there);
  data_.remove_tree(file_.name);
  return data_.open_file(file_.name, O_RDWR | O_CREAT | O_EXCL, file_.mode | k_own_rights);
}

void FileCopy::open(os::PendingCall& call) {
  const std::lock_guard lock(mutex_);
  if (open_) return;
  source_.open(call);
  call.begin_open(destination_);
  buffered_file_ = make_or_go_on();
  if (file_.bytes >= k_small_file_bytes) {
    direct_file_ =
        try_open_direct([this](int flags) { return data_.open_file(file_.name, flags); }, O_WRONLY);
    // Some file systems cannot: the room is then looked for as it is needed.
    if (::fallocate(buffered_file_.get(), 0, 0, static_cast<off_t>(file_.bytes)) != 0 &&
        errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
      throw os::SystemError("reserve room for", destination_, errno);
    }
  }
  call.end();
  direct_destination_ = direct_file_.valid();
  open_ = true;
}

void FileCopy::write(std::uint64_t offset, std::span<const std::byte> data, os::PendingCall& call) {
  while (!data.empty()) {
    const bool direct = direct_destination_ && offset % k_direct_alignment == 0;
    call.begin_write(destination_, offset);
    const ssize_t put =
        ::pwrite(direct ? direct_file_.get() : buffered_file_.get(), data.data(),
                 direct ? aligned(data.size()) : data.size(), static_cast<off_t>(offset));
    const int error_number = errno;
    call.end();
    if (put < 0 && error_number == EINTR) continue;
    if (put < 0 && direct && refuses_direct(error_number)) {
      direct_destination_ = false;
      continue;
    }
    if (put < 0) {
      throw os::SystemError("write", fmt::format("{} at offset {}", destination_, offset),
                            error_number);
    }
    const std::size_t moved = std::min(data.size(), static_cast<std::size_t>(put));
    offset += moved;
    data = data.subspan(moved);
  }
}

std::optional<Hash> FileCopy::copy(std::size_t index, ReadWay way, std::span<std::byte> buffer,
                                   os::PendingCall& call,
                                   const std::function<bool(std::size_t)>& may_go_on) {
  return source_.read(
      index, way, buffer, call, [&](std::uint64_t offset, std::span<std::byte> block) {
        if (!may_go_on(block.size())) return false;
        // O_DIRECT writes whole pages; the file is cut to its size in the end.
        if (block.size() < buffer.size()) {
          std::memset(buffer.data() + block.size(), 0, aligned(block.size()) - block.size());
        }
        write(offset, block, call);
        return true;
      });
}

bool FileCopy::holds(std::size_t index, const Hash& hash, std::span<std::byte> buffer,
                     os::PendingCall& call) {
  const auto read = [&](std::uint64_t at, std::span<std::byte> block) {
    call.begin_read(destination_, at);
    const std::size_t got = os::pread_full(buffered_file_, block, at);
    call.end();
    return got == block.size();
  };
  return hash_of_chunk(file_.bytes, index, buffer, read) == hash;
}

// The group's right is another one's where the copy has another group: it gets what all have. A
// file system that keeps no modes cannot be told.
void FileCopy::give_no_more_rights() const {
  constexpr mode_t k_all = 0777;
  constexpr mode_t k_group = 0070;
  constexpr unsigned k_bits_of_each = 3;
  const struct stat info = os::file_status(buffered_file_);
  mode_t most = file_.mode;
  if (info.st_gid != file_.group) most &= ~k_group | ((most << k_bits_of_each) & k_group);
  const mode_t wanted = info.st_mode & k_all & most;
  if (wanted != (info.st_mode & k_all)) {
    [[maybe_unused]] const int done = ::fchmod(buffered_file_.get(), wanted);
  }
}

void FileCopy::finish(Flush flush) {
  const int fd = buffered_file_.get();
  if (::ftruncate(fd, static_cast<off_t>(file_.bytes)) != 0) {
    throw os::SystemError("cut to its size", destination_, errno);
  }
  const std::array<std::timespec, 2> times{{{0, UTIME_OMIT}, timespec_of(file_.mtime_ns)}};
  if (::futimens(fd, times.data()) != 0) {
    throw os::SystemError("set the time of", destination_, errno);
  }
  give_no_more_rights();
  if (flush == Flush::yes && ::fsync(fd) != 0) {
    // What did not reach the disk may still be in the page cache, and look right.
    throw os::Error(fmt::format("cannot flush {}: {}", destination_, os::error_text(errno)));
  }
  source_.close();
  direct_file_.reset();
  buffered_file_.reset();
}

}  // namespace coldload::stage
