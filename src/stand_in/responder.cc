#include "stand_in/responder.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/error.h"
#include "os/file.h"

namespace coldload::stand_in {

namespace {

// Data read before it is due. What does not fit is read when it is due.
constexpr std::size_t k_buffered_bytes = 64UL << 20;

// About a millisecond of the rate, so that pages become usable while the rest is on its way, but
// not so small that requests cost more than bytes.
std::uint32_t request_size(double rate_bytes_per_s) {
  constexpr double k_request_s = 0.002;
  const auto wanted = static_cast<std::uint32_t>(std::ceil(rate_bytes_per_s * k_request_s));
  return std::clamp(std::bit_ceil(wanted), 128U << 10, 1U << 20);
}

// A reader that is killed in an O_DIRECT read waits until its request is answered, and the kernel
// says nothing of it: so whoever waits long is looked at.
constexpr std::chrono::milliseconds k_look_for_killed_every{200};
constexpr std::chrono::hours k_for_good{24 * 3650};

// Whether SIGKILL (which every fatal signal becomes) is pending for the thread that asked.
bool is_killed(fuse_req_t request) {
  const auto status = os::try_read_text(fmt::format("/proc/{}/status", fuse_req_ctx(request)->pid));
  constexpr std::string_view k_pending = "SigPnd:\t";
  const std::size_t at = status ? status->find(k_pending) : std::string::npos;
  if (at == std::string::npos) return false;
  constexpr int k_base = 16;
  const std::uint64_t pending =
      std::strtoull(status->c_str() + at + k_pending.size(), nullptr, k_base);
  return ((pending >> (SIGKILL - 1)) & 1U) != 0;
}

unsigned reply_threads() { return std::clamp(std::thread::hardware_concurrency() / 2, 2U, 4U); }

// Returns the bytes read, or -errno.
ssize_t read_backing(const Responder::OpenFile& file, std::byte* buffer, std::size_t size,
                     std::uint64_t offset) {
  try {
    const std::size_t got = os::pread_full(file.file, {buffer, size}, offset);
    if (file.drop_behind) {
      ::posix_fadvise(file.file.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                      POSIX_FADV_DONTNEED);
    }
    return static_cast<ssize_t>(got);
  } catch (const os::SystemError& error) {
    return -error.code();
  }
}

}  // namespace

Responder::Responder(const Setup& setup, std::shared_ptr<Line> line)
    : pace_(setup.pace),
      backing_(setup.backing),
      faults_(setup.faults),
      request_bytes_(setup.request_bytes != 0 ? setup.request_bytes
                                              : request_size(pace_.rate_bytes_per_s)),
      tree_(setup.source, setup.mount_point, setup.links),
      buffers_(request_bytes_, k_buffered_bytes / request_bytes_),
      line_(std::move(line)),
      queue_(reply_threads()) {
  if (pace_.client_bytes_per_s) client_bucket_.emplace(*pace_.client_bytes_per_s, k_credit);
}

std::string Responder::description() const {
  const std::lock_guard lock(description_mutex_);
  return description_;
}

void Responder::set_description(std::string text) {
  const std::lock_guard lock(description_mutex_);
  description_ = std::move(text);
}

Inode& Responder::inode(fuse_ino_t number) {
  if (number == FUSE_ROOT_ID) return tree_.root();
  return *reinterpret_cast<Inode*>(number);  // NOLINT: made by number_of
}

fuse_ino_t Responder::number_of(Inode& inode) {
  return reinterpret_cast<fuse_ino_t>(&inode);  // NOLINT: libfuse's own way to name inodes
}

Responder::OpenFile* Responder::open(Inode& inode) {
  auto file = std::make_unique<OpenFile>();
  Tree::Opened& opened = *file;
  const bool cold = backing_ == Backing::cold;
  try {
    opened = tree_.open(inode, cold ? O_DIRECT : 0);
  } catch (const os::SystemError& error) {
    if (!cold || error.code() != EINVAL) throw;
    opened = tree_.open(inode, 0);
    file->drop_behind = true;
  }
  if (pace_.stream_bytes_per_s) file->stream.emplace(*pace_.stream_bytes_per_s, k_credit);
  OpenFile* const kept = file.get();
  const std::lock_guard lock(open_files_mutex_);
  open_files_.emplace(kept, std::move(file));
  return kept;
}

void Responder::close(const OpenFile* file) {
  const std::lock_guard lock(open_files_mutex_);
  open_files_.erase(file);
}

void Responder::reply_later(std::function<void()> reply) {
  if (pace_.latency.count() == 0) {
    reply();
    return;
  }
  queue_.push(os::Clock::now() + pace_.latency,
              [reply = std::move(reply)](JobEnd /*end*/) { reply(); });
}

void Responder::answer_at(fuse_req_t request, os::TimePoint due, std::function<void()> answer) {
  const os::TimePoint look = std::min(due, os::Clock::now() + k_look_for_killed_every);
  queue_.push(look, [this, request, due, look, answer = std::move(answer)](JobEnd end) {
    if (end == JobEnd::cancelled) {
      fuse_reply_err(request, EIO);
    } else if (look == due) {
      answer();
    } else if (is_killed(request)) {
      fuse_reply_err(request, EINTR);
    } else {
      answer_at(request, due, answer);
    }
  });
}

void Responder::reply_bytes(fuse_req_t request, const std::byte* data, ssize_t bytes) {
  if (bytes < 0) {
    fuse_reply_err(request, static_cast<int>(-bytes));
    return;
  }
  // Counted before the reader can see them, so that whoever has read finds them counted; taken
  // back where nobody was there to take them.
  const auto size = static_cast<std::uint64_t>(bytes);
  bytes_served_.fetch_add(size);
  if (fuse_reply_buf(request, reinterpret_cast<const char*>(data), size) != 0) {
    bytes_served_.fetch_sub(size);
  }
}

void Responder::answer_read(const Read& read) {
  if (read.early) {
    reply_bytes(read.request, read.early.get(), read.got);
    return;
  }
  try {
    const BufferPool::Buffer buffer = buffers_.take(BufferPool::AtLimit::exceed);
    reply_bytes(read.request, buffer.get(),
                read_backing(*read.file, buffer.get(), read.size, read.offset));
  } catch (const std::bad_alloc&) {
    fuse_reply_err(read.request, ENOMEM);
  }
}

void Responder::enter_line(const Read& read) {
  const os::TimePoint due =
      std::max(read.arrived + pace_.latency, line_->reserve(read.bytes, os::Clock::now()));
  answer_at(read.request, due, [this, read] { answer_read(read); });
}

void Responder::read(fuse_req_t request, OpenFile& file, std::size_t size, std::uint64_t offset) {
  const os::TimePoint now = os::Clock::now();
  size = std::min<std::size_t>(size, request_bytes_);
  const std::uint64_t left = offset < file.bytes ? file.bytes - offset : 0;
  const std::uint64_t bytes = std::min<std::uint64_t>(size, left);
  const ReadFate fate = faults_.decide(bytes);
  if (fate != ReadFate::serve) {
    const auto wait = fate == ReadFate::fail ? pace_.latency : k_for_good;
    answer_at(request, now + wait, [request] { fuse_reply_err(request, EIO); });
    return;
  }
  Read read{request, &file, size, offset, bytes, now, nullptr, 0};
  if (backing_ == Backing::cold) {
    read.early = buffers_.take(BufferPool::AtLimit::refuse);
    if (read.early) read.got = read_backing(file, read.early.get(), size, offset);
  } else {
    ::posix_fadvise(file.file.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    POSIX_FADV_WILLNEED);
  }
  os::TimePoint through = now;
  if (file.stream || client_bucket_) {
    const std::lock_guard lock(pace_mutex_);
    const auto size_in_units = static_cast<double>(bytes);
    if (file.stream) through = file.stream->reserve(size_in_units, now);
    if (client_bucket_) through = std::max(through, client_bucket_->reserve(size_in_units, now));
  }
  if (through <= now) {
    enter_line(read);
  } else {
    answer_at(request, through, [this, read] { enter_line(read); });
  }
}

}  // namespace coldload::stand_in
