#include "model/shard_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "model/llama_files.h"
#include "os/crew.h"
#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::model {

namespace {

constexpr std::uint64_t k_chunk_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t k_element_bytes = 2;
constexpr std::uint64_t k_chunk_elements = k_chunk_bytes / k_element_bytes;
constexpr auto k_progress_interval = std::chrono::milliseconds(200);

void pwrite_full(const os::Fd& file, std::span<const std::byte> data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0) {
      if (errno == EINTR) continue;
      throw os::SystemError("write", file.path(), errno);
    }
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

}  // namespace

void ShardWriter::add(const std::vector<LlamaTensor>& tensors) {
  auto shard = std::make_unique<Shard>();
  shard->head = llama_shard_head(tensors);
  std::uint64_t element = 0;
  for (const LlamaTensor& tensor : tensors) {
    const std::uint64_t end = element + tensor.bytes() / k_element_bytes;
    if (tensor.is_norm) shard->ones.push_back({element, end});
    element = end;
  }
  shard->data_bytes = element * k_element_bytes;
  const std::uint64_t chunks = (shard->data_bytes + k_chunk_bytes - 1) / k_chunk_bytes;
  shard->chunks_left = chunks;
  first_chunk_.push_back(chunks_);
  chunks_ += chunks;
  total_bytes_ += shard->head.size() + shard->data_bytes;
  shards_.push_back(std::move(shard));
}

void ShardWriter::write(const std::string& directory, unsigned threads, const Progress& progress) {
  directory_ = directory;
  // Fewer do it, too.
  os::Crew writers({std::max(1U, threads), 1}, [this](unsigned) { work(); });
  while (!writers.wait_until(os::Clock::now() + k_progress_interval)) {
    if (progress) progress(done_bytes_, total_bytes_);
  }
  writers.join();
  if (progress) progress(done_bytes_, total_bytes_);
}

void ShardWriter::work() {
  try {
    std::vector<std::uint16_t> buffer(k_chunk_elements);
    while (!failed_) {
      const std::uint64_t index = next_chunk_++;
      if (index >= chunks_) return;
      if (os::interrupted()) throw os::Error("interrupted");
      write_chunk(index, buffer);
    }
  } catch (...) {
    failed_ = true;  // the others stop, too
    throw;
  }
}

void ShardWriter::write_chunk(std::uint64_t index, std::span<std::uint16_t> buffer) {
  const auto after = std::upper_bound(first_chunk_.begin(), first_chunk_.end(), index);
  const auto number = static_cast<std::size_t>(after - first_chunk_.begin()) - 1;
  Shard& shard = *shards_[number];
  open(number);
  const std::uint64_t begin = (index - first_chunk_[number]) * k_chunk_bytes;
  const std::uint64_t bytes = std::min(k_chunk_bytes, shard.data_bytes - begin);
  const auto values = buffer.first(static_cast<std::size_t>(bytes / k_element_bytes));
  weights_.fill(values, index);
  fill_ones(shard, begin / k_element_bytes, values);
  const std::uint64_t offset = shard.head.size() + begin;
  pwrite_full(shard.file, std::as_bytes(values), offset);
  // Starts writing back now, so that the flush at the end is short. A file system that cannot does
  // it later.
  ::sync_file_range(shard.file.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
  done_bytes_ += bytes;
  if (--shard.chunks_left > 0) return;
  // Whoever writes a shard's last chunk flushes it, while the others go on with the next.
  if (::fsync(shard.file.get()) != 0) {
    throw os::SystemError("flush", shard.file.path(), errno);
  }
  shard.file.reset();
}

void ShardWriter::open(std::size_t number) {
  Shard& shard = *shards_[number];
  const std::lock_guard lock(shard.mutex);
  if (shard.file.valid()) return;
  const std::string path = directory_ + '/' + shard_file_name(number + 1, shards_.size());
  shard.file = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  // Space for the whole file at once: few extents, and a full disk shows now. Every byte of it is
  // written afterwards.
  const auto bytes = static_cast<off_t>(shard.head.size() + shard.data_bytes);
  if (::fallocate(shard.file.get(), 0, 0, bytes) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    throw os::SystemError("allocate space for", path, errno);
  }
  pwrite_full(shard.file, std::as_bytes(std::span(shard.head.data(), shard.head.size())), 0);
  done_bytes_ += shard.head.size();
}

void ShardWriter::fill_ones(const Shard& shard, std::uint64_t first,
                            std::span<std::uint16_t> values) {
  const std::uint64_t last = first + values.size();
  auto ones = std::lower_bound(shard.ones.begin(), shard.ones.end(), first,
                               [](const Ones& o, std::uint64_t at) { return o.end <= at; });
  for (; ones != shard.ones.end() && ones->begin < last; ++ones) {
    const auto from = static_cast<std::ptrdiff_t>(std::max(ones->begin, first) - first);
    const auto to = static_cast<std::ptrdiff_t>(std::min(ones->end, last) - first);
    std::fill(values.begin() + from, values.begin() + to, k_bf16_one);
  }
}

}  // namespace coldload::model
