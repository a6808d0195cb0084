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
#include "streams/chunk_queue.h"

namespace coldload::storage {

namespace {

using End = ReadAheadOutcome::End;

struct File {
  os::Fd fd;
  std::uint64_t bytes = 0;
  std::uint64_t before_bytes = 0;  // of the files before it
  os::FilePages pages;
  std::atomic<bool> failed{false};
};

struct Piece {
  File* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// What came of a piece: less than its bytes where the file has become shorter, cannot be read, or
// somebody said stop; or since its file is to be read in fewer places.
struct Came {
  std::uint64_t bytes = 0;
  bool one_too_many = false;
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

  using Step = streams::ChunkQueue::Step;

  const ReadAheadOptions options;
  std::vector<std::unique_ptr<File>> files;
  std::uint64_t file_bytes = 0;
  std::optional<std::uint64_t> absent_bytes;
  bool may_want_one_stream = false;
  std::optional<streams::ChunkQueue> queue;  // from start() on
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> read_bytes{0};

  mutable std::mutex mutex;
  os::TimePoint room_known_until{};
  std::uint64_t room_bytes = 0;
  std::string problem;
  std::optional<End> end;  // why pieces are left out

  [[nodiscard]] std::uint64_t room() const;
  [[nodiscard]] Piece piece_of(const Step& step) const;
  [[nodiscard]] bool has_room(const Piece& piece);
  void end_with(End why);
  void stop();
  bool read(const Step& step, std::vector<std::byte>& buffer);
  Came read_all(const Step& step, const Piece& piece, std::vector<std::byte>& buffer);
  void work();
};

std::uint64_t ReadAhead::Shared::room() const {
  constexpr std::uint64_t k_share_of_the_other = 5;
  const std::uint64_t available = options.available_bytes().value_or(0);
  return available - available / k_share_of_the_other;
}

// The first reason counts.
void ReadAhead::Shared::end_with(End why) {
  const std::lock_guard lock(mutex);
  if (!end) end = why;
}

void ReadAhead::Shared::stop() {
  stopping = true;
  if (queue) queue->stop();
}

Piece ReadAhead::Shared::piece_of(const Step& step) const {
  File& file = *files[step.file];
  const std::uint64_t offset = step.chunk * options.piece_bytes;
  return {&file, offset, std::min(options.piece_bytes, file.bytes - offset)};
}

bool ReadAhead::Shared::has_room(const Piece& piece) {
  const std::lock_guard lock(mutex);
  // The other reader takes memory meanwhile.
  constexpr std::chrono::milliseconds k_look_again{100};
  if (const os::TimePoint now = os::Clock::now(); now >= room_known_until) {
    room_bytes = room();
    room_known_until = now + k_look_again;
  }
  return piece.file->before_bytes + piece.offset + piece.bytes <= room_bytes;
}

Came ReadAhead::Shared::read_all(const Step& step, const Piece& piece,
                                 std::vector<std::byte>& buffer) {
  const int fd = piece.file->fd.get();
  // All requests of the piece at once, then wait for them: one read at a time would have no more
  // under way than the mount's readahead. That is what a stream is.
  const bool at_once = !may_want_one_stream || queue->streams() > 1;
  for (std::uint64_t at = 0; at_once && at < piece.bytes; at += options.window_bytes) {
    ::posix_fadvise(fd, static_cast<off_t>(piece.offset + at),
                    static_cast<off_t>(std::min(options.window_bytes, piece.bytes - at)),
                    POSIX_FADV_WILLNEED);
  }
  std::uint64_t done = 0;
  while (done < piece.bytes && !stopping) {
    if (queue->is_one_too_many(step)) return {done, true};
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
    queue->arrived(static_cast<std::uint64_t>(got));
  }
  return {done, false};
}

// False where the piece was left in its middle, for somebody to read later.
bool ReadAhead::Shared::read(const Step& step, std::vector<std::byte>& buffer) {
  const Piece piece = piece_of(step);
  if (piece.file->failed) return true;
  if (!has_room(piece)) {
    end_with(End::no_room);
    return true;
  }
  const auto absent = absent_in(piece);
  if (absent == 0U) return true;
  const Came came = read_all(step, piece, buffer);
  read_bytes += std::min(absent.value_or(piece.bytes), came.bytes);
  if (came.one_too_many) return false;
  if (came.bytes == piece.bytes && options.must_stay && absent && absent_in(piece) == piece.bytes) {
    end_with(End::useless);
    stop();
  }
  return true;
}

void ReadAhead::Shared::work() {
  constexpr std::size_t k_buffer_bytes = 256 << 10;
  std::vector<std::byte> buffer(k_buffer_bytes);
  while (const auto step = queue->next()) {
    if (read(*step, buffer)) {
      queue->done(*step);
    } else {
      queue->give_back(*step);
    }
  }
  end_with(stopping ? End::stopped : End::all);
}

ReadAhead::ReadAhead(const std::vector<std::string>& paths, const ReadAheadOptions& options)
    : shared_(std::make_shared<Shared>(options)) {
  std::uint64_t absent = 0;
  bool all_seen = true;
  for (const std::string& path : paths) {
    std::unique_ptr<File> file = open_one(path, &shared_->problem);
    if (!file) continue;
    file->before_bytes = shared_->file_bytes;
    shared_->file_bytes += file->bytes;
    shared_->may_want_one_stream = shared_->may_want_one_stream || os::lies_on_fuse(file->fd);
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
  std::vector<std::size_t> pieces;
  for (const auto& file : shared_->files) {
    const std::uint64_t piece_bytes = shared_->options.piece_bytes;
    pieces.push_back((file->bytes + piece_bytes - 1) / piece_bytes);
  }
  constexpr bool k_first_file_first = true;
  const unsigned threads = shared_->options.threads;
  shared_->queue.emplace(
      pieces, streams::ChunkQueue::Wish{threads, shared_->may_want_one_stream, k_first_file_first,
                                        shared_->file_bytes});
  crew_ = os::Crew({threads, 1}, [shared = shared_](unsigned) { shared->work(); });
}

ReadAhead::~ReadAhead() {
  stop();
  crew_.leave_behind();
}

void ReadAhead::stop() noexcept { shared_->stop(); }

ReadAheadOutcome ReadAhead::outcome() const {
  const std::lock_guard lock(shared_->mutex);
  ReadAheadOutcome outcome{
      shared_->end.value_or(End::running), shared_->read_bytes, shared_->problem, {}};
  if (shared_->queue && shared_->may_want_one_stream) outcome.streams = shared_->queue->streams();
  return outcome;
}

}  // namespace coldload::storage
