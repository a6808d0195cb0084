#include "load/copier.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "os/clock.h"
#include "os/pending_call.h"

namespace coldload::load {

namespace {

// The bus is never idle while some wait behind another; more would only make batches smaller.
constexpr std::size_t k_batches_under_way = 3;
// Slots come back as a batch is done: readers should not wait long for the first of them.
constexpr std::size_t k_largest_batch = 8;

}  // namespace

struct Copier::Batch {
  explicit Batch(const std::shared_ptr<const gpu::Device>& device) : done(device) {}
  std::vector<Filled> filled;
  gpu::Event done;
  os::TimePoint submitted;
};

Copier::Copier(std::shared_ptr<const gpu::Device> device, std::chrono::nanoseconds stall_timeout)
    : device_(std::move(device)),
      stall_timeout_(stall_timeout),
      thread_(1, [this](unsigned) { serve(); }) {}

Copier::~Copier() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    filled_changed_.notify_all();
  }
  thread_.join();
}

void Copier::send(const Filled& filled) {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  filled_.push_back(filled);
  waiting_ = filled_.size();
  filled_changed_.notify_one();
}

void Copier::serve() noexcept {
  std::unique_ptr<gpu::CopyStream> stream;
  try {
    device_->use_in_this_thread();
    stream = std::make_unique<gpu::CopyStream>(device_);
    while (copy_some(*stream)) {
    }
  } catch (const os::StallError&) {
    (void)stream.release();  // to destroy it is to wait for its copies
    fail(std::current_exception());
  } catch (...) {
    stream.reset();  // no copy is under way when the lanes unpin their memory
    fail(std::current_exception());
  }
}

void Copier::fail(const std::exception_ptr& error) {
  const std::lock_guard lock(mutex_);
  error_ = error;
  for (GpuLane* lane : lanes_) lane->sent_changed_.notify_all();
}

// One step: sends what is filled, or takes back what is done. False: closed, and nothing is left.
bool Copier::copy_some(gpu::CopyStream& stream) {
  std::vector<Filled> filled;
  if (under_way_.empty() || (waiting_ > 0 && under_way_.size() < k_batches_under_way)) {
    std::unique_lock lock(mutex_);
    if (under_way_.empty()) {
      filled_changed_.wait(lock, [this] { return !filled_.empty() || closing_; });
      if (filled_.empty()) return false;
    }
    if (!filled_.empty() && under_way_.size() < k_batches_under_way) {
      const std::size_t count = std::min(filled_.size(), k_largest_batch);
      const auto end = filled_.begin() + static_cast<std::ptrdiff_t>(count);
      filled.assign(filled_.begin(), end);
      filled_.erase(filled_.begin(), end);
      waiting_ = filled_.size();
    }
  }
  if (!filled.empty()) {
    submit(stream, std::move(filled));
  } else if (under_way_.front()->done.done()) {
    give_back();
  } else if (os::Clock::now() - under_way_.front()->submitted > stall_timeout_) {
    throw os::StallError(fmt::format("the GPU has not finished a copy for {:.1f} s; is it alive?",
                                     os::Seconds(stall_timeout_).count()));
  } else {
    // Asking costs less than being woken up, and a copy is short.
    std::this_thread::yield();
  }
  return true;
}

void Copier::submit(gpu::CopyStream& stream, std::vector<Filled> filled) {
  if (idle_.empty()) idle_.push_back(std::make_unique<Batch>(device_));
  std::unique_ptr<Batch> batch = std::move(idle_.back());
  idle_.pop_back();
  std::vector<gpu::CopyStream::Copy> copies;
  copies.reserve(filled.size());
  for (const Filled& one : filled) copies.push_back(one.copy);
  stream.to_device(copies);
  batch->done.record(stream);
  batch->filled = std::move(filled);
  batch->submitted = os::Clock::now();
  under_way_.push_back(std::move(batch));
}

// The oldest batch's slots, to their lanes.
void Copier::give_back() {
  for (const Filled& one : under_way_.front()->filled) {
    const auto& [rooms, piece] = one.landing;
    if (rooms != nullptr) rooms->landed(piece.shard, piece.offset, piece.bytes);
  }
  const std::lock_guard lock(mutex_);
  for (const Filled& one : under_way_.front()->filled) {
    one.lane->sent_.push_back(one.slot);
    one.lane->sent_changed_.notify_one();
  }
  idle_.push_back(std::move(under_way_.front()));
  under_way_.pop_front();
}

GpuLane::GpuLane(const std::shared_ptr<const gpu::Device>& device, Copier& copier,
                 std::span<std::byte> memory)
    : copier_(copier), pinned_(device, memory) {
  const std::lock_guard lock(copier_.mutex_);
  copier_.lanes_.push_back(this);
}

GpuLane::~GpuLane() {
  std::unique_lock lock(copier_.mutex_);
  sent_changed_.wait(lock, [this] { return sent_.size() == sending_ || copier_.error_; });
  copier_.lanes_.erase(std::find(copier_.lanes_.begin(), copier_.lanes_.end(), this));
}

void GpuLane::send(unsigned slot, std::span<const std::byte> data, std::uint64_t address,
                   const Landing& landing) {
  copier_.send({this, slot, landing, {address, data}});
  ++sending_;
}

std::optional<unsigned> GpuLane::sent(Io::Wait wait) {
  if (sending_ == 0) return std::nullopt;
  std::unique_lock lock(copier_.mutex_);
  const auto something = [this] { return !sent_.empty() || copier_.error_; };
  if (wait == Io::Wait::yes) sent_changed_.wait(lock, something);
  if (copier_.error_) std::rethrow_exception(copier_.error_);
  if (sent_.empty()) return std::nullopt;
  const unsigned slot = sent_.back();
  sent_.pop_back();
  --sending_;
  return slot;
}

}  // namespace coldload::load
