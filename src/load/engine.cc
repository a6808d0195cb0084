#include "load/engine.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "load/uring_io.h"
#include "os/error.h"
#include "os/interrupt.h"

namespace coldload::load {

namespace {

constexpr std::chrono::milliseconds k_tick{100};

}  // namespace

Engine::Engine(const Options& options, Loader::WrapIo wrap)
    : options_(options), wrap_(std::move(wrap)) {
  if (options.pacing && !(options.pacing->rate_bytes_per_s > 0)) {
    throw os::Error("cannot pace reads: the rate is not above 0");
  }
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
  const bool gpu = options.into == Into::gpu;
  layout_ = layout({options.ring_bytes, options.threads, std::thread::hardware_concurrency(),
                    concurrency_, gpu ? Drain::by_copies : Drain::at_once});
  ring_ = os::Mapping::anonymous(layout_.ring_bytes());
  workers_.resize(layout_.threads);
  if (options.into != Into::ring) arena_ = arena_promise_.get_future().share();
  if (!gpu) return;
  using Open = std::packaged_task<std::shared_ptr<const gpu::Device>()>;
  const auto open = std::make_shared<Open>([this] {
    const os::TimePoint began = os::Clock::now();
    std::shared_ptr<const gpu::Device> device = gpu::Device::open(options_.gpu);
    context_s_ = os::seconds_between(began, os::Clock::now());
    return device;
  });
  device_ = open->get_future().share();
  opener_ = os::Crew(1, [open](unsigned) { (*open)(); });
}

std::unique_ptr<Worker> Engine::make_worker(unsigned index) {
  Worker::Share share;
  share.memory = ring_.bytes().subspan(index * layout_.thread_bytes(), layout_.thread_bytes());
  share.layout = layout_;
  share.concurrency = concurrency_;
  share.io = wrap_(make_io(share.memory, share));
  share.page_cache_io = wrap_(std::make_unique<PreadIo>());
  if (device_.valid()) share.lane = make_lane(share.memory);
  return std::make_unique<Worker>(std::move(share));
}

std::unique_ptr<Io> Engine::make_io(std::span<std::byte> memory, Worker::Share& share) {
  std::unique_ptr<Io> io;
  bool pinned = false;
  if (concurrency_ == Concurrency::queued) {
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
      share.concurrency = Concurrency::threaded;
      if (!device_.valid()) share.layout.slots = 1;
    }
  }
  // Where each O_DIRECT read pins its pages, few large ones save a third of the time; and the page
  // cache is copied into them faster.
  if (!pinned || device_.valid()) os::prefer_huge_pages(memory);
  if (!io) io = std::make_unique<PreadIo>();
  return io;
}

std::unique_ptr<GpuLane> Engine::make_lane(std::span<std::byte> memory) {
  // Faulted in while the context is created; pinning would do it page by page.
  for (std::size_t i = 0; i < memory.size(); i += os::page_size()) memory[i] = std::byte{0};
  const std::shared_ptr<const gpu::Device> device = device_.get();
  {
    const std::lock_guard lock(mutex_);
    if (!pinning_began_) pinning_began_ = os::Clock::now();
  }
  device->use_in_this_thread();
  std::call_once(copier_made_, [&] { copier_.emplace(device, options_.io_stall_timeout); });
  auto lane = std::make_unique<GpuLane>(device, *copier_, memory);
  const std::lock_guard lock(mutex_);
  pinning_ended_ = os::Clock::now();
  return lane;
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
  {
    const std::lock_guard lock(mutex_);
    ++prepared_;
    changed_.notify_all();
  }
  if (wait_for_work()) {
    try {
      if (worker != nullptr) {
        worker->run({&*work_, pacer_ ? &*pacer_ : nullptr, &bytes_arrived_,
                     rooms_ ? &*rooms_ : nullptr, arena_, options_.verify});
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
}

bool Engine::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return work_given_ || closing_; });
  return work_given_;
}

