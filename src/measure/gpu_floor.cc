#include "measure/gpu_floor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <functional>
#include <memory>
#include <span>

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gpu/cuda.h"
#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "statistics/statistics.h"

namespace coldload::measure {

namespace {

constexpr std::size_t k_ring_bytes = std::size_t{64} << 20;
constexpr std::size_t k_piece_bytes = std::size_t{4} << 20;

// Pages that `memory` gets from now on come from this node alone. Throws os::SystemError.
void bind_to_node(std::span<std::byte> memory, unsigned node) {
  constexpr unsigned k_bits = sizeof(unsigned long) * CHAR_BIT;
  constexpr unsigned k_words = 16;
  std::array<unsigned long, k_words> mask{};
  if (node >= k_bits * k_words) throw os::Error(fmt::format("node {} is out of range", node));
  mask[node / k_bits] = 1UL << (node % k_bits);
  // maxnode counts one more than there are bits (mbind(2), notes).
  if (::syscall(SYS_mbind, memory.data(), memory.size(), MPOL_BIND, mask.data(),
                k_bits * k_words + 1, 0) != 0) {
    throw os::SystemError("bind memory to", fmt::format("NUMA node {}", node), errno);
  }
}

void fault_in(std::span<std::byte> memory) {
  for (std::size_t at = 0; at < memory.size(); at += os::page_size()) memory[at] = std::byte{1};
}

// Rates of some rounds, each a few times around the ring; `turn` queues one time around.
std::vector<double> rounds_of(gpu::CopyStream& stream, os::TimePoint deadline,
                              const std::function<void()>& turn) {
  constexpr int k_turns = 4;
  constexpr std::size_t k_least = 3;
  constexpr std::size_t k_most = 40;
  std::vector<double> rates;
  turn();
  stream.wait();  // the first copies set things up
  while (rates.size() < k_most && !os::interrupted()) {
    if (rates.size() >= k_least && os::Clock::now() >= deadline) break;
    const os::TimePoint begin = os::Clock::now();
    for (int i = 0; i < k_turns; ++i) turn();
    stream.wait();
    rates.push_back(k_turns * static_cast<double>(k_ring_bytes) /
                    os::seconds_between(begin, os::Clock::now()));
  }
  return rates;
}

// Pins one ring and copies through it. `pin_s` gets what page-locking took.
records::GpuTransfer transfer(const std::shared_ptr<gpu::Device>& device,
                              std::optional<unsigned> node, os::TimePoint deadline,
                              std::vector<double>* pin_s) {
  records::GpuTransfer result;
  result.numa_node = node;
  try {
    const os::Mapping ring = os::Mapping::anonymous(k_ring_bytes);
    if (node) bind_to_node(ring.bytes(), *node);
    fault_in(ring.bytes());
    const os::TimePoint begin = os::Clock::now();
    const gpu::PinnedRange pinned(device, ring.bytes());
    pin_s->push_back(os::seconds_between(begin, os::Clock::now()));
    const gpu::DeviceMemory memory(device, k_ring_bytes);
    gpu::CopyStream stream(device);
    const os::TimePoint half = begin + (deadline - begin) / 2;
    std::vector<gpu::CopyStream::Copy> pieces;
    for (std::size_t at = 0; at < k_ring_bytes; at += k_piece_bytes) {
      pieces.push_back({memory.address() + at, ring.bytes().subspan(at, k_piece_bytes)});
    }
    const auto to_gpu = rounds_of(stream, half, [&] { stream.to_device(pieces); });
    const auto to_host = rounds_of(stream, deadline, [&] {
      for (std::size_t at = 0; at < k_ring_bytes; at += k_piece_bytes) {
        stream.to_host(ring.bytes().subspan(at, k_piece_bytes), memory.address() + at);
      }
    });
    if (const auto summary = statistics::summarize(to_gpu)) {
      result.to_gpu_best_bytes_per_s = summary->max;
      result.to_gpu_median_bytes_per_s = summary->median;
    }
    if (const auto summary = statistics::summarize(to_host)) {
      result.to_host_best_bytes_per_s = summary->max;
      result.to_host_median_bytes_per_s = summary->median;
    }
    if (to_gpu.empty()) result.reason = "interrupted";
  } catch (const os::Error& error) {
    result.reason = error.what();
  }
  return result;
}

std::vector<std::optional<unsigned>> placements() {
  std::vector<std::optional<unsigned>> places{std::nullopt};
  const auto nodes =
      parse_node_list(os::try_read_text("/sys/devices/system/node/has_memory").value_or(""));
  if (nodes.size() > 1) places.insert(places.end(), nodes.begin(), nodes.end());
  return places;
}

}  // namespace

std::vector<unsigned> parse_node_list(std::string_view text) {
  std::vector<unsigned> nodes;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    unsigned first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) return {};
    unsigned last = first;
    if (parsed.ptr < end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc()) return {};
    }
    constexpr unsigned k_most_nodes = 1024;
    if (last >= k_most_nodes) return {};
    for (unsigned node = first; node <= last; ++node) nodes.push_back(node);
    at = parsed.ptr;
    if (at < end && *at != ',') return {};
    ++at;
  }
  return nodes;
}

records::GpuFloor measure_gpu_floor(unsigned index, os::TimePoint deadline) {
  records::GpuFloor floor;
  const gpu::Device::Found found = gpu::Device::find();
  if (!found.availability.ok) {
    floor.reason = found.availability.reason;
    return floor;
  }
  if (index >= static_cast<unsigned>(found.count)) {
    floor.reason = fmt::format("there is no GPU {}: {} {} visible", index, found.count,
                               found.count == 1 ? "is" : "are");
    return floor;
  }
  floor.index = index;
  try {
    const os::TimePoint begin = os::Clock::now();
    const auto device = gpu::Device::open(static_cast<int>(index));
    floor.context_s = os::seconds_between(begin, os::Clock::now());
    floor.name = device->name();
    const auto places = placements();
    // Each gets an equal part of what is left, and enough for a few rounds in any case.
    constexpr std::chrono::milliseconds k_least{100};
    std::vector<double> pin_s;
    for (std::size_t i = 0; i < places.size() && !os::interrupted(); ++i) {
      const os::TimePoint now = os::Clock::now();
      const auto part = (deadline - now) / static_cast<std::int64_t>(places.size() - i);
      floor.transfers.push_back(
          transfer(device, places[i], now + std::max<os::Clock::duration>(part, k_least), &pin_s));
    }
    if (!pin_s.empty())
      floor.pin_bytes_per_s = static_cast<double>(k_ring_bytes) / statistics::median(pin_s);
    if (!floor.to_gpu_bytes_per_s() && !floor.transfers.empty()) {
      floor.reason = floor.transfers.front().reason;
    }
  } catch (const os::Error& error) {
    floor.reason = error.what();
  }
  return floor;
}

}  // namespace coldload::measure
