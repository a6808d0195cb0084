#include "run/start_set_reader.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file_pages.h"
#include "os/mapping.h"
#include "storage/file_systems.h"
#include "storage/mounts.h"

namespace coldload::run {

namespace {

using start_set::Group;
using start_set::Range;
using start_set::StartFile;

constexpr std::uint64_t k_piece_bytes = std::uint64_t{2} << 20;
constexpr std::uint64_t k_window_bytes = 128 << 10;  // what every mount takes in one request
constexpr std::size_t k_most_named = 3;

// What part of a file one thread takes at a time.
struct Piece {
  std::size_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t before_bytes = 0;  // of the pieces before it
};

// One file of the set, from its first piece on to its last.
struct SetFile {
  std::mutex mutex;  // of whether it has been looked at
  bool is_looked_at = false;
  os::Fd fd;  // none where it is left out
  os::FilePages pages;
  std::atomic<bool> is_left_out{false};
  std::atomic<std::size_t> in_hand{0};  // pieces that threads have
  std::atomic<bool> is_handed_out{false};
};

// Whether it has not changed: to the second where one of the two file systems, or what an image was
// packed with, knows no more.
bool is_same_time(const struct stat& info, std::int64_t changed_ns) {
  constexpr std::int64_t k_ns_per_s = 1'000'000'000;
  const std::int64_t now_ns = info.st_mtim.tv_sec * k_ns_per_s + info.st_mtim.tv_nsec;
  if (now_ns == changed_ns) return true;
  const bool is_coarse = info.st_mtim.tv_nsec == 0 || changed_ns % k_ns_per_s == 0;
  return is_coarse && info.st_mtim.tv_sec == changed_ns / k_ns_per_s;
}

// What is not resident; nothing where that cannot be seen.
std::optional<std::uint64_t> absent_in(const os::FilePages& pages, const Piece& piece) {
  if (!pages.observable()) return std::nullopt;
  const std::uint64_t begin = piece.offset / os::page_size() * os::page_size();
  try {
    const std::uint64_t bytes = piece.offset + piece.bytes - begin;
    return std::min(piece.bytes, bytes - pages.resident_bytes(begin, bytes));
  } catch (const os::SystemError&) {
    return std::nullopt;
  }
}

std::uint64_t mount_id(const std::vector<storage::Mount>& mounts, const std::string& path) {
  const storage::Mount* const mount = storage::mount_of(mounts, path);
  return mount == nullptr ? 0 : mount->id;
}

}  // namespace

struct StartSetReader::Shared {
  Shared(start_set::StartSet wanted, StartSetReaderOptions given)
      : set(std::move(wanted)), options(std::move(given)), files(set.files.size()) {}

  const start_set::StartSet set;
  const StartSetReaderOptions options;
  const std::vector<storage::Mount> mounts = storage::current_mounts();
  std::vector<SetFile> files;
  std::size_t front_files = 0;                                   // before the first weights
  std::map<std::uint64_t, std::atomic<std::size_t>> front_left;  // of them, by mount
  std::uint64_t file_count = 0;
  std::uint64_t bytes = 0;

  // Where the next piece begins: a set may claim more than there is memory to list.
  std::mutex cursor_mutex;
  std::size_t next_file = 0;
  std::size_t next_range = 0;
  std::uint64_t next_at = 0;  // in that range
  std::uint64_t handed_out_bytes = 0;

  std::atomic<std::size_t> done{0};
  std::atomic<bool> stopping{false};

  mutable std::mutex mutex;                     // of what follows
  StartSetOutcome outcome;                      // but for `named`
  std::map<std::size_t, std::string> left_out;  // the first few of the set, whoever came first
  os::TimePoint room_known_until{};
  std::uint64_t room_bytes = 0;

