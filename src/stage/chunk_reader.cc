#include "stage/chunk_reader.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "os/mapping.h"
#include "text/units.h"

namespace coldload::stage {

const char* to_string(ReadWay way) { return way == ReadWay::direct ? "O_DIRECT" : "page cache"; }

BlockBudget block_budget(unsigned wanted, std::optional<std::uint64_t> available) {
  constexpr std::uint64_t k_share = 4;
  constexpr std::size_t k_least_block_bytes = std::size_t{512} << 10;
  BlockBudget budget{std::max(1U, wanted), k_copy_block_bytes};
  if (!available) return budget;
  const std::uint64_t most = *available / k_share;
  while (budget.block_bytes > k_least_block_bytes && budget.threads * budget.block_bytes > most) {
    budget.block_bytes /= 2;
  }
  budget.threads = static_cast<unsigned>(
      std::clamp<std::uint64_t>(most / budget.block_bytes, 1, budget.threads));
  return budget;
}

bool refuses_direct(int error_number) {
  return error_number == EINVAL || error_number == EOPNOTSUPP;
}

os::Fd try_open_direct(const Opener& open, int flags) {
  try {
    return open(flags | O_DIRECT);
  } catch (const os::SystemError& error) {
    if (!refuses_direct(error.code())) throw;
    return {};
  }
}

void ChunkReader::open(os::PendingCall& call) {
  call.begin_open(path_);
  buffered_file_ = opener_(O_RDONLY | O_NONBLOCK);
  if (bytes_ >= k_small_file_bytes) direct_file_ = try_open_direct(opener_, O_RDONLY | O_NONBLOCK);
  try {
    if (direct_file_.valid()) pages_ = os::FilePages(buffered_file_, bytes_);
  } catch (const os::Error&) {
    // A mount that allows no mapping, say: then nothing is known of its pages.
  }
  call.end();
  direct_ = direct_file_.valid();
}

void ChunkReader::close() {
  direct_file_.reset();
  buffered_file_.reset();
  pages_ = {};
}

bool ChunkReader::in_memory(std::size_t index) const {
  if (!pages_.observable()) return false;
  constexpr std::uint64_t k_looks = 8;
  const std::uint64_t page_bytes = os::page_size();
  const std::uint64_t first = index * k_chunk_bytes / page_bytes;
  const std::uint64_t end = std::min<std::uint64_t>(bytes_, (index + 1) * k_chunk_bytes);
  const std::uint64_t last = (end - 1) / page_bytes;
  try {
    for (std::uint64_t look = 0; look <= k_looks; ++look) {
      const std::uint64_t page = first + (last - first) * look / k_looks;
      if (pages_.resident_bytes(page * page_bytes, 1) == 0) return false;
    }
  } catch (const os::Error&) {
    return false;  // the file was cut: reading it will tell
  }
  return true;
}

void ChunkReader::fill(std::uint64_t offset, std::span<std::byte> block, ReadWay way,
                       os::PendingCall& call) {
  std::size_t done = 0;
  while (done < block.size()) {
    const std::size_t left = block.size() - done;
    const bool direct = way == ReadWay::direct && direct_ && done % k_direct_alignment == 0;
    call.begin_read(path_, offset + done);
    // The block lies in a buffer that reaches to the next multiple of the alignment.
    const ssize_t got =
        ::pread(direct ? direct_file_.get() : buffered_file_.get(), block.data() + done,
                direct ? aligned(left) : left, static_cast<off_t>(offset + done));
    const int error_number = errno;
    call.end();
    if (got < 0 && error_number == EINTR) continue;
    if (got < 0 && direct && refuses_direct(error_number)) {
      direct_ = false;
      continue;
    }
    if (got < 0) {
      throw os::SystemError("read", fmt::format("{} at offset {}", path_, offset + done),
                            error_number);
    }
    if (got == 0) {
      throw os::Error(fmt::format("{} ends after {} of {}: it was changed meanwhile", path_,
                                  text::format_bytes(offset + done), text::format_bytes(bytes_)));
    }
    done += std::min(left, static_cast<std::size_t>(got));
  }
}

namespace {

// Whether it came to the chunk's end: `take` ends it with false.
template <typename Take>
bool for_each_block(std::uint64_t bytes, std::size_t index, std::span<std::byte> buffer,
                    const Take& take) {
  const std::uint64_t end = std::min<std::uint64_t>(bytes, (index + 1) * k_chunk_bytes);
  for (std::uint64_t at = index * k_chunk_bytes; at < end; at += buffer.size()) {
    const auto block =
        buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - at)));
    if (!take(at, block)) return false;
  }
  return true;
}

}  // namespace

std::optional<Hash> hash_of_chunk(std::uint64_t bytes, std::size_t index,
                                  std::span<std::byte> buffer, const BlockSink& read) {
  Hasher hasher;
  const bool whole = for_each_block(bytes, index, buffer, [&](std::uint64_t at, auto block) {
    if (!read(at, block)) return false;
    hasher.add(block);
    return true;
  });
  return whole ? std::optional(hasher.hash()) : std::nullopt;
}

std::optional<Hash> ChunkReader::read(std::size_t index, ReadWay way, std::span<std::byte> buffer,
                                      os::PendingCall& call, const BlockSink& sink) {
  // What comes from memory is hashed while the processor's own cache holds it. Storage is asked for
  // whole blocks: it may answer several requests at once.
  constexpr std::size_t k_cached_bytes = std::size_t{256} << 10;
  const bool from_memory = way == ReadWay::buffered && in_memory(index);
  Hasher hasher;
  const auto read_and_hash = [&](std::uint64_t offset, std::span<std::byte> block) {
    const std::size_t step = from_memory ? k_cached_bytes : block.size();
    for (std::size_t at = 0; at < block.size(); at += step) {
      const auto piece = block.subspan(at, std::min(step, block.size() - at));
      fill(offset + at, piece, way, call);
      hasher.add(piece);
    }
  };
  const bool whole = for_each_block(bytes_, index, buffer, [&](std::uint64_t at, auto block) {
    read_and_hash(at, block);
    return sink(at, block);
  });
  return whole ? std::optional(hasher.hash()) : std::nullopt;
}

}  // namespace coldload::stage