void Engine::note_error() noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::current_exception();
  try {
    throw;
  } catch (const os::StallError&) {  // only copies throw it in a thread
    stuck_ = true;
    // What a stuck GPU still uses is never given back.
    self_ = shared_from_this();
  } catch (...) {
  }
}

void Engine::prepare() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return prepared_ == layout_.threads; });
  if (error_) std::rethrow_exception(error_);
}

// Before anything is read: what does not fit is not worth reading.
void Engine::check_room(const std::vector<Shard>& shards) {
  std::uint64_t needed = memory_->bytes();
  if (has_window()) {
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      largest = std::max(largest, memory_->bytes_of(i));
    }
    needed = std::min(needed, std::max(largest, options_.window_bytes));
  }
  if (options_.into == Into::host) check_host_memory(needed);
  if (!device_.valid()) return;
  const std::shared_ptr<const gpu::Device> device = device_.get();
  device->use_in_this_thread();
  const gpu::Device::Memory memory = device->memory();
  if (memory.free_bytes < needed) throw gpu::no_memory(*device, needed);
}

void Engine::give_work(const std::vector<Shard>& shards) {
  const std::lock_guard lock(mutex_);
  if (work_given_) throw os::Error("cannot load twice with one loader");
  const ShardFile::Access access{options_.use_direct, options_.keep_pages};
  const bool queued = concurrency_ == Concurrency::queued;
  work_.emplace(shards, access, layout_.threads * (queued ? layout_.slots : 1), fallbacks_,
                has_window() ? 0 : shards.size());
  if (options_.consumer != nullptr) {
    rooms_.emplace(shards, *options_.consumer, options_.window_bytes, *memory_, memory());
  }
  if (stopping_) work_->stop();
  work_given_ = true;
  changed_.notify_all();
}

std::unique_ptr<Room> Engine::make_room(std::uint64_t bytes) const {
  if (device_.valid()) return std::make_unique<Room>(bytes, device_.get());
  if (has_window()) check_host_memory(bytes);  // which grows as rooms are held
  return std::make_unique<Room>(bytes);
}

Rooms::Memory Engine::memory() {
  Rooms::Memory memory;
  memory.make = [this](std::uint64_t bytes) { return make_room(bytes); };
  memory.settle = [this] {
    if (device_.valid()) device_.get()->synchronize();
  };
  bell_->engine = this;
  memory.look_again = [bell = bell_] {
    const std::lock_guard lock(bell->mutex);
    if (bell->engine != nullptr) bell->engine->look_again();
  };
  return memory;
}

// Beside the threads, which read into the ring meanwhile.
void Engine::make_room_for_all() {
  if (!arena_.valid()) return;
  try {
    const os::TimePoint began = os::Clock::now();
    if (rooms_) {
      work_->admit(rooms_->give());
    } else {
      memory_->give_all(make_room(memory_->bytes()));
    }
    if (device_.valid()) allocate_s_ = os::seconds_between(began, os::Clock::now());
    arena_promise_.set_value(memory_);
  } catch (...) {
    arena_promise_.set_exception(std::current_exception());
    note_error();
    work_->stop();
  }
}

void Engine::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (work_given_) work_->stop();
}

void Engine::look_again() noexcept {
  const std::lock_guard lock(mutex_);
  look_again_ = true;
  changed_.notify_all();
}

Result Engine::load(const std::vector<Shard>& shards, const Progress& progress) {
  const os::TimePoint started = os::Clock::now();
  memory_ = std::make_shared<Arena>(shards);
  check_room(shards);
  give_work(shards);
  make_room_for_all();
  watch(progress);
  Result loaded;
  {
    const std::lock_guard lock(mutex_);
    if (error_) std::rethrow_exception(error_);
    if (!work_->complete()) throw os::Error("the load was interrupted");
    loaded = result(started);
  }
  if (options_.verify && loaded.arena && device_.valid()) check_what_arrived(shards);
  return loaded;
}

