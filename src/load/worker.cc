#include "load/worker.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"

namespace coldload::load {

namespace {

// Of the page cache, a piece at a time: long enough to hide the call, short enough to look after
// the reads in flight and to stay in the CPU's cache.
constexpr std::size_t k_resident_piece_bytes = 2 * k_block_bytes;

std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) { return value - value % unit; }

}  // namespace

Worker::Worker(Share share)
    : share_(std::move(share)), slots_(share_.layout.slots), calls_(share_.layout.slots) {
  for (unsigned i = 0; i < share_.layout.slots; ++i) free_slots_.push_back(i);
}

void Worker::run(const WorkerContext& context) {
  context_ = context;
  try {
    loop();
  } catch (...) {
    context_.work->stop();
    drain();
    throw;
  }
}

void Worker::loop() {
  while (true) {
    fill();
    if (read_resident()) {
      collect(Io::Wait::no);
      reap(Io::Wait::no);
    } else if (share_.lane && share_.lane->sending()) {
      collect(Io::Wait::yes);  // a copy is short; storage works on meanwhile
      reap(Io::Wait::no);
    } else if (in_flight_ > 0) {
      reap(Io::Wait::yes);
    } else if (!context_.work->wait_for_more()) {
      return;
    }
  }
}

void Worker::fill() {
  // One slot stays for the page cache, which is read while storage works.
  const std::size_t reserve = slots_.size() > 1 ? 1 : 0;
  while (free_slots_.size() > reserve) {
    const auto piece = context_.work->take(WorkList::Kind::absent, share_.layout.slot_bytes);
    if (!piece) return;
    start(*piece);
  }
}

bool Worker::read_resident() {
  if (free_slots_.empty()) return false;
  const auto piece = context_.work->take(
      WorkList::Kind::resident, std::min(share_.layout.slot_bytes, k_resident_piece_bytes));
  if (!piece) return false;
  start(*piece);
  return true;
}

void Worker::reap(Io::Wait wait) {
  while (in_flight_ > 0) {
    const auto outcome = share_.io->finished(wait);
    if (!outcome) return;
    --in_flight_;
    if (accept(outcome->slot, outcome->result)) {
      finish(outcome->slot);
    } else {
      advance(outcome->slot);
    }
    wait = Io::Wait::no;
  }
}

std::span<std::byte> Worker::memory_for(unsigned index, const Piece& piece) const {
  if (!share_.lane && context_.arena.valid()) {
    const auto place = context_.arena.get()->place(piece.shard, piece.offset);
    return place.first(std::min(place.size(), share_.layout.slot_bytes));
  }
  return share_.memory.subspan(index * share_.layout.slot_bytes, share_.layout.slot_bytes);
}

void Worker::start(const Piece& piece) {
  const unsigned index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot = Slot{memory_for(index, piece), piece, 0, 0, false, false, {}};
  if (context_.pacer != nullptr) {
    slot.due = context_.pacer->arrival(os::Clock::now(), piece.bytes);
  }
  calls_[index].begin_read(context_.work->shard(piece.shard).path(), piece.offset);
  advance(index);
}

// Reads on for a slot: until a read is in flight or the piece is complete.
void Worker::advance(unsigned index) {
  while (true) {
    const ReadRequest request = next_read(index);
    const Slot& slot = slots_[index];
    const bool by_storage = slot.direct || !slot.piece.resident;
    if (by_storage && share_.concurrency == Concurrency::queued) {
      share_.io->submit(request);
      ++in_flight_;
      return;
    }
    Io& io = by_storage ? *share_.io : *share_.page_cache_io;
    io.submit(request);
    if (accept(index, io.finished(Io::Wait::yes)->result)) {
      finish(index);
      return;
    }
  }
}

