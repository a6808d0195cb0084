#include "storage/byte_counter.h"

#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "os/file.h"
#include "storage/stand_in.h"

namespace coldload::storage {

namespace {

class BlockDeviceCounter : public ByteCounter {
 public:
  explicit BlockDeviceCounter(const BlockDevice& device)
      : stat_(fmt::format("/sys/dev/block/{}:{}/stat", device.major, device.minor)) {}

  [[nodiscard]] std::optional<std::uint64_t> bytes() const override {
    const auto text = os::try_read_text(stat_);
    return text ? parse_block_stat(*text) : std::nullopt;
  }

 private:
  std::string stat_;
};

class StandInCounter : public ByteCounter {
 public:
  explicit StandInCounter(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] std::optional<std::uint64_t> bytes() const override {
    return stand_in_bytes_served(path_);
  }

 private:
  std::string path_;
};

class NfsCounter : public ByteCounter {
 public:
  explicit NfsCounter(std::string mount_point) : mount_point_(std::move(mount_point)) {}

  [[nodiscard]] std::optional<std::uint64_t> bytes() const override {
    const auto text = os::try_read_text("/proc/self/mountstats", 64 << 20);
    return text ? parse_mountstats(*text, mount_point_) : std::nullopt;
  }

 private:
  std::string mount_point_;
};

}  // namespace

CounterChoice choose_byte_counter(const PathInfo& info) {
  CounterChoice choice;
  const std::string& type = info.mount.fs_type;
  if (info.cache == CacheKind::memory_backed) {
    choice.reason = fmt::format("{} is memory: nothing is read from storage", type);
  } else if (type == "fuse.coldload") {
    choice.counter = std::make_unique<StandInCounter>(info.path);
    choice.source = "stand_in";
    choice.this_mount_only = true;
  } else if (type == "nfs" || type == "nfs4") {
    choice.counter = std::make_unique<NfsCounter>(info.mount.point);
    choice.source = "nfs_mountstats";  // a server's own code may lie on the same mount
  } else if (info.device) {
    choice.counter = std::make_unique<BlockDeviceCounter>(*info.device);
    choice.source = "block_device";
    choice.processes_are_charged = true;
  } else if (type == "overlay" || type == "btrfs" || type == "zfs" || type == "xfs") {
    choice.processes_are_charged = true;
    choice.reason = fmt::format("the block device behind {} is not visible from here", type);
  } else {
    choice.reason =
        fmt::format("{} counts the bytes that it delivers nowhere that we know of", type);
  }
  if (choice.counter && !choice.counter->bytes()) {
    choice.reason = fmt::format("the {} counter of {} does not answer", choice.source, info.path);
    choice.counter.reset();
    choice.source.clear();
  }
  return choice;
}

std::optional<std::uint64_t> parse_block_stat(std::string_view text) {
  std::istringstream fields{std::string(text)};
  std::uint64_t reads = 0;
  std::uint64_t merges = 0;
  std::uint64_t sectors = 0;
  if (!(fields >> reads >> merges >> sectors)) return std::nullopt;
  constexpr std::uint64_t k_sector_bytes = 512;
  return sectors * k_sector_bytes;
}

std::optional<std::uint64_t> parse_mountstats(std::string_view text, std::string_view mount_point) {
  std::istringstream lines{std::string(text)};
  std::string line;
  bool inside = false;
  const std::string wanted = fmt::format(" mounted on {} with fstype nfs", mount_point);
  while (std::getline(lines, line)) {
    if (line.rfind("device ", 0) == 0) {
      inside = line.find(wanted) != std::string::npos;
      continue;
    }
    const std::size_t at = line.find("bytes:");
    if (!inside || at == std::string::npos) continue;
    std::istringstream fields(line.substr(at + 6));
    std::uint64_t value = 0;
    for (int field = 1; field <= 5; ++field) {
      if (!(fields >> value)) return std::nullopt;
    }
    return value;
  }
  return std::nullopt;
}

}  // namespace coldload::storage