// Returns when every thread is idle. Throws os::StallError where one may never be.
void Engine::watch(const Progress& progress) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, k_tick, [this] { return idle_ == layout_.threads || look_again_; });
    if (idle_ == layout_.threads) return;
    if (os::interrupted()) work_->stop();
    if (const std::string stalled = stall(); !stalled.empty()) {
      stuck_ = true;
      work_->stop();
      if (error_) std::rethrow_exception(error_);
      throw os::StallError(stalled);
    }
    look_again_ = false;
    if (!progress && !rooms_) continue;
    lock.unlock();
    try {
      if (rooms_) work_->admit(rooms_->give());
      if (progress) progress(bytes_arrived_);
    } catch (...) {
      work_->stop();
      throw;
    }
    lock.lock();
  }
}

std::string Engine::stall() const {
  const auto patience = std::chrono::duration_cast<os::Clock::duration>(options_.io_stall_timeout);
  for (const auto& worker : workers_) {
    std::string text = worker ? os::stall_text(os::oldest(worker->calls()), patience) : "";
    if (!text.empty()) return text;
  }
  return work_->stall(patience);
}

Result Engine::result(os::TimePoint started) const {
  Result result;
  result.bytes = bytes_arrived_;
  result.read_s = os::seconds_between(started, std::max(last_arrival_, started));
  result.fallbacks = fallbacks_.texts();
  result.ring_bytes = layout_.ring_bytes();
  result.threads = layout_.threads;
  result.queue_depth = layout_.slots;
  result.in_flight = work_->in_flight_limit();
  if (arena_.valid() && !has_window()) result.arena = arena_.get();
  if (rooms_) result.most_held_bytes = rooms_->most_held_bytes();
  if (device_.valid()) {
    result.context_s = context_s_;
    result.allocate_s = allocate_s_;
    if (pinning_began_) result.pin_s = os::seconds_between(*pinning_began_, pinning_ended_);
  }
  for (const auto& worker : workers_) {
    const RouteBytes& routes = worker->routes();
    result.routes.io_uring_direct += routes.io_uring_direct;
    result.routes.io_uring_buffered += routes.io_uring_buffered;
    result.routes.pread_direct += routes.pread_direct;
    result.routes.pread_buffered += routes.pread_buffered;
  }
  if (options_.verify) result.checksum = checksum().text();
  return result;
}

// Of what was read.
Checksum Engine::checksum() const {
  Checksum sum;
  for (const auto& worker : workers_) sum.add(worker->checksum());
  return sum;
}

// Reads the arena back from the GPU, through the ring, which nobody uses any more.
void Engine::check_what_arrived(const std::vector<Shard>& shards) {
  const std::span<std::byte> memory = ring_.bytes().first(layout_.slot_bytes);
  gpu::CopyStream stream(device_.get());
  Checksum arrived;
  for (std::uint64_t shard = 0; shard < shards.size(); ++shard) {
    const std::uint64_t end = shards[shard].end.value_or(shards[shard].bytes);
    for (std::uint64_t offset = shards[shard].begin; offset < end; offset += memory.size()) {
      if (os::interrupted()) throw os::Error("the load was interrupted");
      const auto piece = memory.first(std::min<std::uint64_t>(memory.size(), end - offset));
      stream.to_host(piece, arena_.get()->address(shard, offset));
      stream.wait();
      arrived.add(shard, offset, piece);
    }
  }
  if (arrived.text() == checksum().text()) return;
  throw os::Error(fmt::format(
      "what arrived in GPU memory is not what was read: checksum {} instead of {}; the GPU, its "
      "bus or its driver is faulty",
      arrived.text(), checksum().text()));
}

bool Engine::close(const os::Crew& crew) noexcept {
  {
    const std::lock_guard ringing(bell_->mutex);
    bell_->engine = nullptr;
  }
  std::unique_lock lock(mutex_);
  closing_ = true;
  if (work_given_) work_->stop();
  changed_.notify_all();
  while (!stuck_) {
    lock.unlock();
    if (crew.wait_until(os::Clock::now() + k_tick)) return true;
    lock.lock();
    if (work_given_ && !stall().empty()) stuck_ = true;
  }
  lock.unlock();
  if (rooms_) rooms_->leave();
  return false;
}

}  // namespace coldload::load