ReadRequest Worker::next_read(unsigned index) {
  Slot& slot = slots_[index];
  ShardFile& shard = context_.work->shard(slot.piece.shard);
  const int direct_fd = slot.piece.resident || slot.direct_ended ? -1 : shard.direct_fd();
  slot.direct = direct_fd >= 0;
  slot.started = slot.direct ? round_down(slot.done, shard.alignment()) : slot.done;
  // O_DIRECT reads over the end of the file in whole units; what comes back ends with the file.
  const std::uint64_t end =
      slot.direct ? round_up(slot.piece.bytes, shard.alignment()) : slot.piece.bytes;
  return {slot.direct ? direct_fd : shard.buffered_fd(), slot.piece.offset + slot.started,
          slot.memory.subspan(slot.started, end - slot.started), index, !slot.direct};
}

// Takes in what a read brought. True where the piece is complete.
bool Worker::accept(unsigned index, int result) {
  Slot& slot = slots_[index];
  ShardFile& shard = context_.work->shard(slot.piece.shard);
  const std::uint64_t offset = slot.piece.offset + slot.started;
  if (result == -EINTR || result == -EAGAIN) return false;
  if (slot.direct && (result == -EINVAL || result == -EOPNOTSUPP)) {
    shard.refuse_direct();
    return false;
  }
  if (result < 0) {
    throw os::SystemError("read", fmt::format("{} at offset {}", shard.path(), offset), -result);
  }
  const std::uint64_t end =
      std::min(slot.started + static_cast<std::uint64_t>(result), slot.piece.bytes);
  if (end > slot.done) {
    credit(slot, end - slot.done);
    slot.done = end;
    calls_[index].begin_read(shard.path(), slot.piece.offset + slot.done);
  } else if (slot.direct) {
    slot.direct_ended = true;  // the page cache has the last word on where the file ends
  } else {
    throw os::Error(fmt::format(
        "cannot read {} at offset {}: the file ends there, {} bytes were expected; it was "
        "truncated or replaced during the load",
        shard.path(), offset, shard.bytes()));
  }
  return slot.done == slot.piece.bytes;
}

void Worker::credit(const Slot& slot, std::uint64_t bytes) {
  const bool queued = share_.concurrency == Concurrency::queued;
  if (slot.direct) {
    (queued ? routes_.io_uring_direct : routes_.pread_direct) += bytes;
  } else {
    (queued && !slot.piece.resident ? routes_.io_uring_buffered : routes_.pread_buffered) += bytes;
  }
}

void Worker::finish(unsigned index) {
  const Slot& slot = slots_[index];
  calls_[index].end();
  if (share_.lane) {
    const Arena& arena = *context_.arena.get();
    share_.lane->send(index, slot.memory.first(slot.piece.bytes),
                      arena.address(slot.piece.shard, slot.piece.offset),
                      {context_.rooms, slot.piece});
  } else {
    free_slots_.push_back(index);
  }
  if (context_.verify) {
    checksum_.add(slot.piece.shard, slot.piece.offset, slot.memory.first(slot.piece.bytes));
  }
  if (context_.pacer != nullptr && !context_.work->sleep_until(slot.due)) return;
  *context_.bytes_arrived += slot.piece.bytes;
  const Piece piece = slot.piece;
  context_.work->arrived(piece);
  if (context_.rooms != nullptr && !share_.lane) {  // else the copier tells it
    context_.rooms->landed(piece.shard, piece.offset, piece.bytes);
  }
}

// Takes back the slots whose copies are done; waits for the first of them where told to.
void Worker::collect(Io::Wait wait) {
  if (!share_.lane) return;
  while (const auto slot = share_.lane->sent(wait)) {
    free_slots_.push_back(*slot);
    wait = Io::Wait::no;
  }
}

void Worker::drain() noexcept {
  try {
    while (in_flight_ > 0 && share_.io->finished(Io::Wait::yes)) --in_flight_;
  } catch (const os::Error&) {
    // The Io itself waits for the rest when it is destroyed.
  }
}

}  // namespace coldload::load
