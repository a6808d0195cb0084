#include "load/engine.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>

#include "load/pread_io.h"
#include "load/uring_io.h"
#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::load {

namespace {

constexpr std::chrono::milliseconds k_tick{100};

void check(const Options& options) {
  if (options.pacing && !(options.pacing->rate_bytes_per_s > 0)) {
    throw os::Error("cannot pace reads: the rate is not above 0");
  }
}

}  // namespace

Engine::Engine(const Options& options, Loader::WrapIo wrap)
    : options_(options), wrap_(std::move(wrap)) {
  check(options);
  // A pacer makes requests wait in threads, as those of a slow network would.
  if (options.pacing) {
    pacer_.emplace(*options.pacing);
  } else {
    const os::Availability io_uring = options.use_io_uring
                                          ? io_uring_availability()
                                          : os::Availability{false, "io_uring switched off"};
    if (io_uring.ok) concurrency_ = Concurrency::queued;
    if (!io_uring.ok) fallbacks_.add(io_uring.reason + ", so read by pread", "");
  }
  layout_ = layout(options.ring_bytes, options.threads, std::thread::hardware_concurrency(),
                   concurrency_);
  ring_ = os::Mapping::anonymous(layout_.ring_bytes());
  workers_.resize(layout_.threads);
}

std::unique_ptr<Worker> Engine::make_worker(unsigned index) {
  const auto memory = ring_.bytes().subspan(index * layout_.thread_bytes(), layout_.thread_bytes());
  Concurrency concurrency = concurrency_;
  Layout share = layout_;
  std::unique_ptr<Io> io;
  bool pinned = false;
  if (concurrency == Concurrency::queued) {
    try {
      auto uring = std::make_unique<UringIo>(layout_, memory);
      pinned = uring->registers();
      if (!pinned) {
        fallbacks_.add(
            "io_uring could not keep its memory pinned (the memlock limit is too small), "
            "so each read pins its own",
            "");
      }
      io = std::move(uring);
    } catch (const os::SystemError& error) {
      fallbacks_.add(fmt::format("{}, so read by pread", error.what()), "");
      concurrency = Concurrency::threaded;
      share.slots = 1;
    }
  }
  // Where each O_DIRECT read pins its pages, few large ones save a third of the time.
  if (!pinned) ::madvise(memory.data(), memory.size(), MADV_HUGEPAGE);
  if (!io) io = std::make_unique<PreadIo>();
  return std::make_unique<Worker>(memory, share, concurrency, wrap_(std::move(io)),
                                  wrap_(std::make_unique<PreadIo>()));
}

void Engine::serve(unsigned index) noexcept {
  Worker* worker = nullptr;
  try {
    auto made = make_worker(index);
    worker = made.get();
    const std::lock_guard lock(mutex_);
    workers_[index] = std::move(made);
  } catch (...) {
    note_error();
  }
  if (wait_for_work()) {
    try {
      if (worker != nullptr) {
        worker->run({&*work_, pacer_ ? &*pacer_ : nullptr, &bytes_arrived_, options_.verify});
      } else {
        work_->stop();
      }
    } catch (...) {
      note_error();
    }
  }
  const os::TimePoint now = os::Clock::now();
  std::unique_lock lock(mutex_);
  ++idle_;
  last_arrival_ = std::max(last_arrival_, now);
  changed_.notify_all();
  // The ring's end takes a while and is not part of the load: it comes after the answer.
  changed_.wait(lock, [this] { return closing_; });
  ++returned_;
  changed_.notify_all();
}

bool Engine::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return work_given_ || closing_; });
  return work_given_;
}

void Engine::note_error() noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::current_exception();
}

Result Engine::load(const std::vector<Shard>& shards, const Progress& progress) {
  const os::TimePoint started = os::Clock::now();
  {
    const std::lock_guard lock(mutex_);
    if (work_given_) throw os::Error("cannot load twice with one loader");
    work_.emplace(shards,
                  options_.use_direct ? ShardFile::Direct::allowed : ShardFile::Direct::forbidden,
                  fallbacks_);
    work_given_ = true;
    changed_.notify_all();
  }
  watch(progress);
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  if (!work_->complete()) throw os::Error("the load was interrupted");
  return result(started);
}

// Returns when every thread is idle. Throws StallError where one may never be.
void Engine::watch(const Progress& progress) {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, k_tick, [this] { return idle_ == layout_.threads; })) {
    if (os::interrupted()) work_->stop();
    if (const auto stalled = stall()) {
      stuck_ = true;
      work_->stop();
      if (error_) std::rethrow_exception(error_);
      throw StallError(*stalled);
    }
    if (!progress) continue;
    lock.unlock();
    try {
      progress(bytes_arrived_);
    } catch (...) {
      work_->stop();
      throw;
    }
    lock.lock();
  }
}

std::optional<std::string> Engine::stall() const {
  const auto now = os::Clock::now();
  for (const auto& worker : workers_) {
    const auto pending = worker ? worker->oldest_pending() : std::nullopt;
    if (!pending || now.time_since_epoch() - pending->since < options_.io_stall_timeout) continue;
    return fmt::format(
        "cannot read {} at offset {}: no answer for {:.1f} s; is the storage behind it alive?",
        work_->shard(pending->shard).path(), pending->offset,
        os::Seconds(now.time_since_epoch() - pending->since).count());
  }
  const auto look = work_->oldest_look();
  if (look && now - look->since >= options_.io_stall_timeout) {
    return fmt::format("cannot open {}: no answer for {:.1f} s; is the storage behind it alive?",
                       work_->shard(look->shard).path(), os::seconds_between(look->since, now));
  }
  return std::nullopt;
}

Result Engine::result(os::TimePoint started) const {
  Result result;
  result.bytes = bytes_arrived_;
  result.read_s = os::seconds_between(started, std::max(last_arrival_, started));
  result.fallbacks = fallbacks_.texts();
  result.ring_bytes = layout_.ring_bytes();
  result.threads = layout_.threads;
  result.queue_depth = layout_.slots;
  Checksum checksum;
  for (const auto& worker : workers_) {
    const RouteBytes& routes = worker->routes();
    result.routes.io_uring_direct += routes.io_uring_direct;
    result.routes.io_uring_buffered += routes.io_uring_buffered;
    result.routes.pread_direct += routes.pread_direct;
    result.routes.pread_buffered += routes.pread_buffered;
    checksum.add(worker->checksum());
  }
  if (options_.verify) result.checksum = checksum.text();
  return result;
}

bool Engine::close(unsigned started) noexcept {
  std::unique_lock lock(mutex_);
  closing_ = true;
  if (work_given_) work_->stop();
  changed_.notify_all();
  while (!stuck_ && !changed_.wait_for(lock, k_tick, [&] { return returned_ == started; })) {
    if (work_given_ && stall()) stuck_ = true;
  }
  return !stuck_;
}

}  // namespace coldload::load