  void plan();
  [[nodiscard]] std::optional<Piece> next_piece();
  void end_file(std::size_t number);
  void leave_out(std::size_t number, std::string_view why);
  [[nodiscard]] std::string_view why_of_no_use(const struct stat& info) const;
  void look_at(std::size_t number);
  [[nodiscard]] bool has_room(const Piece& piece);
  void read(const Piece& piece, std::vector<std::byte>& buffer);
  void work();
};

void StartSetReader::Shared::plan() {
  constexpr std::uint64_t k_most = std::numeric_limits<std::uint64_t>::max();
  bool is_front = true;
  for (std::size_t i = 0; i < set.files.size(); ++i) {
    const StartFile& file = set.files[i];
    if (file.group == Group::weights) {
      is_front = false;
      continue;
    }
    ++file_count;
    for (const Range& range : file.in_memory) bytes += std::min(range.bytes, k_most - bytes);
    if (!is_front) continue;
    front_files = i + 1;
    if (!file.in_memory.empty()) ++front_left[mount_id(mounts, file.path)];
  }
}

// In order; nothing after the last.
std::optional<Piece> StartSetReader::Shared::next_piece() {
  const std::lock_guard lock(cursor_mutex);
  while (next_file < set.files.size()) {
    const StartFile& file = set.files[next_file];
    const bool is_through = file.group == Group::weights || next_range >= file.in_memory.size() ||
                            files[next_file].is_left_out;
    if (is_through) {
      const std::size_t number = next_file++;
      next_range = 0;
      next_at = 0;
      files[number].is_handed_out = true;
      if (files[number].in_hand == 0) end_file(number);
      continue;
    }
    const Range& range = file.in_memory[next_range];
    const std::uint64_t length = std::min(k_piece_bytes, range.bytes - next_at);
    const Piece piece{next_file, range.offset + next_at, length, handed_out_bytes};
    next_at += length;
    handed_out_bytes += length;
    ++files[next_file].in_hand;
    if (next_at == range.bytes) {
      ++next_range;
      next_at = 0;
    }
    return piece;
  }
  return std::nullopt;
}

// Nobody has a piece of it any more, nor will. Under the cursor's mutex.
void StartSetReader::Shared::end_file(std::size_t number) {
  SetFile& file = files[number];
  file.pages = {};
  file.fd.reset();
  const bool counts = set.files[number].group != Group::weights;
  if (number < front_files && counts && !set.files[number].in_memory.empty()) {
    --front_left.at(mount_id(mounts, set.files[number].path));
  }
}

void StartSetReader::Shared::leave_out(std::size_t number, std::string_view why) {
  const std::lock_guard lock(mutex);
  ++outcome.left_out;
  left_out.emplace(number, fmt::format("{} ({})", set.files[number].path, why));
  if (left_out.size() > k_most_named) left_out.erase(std::prev(left_out.end()));
}

// Empty where to read what lies there may help.
std::string_view StartSetReader::Shared::why_of_no_use(const struct stat& info) const {
  const storage::Mount* const mount = storage::mount_on(mounts, info.st_dev);
  if (mount == nullptr) return "";
  if (storage::file_system_of(*mount).memory) return "it is memory already";
  return storage::opening_may_drop_pages(*mount) ? "its mount may keep no pages" : "";
}

void StartSetReader::Shared::look_at(std::size_t number) {
  const StartFile& wanted = set.files[number];
  try {
    os::Fd fd = os::open_regular(wanted.path, O_NOFOLLOW);
    const struct stat info = os::file_status(fd);
    if (static_cast<std::uint64_t>(info.st_size) != wanted.bytes) {
      return leave_out(number, "it has another size");
    }
    if (!is_same_time(info, wanted.changed_ns)) {
      return leave_out(number, "it has changed since");
    }
    if (const std::string_view why = why_of_no_use(info); !why.empty()) {
      return leave_out(number, why);
    }
    files[number].pages = os::FilePages(fd, wanted.bytes);
    files[number].fd = std::move(fd);
  } catch (const os::SystemError& error) {
    return leave_out(number, os::error_text(error.code()));
  } catch (const os::Error& error) {
    return leave_out(number, "it is no regular file");
  }
  const std::lock_guard lock(mutex);
  ++outcome.files;
}

bool StartSetReader::Shared::has_room(const Piece& piece) {
  const std::lock_guard lock(mutex);
  constexpr std::chrono::milliseconds k_look_again{100};
  constexpr std::uint64_t k_share_of_the_server = 5;
  if (const os::TimePoint now = os::Clock::now(); now >= room_known_until) {
    const std::uint64_t available = options.available_bytes().value_or(0);
    room_bytes = available - available / k_share_of_the_server;
    room_known_until = now + k_look_again;
  }
  if (piece.before_bytes <= room_bytes && piece.bytes <= room_bytes - piece.before_bytes) {
    return true;
  }
  outcome.had_room = false;
  return false;
}

void StartSetReader::Shared::read(const Piece& piece, std::vector<std::byte>& buffer) {
  SetFile& file = files[piece.file];
  {
    const std::lock_guard lock(file.mutex);
    if (!std::exchange(file.is_looked_at, true)) {
      look_at(piece.file);
      file.is_left_out = !file.fd.valid();
    }
  }
  if (file.is_left_out) return;
  const auto absent = absent_in(file.pages, piece);
  if (absent == 0U) return;
  // All requests of the piece at once, then wait for them.
  for (std::uint64_t at = 0; piece.bytes > k_window_bytes && at < piece.bytes;
       at += k_window_bytes) {
    ::posix_fadvise(file.fd.get(), static_cast<off_t>(piece.offset + at),
                    static_cast<off_t>(std::min(k_window_bytes, piece.bytes - at)),
                    POSIX_FADV_WILLNEED);
  }
  std::uint64_t came = 0;
  while (came < piece.bytes && !stopping) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), piece.bytes - came);
    const ssize_t got =
        ::pread(file.fd.get(), buffer.data(), wanted, static_cast<off_t>(piece.offset + came));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    came += static_cast<std::uint64_t>(got);
  }
  const std::lock_guard lock(mutex);
  outcome.read_bytes += std::min(absent.value_or(piece.bytes), came);
  outcome.at_most = outcome.at_most || !absent;
}

