#include "storage/read_ahead.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file_pages.h"

namespace coldload::storage {

namespace {

using End = ReadAheadOutcome::End;

struct File {
  os::Fd fd;
  std::uint64_t bytes = 0;
  os::FilePages pages;
  std::atomic<bool> failed{false};
};

struct Piece {
  File* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// What of a piece is not resident; nothing where that cannot be seen.
std::optional<std::uint64_t> absent_in(const Piece& piece) {
  if (!piece.file->pages.observable()) return std::nullopt;
  try {
    return piece.bytes - piece.file->pages.resident_bytes(piece.offset, piece.bytes);
  } catch (const os::SystemError&) {
    return std::nullopt;
  }
}

// A file that cannot be opened or mapped is no reason to leave out the others.
std::unique_ptr<File> open_one(const std::string& path, std::string* problem) {
  auto file = std::make_unique<File>();
  try {
    file->fd = os::open_regular(path);
    file->bytes = os::file_size(file->fd);
  } catch (const os::Error& error) {
    if (problem->empty()) *problem = error.what();
    return nullptr;
  }
  try {
    file->pages = os::FilePages(file->fd, file->bytes);
  } catch (const os::SystemError&) {
    return file;  // not every file system maps; it is then read unseen
  }
  return file;
}

}  // namespace

struct ReadAhead::Shared {
  explicit Shared(const ReadAheadOptions& wanted) : options(wanted) {}

  const ReadAheadOptions options;
  std::vector<std::unique_ptr<File>> files;
  std::uint64_t file_bytes = 0;
  std::optional<std::uint64_t> absent_bytes;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> read_bytes{0};

  mutable std::mutex mutex;
  std::size_t next_file = 0;
  std::uint64_t next_offset = 0;
  std::uint64_t before_bytes = 0;  // of the files before next_file
  os::TimePoint room_known_until{};
  std::uint64_t room_bytes = 0;
  std::string problem;
  End end = End::running;  // why no more pieces are given out

  [[nodiscard]] std::uint64_t room() const;
  std::optional<Piece> next_piece();
  void end_with(End why);
  void read(const Piece& piece, std::vector<std::byte>& buffer);
  std::uint64_t read_all(const Piece& piece, std::vector<std::byte>& buffer);
  void work();
};

std::uint64_t ReadAhead::Shared::room() const {
  constexpr std::uint64_t k_share_of_the_other = 5;
  const std::uint64_t available = options.available_bytes().value_or(0);
  return available - available / k_share_of_the_other;
}

// The first reason counts.
void ReadAhead::Shared::end_with(End why) {
  if (end == End::running) end = why;
}

std::optional<Piece> ReadAhead::Shared::next_piece() {
  const std::lock_guard lock(mutex);
  if (stopping) end_with(End::stopped);
  while (next_file < files.size() &&
         (files[next_file]->failed || next_offset >= files[next_file]->bytes)) {
    before_bytes += files[next_file]->bytes;
    ++next_file;
    next_offset = 0;
  }
  if (next_file == files.size()) end_with(End::all);
  if (end != End::running) return std::nullopt;
  File& file = *files[next_file];
  const Piece piece{&file, next_offset, std::min(options.piece_bytes, file.bytes - next_offset)};
  // The other reader takes memory meanwhile.
  constexpr std::chrono::milliseconds k_look_again{100};
  if (const os::TimePoint now = os::Clock::now(); now >= room_known_until) {
    room_bytes = room();
    room_known_until = now + k_look_again;
  }
  if (before_bytes + piece.offset + piece.bytes > room_bytes) {
    end_with(End::no_room);
    return std::nullopt;
  }
  next_offset += piece.bytes;
  return piece;
}

// Returns what came: less than the piece where the file has become shorter, cannot be read, or
// somebody said stop.
std::uint64_t ReadAhead::Shared::read_all(const Piece& piece, std::vector<std::byte>& buffer) {
  const int fd = piece.file->fd.get();
  // All requests of the piece at once, then wait for them: one read at a time would have no more
  // under way than the mount's readahead.
  for (std::uint64_t at = 0; at < piece.bytes; at += options.window_bytes) {
    ::posix_fadvise(fd, static_cast<off_t>(piece.offset + at),
                    static_cast<off_t>(std::min(options.window_bytes, piece.bytes - at)),
                    POSIX_FADV_WILLNEED);
  }
  std::uint64_t done = 0;
  while (done < piece.bytes && !stopping) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), piece.bytes - done);
    const ssize_t got = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(piece.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const os::SystemError error("read", piece.file->fd.path(), errno);
      const std::lock_guard lock(mutex);
      piece.file->failed = true;
      if (problem.empty()) problem = error.what();
      break;
    }
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  return done;
}

void ReadAhead::Shared::read(const Piece& piece, std::vector<std::byte>& buffer) {
  const auto absent = absent_in(piece);
  if (absent == 0U) return;
  const std::uint64_t done = read_all(piece, buffer);
  read_bytes += std::min(absent.value_or(piece.bytes), done);
  if (!options.must_stay || done < piece.bytes || !absent) return;
  if (absent_in(piece) != piece.bytes) return;
  const std::lock_guard lock(mutex);
  end_with(End::useless);
}

void ReadAhead::Shared::work() {
  constexpr std::size_t k_buffer_bytes = 256 << 10;
  std::vector<std::byte> buffer(k_buffer_bytes);
  while (const auto piece = next_piece()) read(*piece, buffer);
}

ReadAhead::ReadAhead(const std::vector<std::string>& paths, const ReadAheadOptions& options)
    : shared_(std::make_shared<Shared>(options)) {
  std::uint64_t absent = 0;
  bool all_seen = true;
  for (const std::string& path : paths) {
    std::unique_ptr<File> file = open_one(path, &shared_->problem);
    if (!file) continue;
    shared_->file_bytes += file->bytes;
    const auto part = absent_in({file.get(), 0, file->bytes});
    all_seen = all_seen && part;
    absent += part.value_or(0);
    shared_->files.push_back(std::move(file));
  }
  if (all_seen) shared_->absent_bytes = absent;
}

std::uint64_t ReadAhead::file_bytes() const { return shared_->file_bytes; }

std::optional<std::uint64_t> ReadAhead::absent_bytes() const { return shared_->absent_bytes; }

std::uint64_t ReadAhead::room_bytes() const { return shared_->room(); }

void ReadAhead::start() {
  crew_ = os::Crew({shared_->options.threads, 1}, [shared = shared_](unsigned) { shared->work(); });
}

ReadAhead::~ReadAhead() {
  stop();
  crew_.leave_behind();
}

void ReadAhead::stop() noexcept { shared_->stopping = true; }

ReadAheadOutcome ReadAhead::outcome() const {
  const std::lock_guard lock(shared_->mutex);
  return {shared_->end, shared_->read_bytes, shared_->problem};
}

}  // namespace coldload::storage
