#include "api/session.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "gpu/cuda.h"
#include "load/arena.h"
#include "os/error.h"

namespace coldload::api {

namespace {

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;

// Of a window: enough runs that some are read while others are used, and few openings of a file.
std::uint64_t run_bytes(std::uint64_t window_bytes) {
  constexpr std::uint64_t k_runs = 8;
  constexpr std::uint64_t k_most = 128 * k_mib;
  if (window_bytes == 0) return 0;
  return std::clamp(window_bytes / k_runs, k_mib, k_most);
}

load::Options loader_options(const SessionOptions& options, load::Consumer* consumer) {
  load::Options result;
  result.into = options.gpu ? load::Into::gpu : load::Into::host;
  result.gpu = options.gpu.value_or(0);
  result.threads = options.threads;
  if (options.ring_bytes > 0) result.ring_bytes = options.ring_bytes;
  // What others load, too, is read by one of them and stays for the rest.
  result.keep_pages = options.ranks > 1;
  result.consumer = consumer;
  result.window_bytes = options.window_bytes;
  return result;
}

// Bytes that an address of its elements is a multiple of.
std::uint64_t alignment(model::Dtype dtype) {
  return std::max<std::uint64_t>(1, model::bits_of(dtype) / 8);
}

}  // namespace

std::vector<std::uint64_t> Landed::shape() const {
  std::vector<std::uint64_t> shape = tensor().shape;
  if (!shape.empty()) shape[0] = wanted.count;
  return shape;
}

Session::Session(std::shared_ptr<const Opened> opened, const SessionOptions& options)
    : opened_(std::move(opened)),
      gpu_(options.gpu),
      plan_(plan(*opened_, wanted(*opened_, options.parts),
                 {run_bytes(options.window_bytes), options.rank, std::max(options.ranks, 1U)})),
      arrivals_(plan_.runs.size()) {
  std::vector<load::Shard> shards;
  for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
    const Run& run = plan_.runs[i];
    shards.push_back(run.shard);
    for (const Wanted& part : run.wanted) arrivals_[i].missing_bytes.push_back(part.bytes());
    arrivals_[i].missing_tensors = run.wanted.size();
  }
  for (const Wanted& part : plan_.empty) ready_.push_back({opened_, part, gpu_, 0, nullptr});
  loader_.emplace(loader_options(options, this));
  thread_ = os::Crew(1, [this, shards](unsigned) { load(shards); });
}

Session::~Session() {
  loader_->stop();
  // A read that hangs ends the load after the loader's patience.
  thread_ = {};
  loader_.reset();
}

void Session::load(const std::vector<load::Shard>& shards) noexcept {
  std::exception_ptr problem;
  std::optional<load::Result> result;
  try {
    if (!shards.empty()) {
      result = loader_->load(shards);
      result->arena = nullptr;  // whoever takes tensors has their memory
    } else {
      result.emplace();
    }
  } catch (...) {
    problem = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  problem_ = problem;
  result_ = std::move(result);
  is_over_ = true;
  changed_.notify_all();
}

void Session::begins(std::uint64_t run, std::shared_ptr<const load::Room> room,
                     std::uint64_t address) {
  const std::lock_guard lock(mutex_);
  arrivals_[run].room = std::move(room);
  arrivals_[run].address = address;
}

void Session::landed(std::uint64_t run, std::uint64_t offset, std::uint64_t bytes) {
  const std::vector<Wanted>& wanted = plan_.runs[run].wanted;
  const std::uint64_t end = offset + bytes;
  const auto first = std::partition_point(
      wanted.begin(), wanted.end(), [offset](const Wanted& part) { return part.end <= offset; });
  const std::lock_guard lock(mutex_);
  Arrival& arrival = arrivals_[run];
  for (auto part = first; part != wanted.end() && part->begin < end; ++part) {
    std::uint64_t& missing = arrival.missing_bytes[static_cast<std::size_t>(part - wanted.begin())];
    missing -= std::min(end, part->end) - std::max(offset, part->begin);
    if (missing > 0) continue;
    const std::uint64_t address = arrival.address + (part->begin - plan_.runs[run].shard.begin);
    ready_.push_back({opened_, *part, gpu_, address, arrival.room});
    if (--arrival.missing_tensors == 0) arrival.room = nullptr;
  }
  if (!ready_.empty()) changed_.notify_all();
}

bool Session::is_starved() const {
  const std::lock_guard lock(mutex_);
  return is_waiting_ && ready_.empty();
}

Session::Outcome Session::next(std::chrono::milliseconds patience, std::size_t most,
                               std::vector<Landed>* landed) {
  std::vector<Landed> taken;
  {
    std::unique_lock lock(mutex_);
    if (ready_.empty() && !is_over_) {
      is_waiting_ = true;
      lock.unlock();
      loader_->look_again();
      lock.lock();
      changed_.wait_for(lock, patience, [this] { return !ready_.empty() || is_over_; });
    }
    if (problem_) std::rethrow_exception(problem_);
    while (!ready_.empty() && taken.size() < most) {
      taken.push_back(std::move(ready_.front()));
      ready_.pop_front();
    }
    if (taken.empty()) return is_over_ ? Outcome::done : Outcome::waiting;
    is_waiting_ = false;
  }
  try {
    for (Landed& one : taken) landed->push_back(aligned(std::move(one)));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    problem_ = std::current_exception();  // what was taken is gone
    throw;
  }
  return Outcome::landed;
}

// Old files hold tensors at odd places: these get memory of their own.
// Its memory is a room's.
Landed Session::aligned(Landed landed) const {
  if (landed.address % alignment(landed.tensor().dtype) == 0) return landed;
  const std::uint64_t bytes = landed.wanted.bytes();
  if (gpu_) {
    const auto& device = std::static_pointer_cast<const load::Room>(landed.memory)->device();
    const gpu::Device::Visit visit(*device);
    const auto room = std::make_shared<const load::Room>(bytes, device);
    device->copy_within(room->address(), landed.address, bytes);
    landed.address = room->address();
    landed.memory = room;
    return landed;
  }
  // Not a room: a checkpoint may have more tensors than a process may have mappings.
  const std::shared_ptr<std::byte[]> own(new std::byte[bytes]);
  const std::byte* from = nullptr;
  std::memcpy(&from, &landed.address, sizeof from);
  std::memcpy(own.get(), from, bytes);
  landed.address = reinterpret_cast<std::uint64_t>(own.get());
  landed.memory = own;
  return landed;
}

std::optional<load::Result> Session::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

}  // namespace coldload::api