void StartSetReader::Shared::work() {
  constexpr std::size_t k_buffer_bytes = 256 << 10;
  std::vector<std::byte> buffer(k_buffer_bytes);
  while (!stopping) {
    const auto piece = next_piece();
    if (!piece || !has_room(*piece)) return;
    read(*piece, buffer);
    ++done;
    const std::lock_guard lock(cursor_mutex);
    SetFile& file = files[piece->file];
    if (--file.in_hand == 0 && file.is_handed_out) end_file(piece->file);
  }
}

StartSetReader::StartSetReader(start_set::StartSet set, const StartSetReaderOptions& options)
    : shared_(std::make_shared<Shared>(std::move(set), options)) {
  shared_->plan();
}

std::uint64_t StartSetReader::files() const { return shared_->file_count; }

std::uint64_t StartSetReader::bytes() const { return shared_->bytes; }

void StartSetReader::start() {
  crew_ = os::Crew({shared_->options.threads, 1}, [shared = shared_](unsigned) { shared->work(); });
}

StartSetReader::~StartSetReader() {
  stop();
  crew_.leave_behind();
}

void StartSetReader::stop() noexcept { shared_->stopping = true; }

StartSetOutcome StartSetReader::outcome() const {
  const std::lock_guard lock(shared_->mutex);
  StartSetOutcome outcome = shared_->outcome;
  for (const auto& [number, words] : shared_->left_out) outcome.named.push_back(words);
  return outcome;
}

void StartSetReader::wait_for_front(const std::string& weights,
                                    const std::function<bool()>& is_over) const {
  constexpr std::chrono::milliseconds k_tick{10};
  constexpr std::chrono::seconds k_patience{2};  // with a file that hangs
  const auto left = shared_->front_left.find(mount_id(shared_->mounts, weights));
  if (left == shared_->front_left.end()) return;
  std::size_t done = shared_->done;
  os::TimePoint give_up = os::Clock::now() + k_patience;
  while (left->second > 0 && !is_over()) {
    std::this_thread::sleep_for(k_tick);
    if (const std::size_t now = shared_->done; now != done) {
      done = now;
      give_up = os::Clock::now() + k_patience;
    }
    if (os::Clock::now() >= give_up) return;
  }
}

}  // namespace coldload::run
