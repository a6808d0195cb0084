#include "storage/byte_counter.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/file.h"
#include "os/kernel_text.h"
#include "storage/file_systems.h"
#include "storage/patient_counter.h"
#include "storage/stand_in_mount.h"

namespace coldload::storage {

namespace {

// What `parse` finds in one of the kernel's files.
ByteCounter counter_in(std::string file,
                       std::function<std::optional<std::uint64_t>(std::string_view)> parse) {
  return [file = std::move(file), parse = std::move(parse)]() -> std::optional<std::uint64_t> {
    const auto text = os::try_read_text(file, 64 << 20);
    return text ? parse(*text) : std::nullopt;
  };
}

// Nothing where one of them does not answer.
ByteCounter sum_of(std::vector<ByteCounter> counters) {
  if (counters.size() == 1) return std::move(counters.front());
  return [counters = std::move(counters)]() -> std::optional<std::uint64_t> {
    std::uint64_t sum = 0;
    for (const ByteCounter& counter : counters) {
      const auto bytes = counter();
      if (!bytes) return std::nullopt;
      sum += *bytes;
    }
    return sum;
  };
}

// The number at `place`, from 1, of those that the text begins with.
std::optional<std::uint64_t> number_at(int place, std::string_view text) {
  std::istringstream fields{std::string(text)};
  std::uint64_t value = 0;
  for (int field = 1; field <= place; ++field) {
    if (!(fields >> value)) return std::nullopt;
  }
  return value;
}

// Where reads of it are on the reader's own account though its device is hidden.
bool is_charged_without_device(const std::string& type) {
  return type == "overlay" || type == "btrfs" || type == "zfs" || type == "xfs";
}

// Of all devices together.
ByteCounter counter_of(const std::vector<const BlockDevice*>& devices) {
  std::vector<ByteCounter> counters;
  counters.reserve(devices.size());
  for (const BlockDevice* device : devices) {
    counters.push_back(counter_in(
        fmt::format("/sys/dev/block/{}:{}/stat", device->major, device->minor), parse_block_stat));
  }
  return sum_of(std::move(counters));
}

// It answers from memory. Long enough for a machine that is busy, short beside a --timeout.
constexpr std::chrono::seconds k_patience_with_a_stand_in{10};

void choose_by_device(const PathInfo& info, CounterChoice* choice) {
  const std::string& type = info.mount.fs_type;
  if (info.device) {
    choice->counter = counter_of(info.devices());
    choice->source = "block_device";
    choice->subject.clear();
    for (const BlockDevice* device : info.devices()) choice->subject += device->name + " ";
    choice->processes_are_charged = true;
  } else if (is_charged_without_device(type)) {
    choice->processes_are_charged = true;
    choice->reason = fmt::format("the block device behind {} is not visible from here", type);
  }
}

}  // namespace

CounterChoice choose_byte_counter(const PathInfo& info) {
  CounterChoice choice;
  const std::string& type = info.source().fs_type;
  choice.subject = info.source().point;
  if (info.cache == CacheKind::memory_backed) {
    choice.reason = fmt::format("{} is memory: nothing is read from storage", type);
    return choice;
  }
  switch (file_system_of(info.source()).counts) {
    case Counts::stand_in:
      choice.counter = patient_counter([path = info.path] { return stand_in_bytes_served(path); },
                                       k_patience_with_a_stand_in);
      choice.source = "stand_in";
      choice.this_mount_only = true;
      break;
    case Counts::nfs_mountstats:
      choice.counter = counter_in(
          "/proc/self/mountstats",
          [point = info.source().point](auto text) { return parse_mountstats(text, point); });
      choice.source = "nfs_mountstats";  // a server's own code may lie on the same mount
      choice.beyond_hidden_cache = true;
      break;
    case Counts::cifs_stats:
      choice.counter = counter_in("/proc/fs/cifs/Stats", [share = info.source().source](auto text) {
        return parse_cifs_stats(text, share);
      });
      choice.source = "cifs_stats";
      choice.subject = info.source().source;
      choice.beyond_hidden_cache = true;
      break;
    case Counts::block_device:
      choose_by_device(info, &choice);
      break;
    case Counts::nothing:
      break;
  }
  if (!choice.counter && choice.reason.empty()) {
    choice.reason =
        fmt::format("{} counts the bytes that it delivers nowhere that we know of", type);
  }
  if (choice.counter && !choice.counter()) {
    choice.reason = fmt::format("the {} counter of {} does not answer", choice.source, info.path);
    choice.counter = nullptr;
    choice.source.clear();
    choice.beyond_hidden_cache = false;
  }
  return choice;
}

CounterChoice all_of(const std::vector<CounterChoice>& choices) {
  CounterChoice all;
  std::vector<ByteCounter> counters;
  std::set<std::pair<std::string, std::string>> known;
  std::set<std::string> sources;
  all.this_mount_only = all.processes_are_charged = all.beyond_hidden_cache = true;
  for (const CounterChoice& one : choices) {
    all.this_mount_only = all.this_mount_only && one.this_mount_only;
    all.processes_are_charged = all.processes_are_charged && one.processes_are_charged;
    all.beyond_hidden_cache = all.beyond_hidden_cache && one.beyond_hidden_cache;
    if (!one.counter && all.reason.empty()) all.reason = one.reason;
    if (!known.emplace(one.source, one.subject).second) continue;
    all.subject += (all.subject.empty() ? "" : " and ") + one.subject;
    counters.push_back(one.counter);
    sources.insert(one.source);
  }
  if (!all.reason.empty()) return all;
  all.counter = sum_of(std::move(counters));
  for (const std::string& source : sources) all.source += (all.source.empty() ? "" : "+") + source;
  return all;
}

std::optional<std::uint64_t> parse_block_stat(std::string_view text) {
  constexpr std::uint64_t k_sector_bytes = 512;
  const auto sectors = number_at(3, text);
  return sectors ? std::optional(*sectors * k_sector_bytes) : std::nullopt;
}

std::optional<std::uint64_t> parse_mountstats(std::string_view text, std::string_view mount_point) {
  bool inside = false;
  const std::string wanted = fmt::format(" mounted on {} with fstype nfs", mount_point);
  for (const std::string_view line : os::split(text, '\n')) {
    if (line.starts_with("device ")) {
      inside = unescape_mount_text(line).find(wanted) != std::string::npos;
      continue;
    }
    const std::size_t at = line.find("bytes:");
    if (!inside || at == std::string::npos) continue;
    return number_at(5, line.substr(at + 6));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_cifs_stats(std::string_view text, std::string_view source) {
  // "//server/share/folder" -> "\\\\server\\share": what the statistics go by.
  std::string share(source);
  std::replace(share.begin(), share.end(), '/', '\\');
  const std::size_t server_end = share.find('\\', 2);
  if (share.rfind("\\\\", 0) != 0 || server_end == std::string::npos) return std::nullopt;
  share.resize(std::min(share.find('\\', server_end + 1), share.size()));
  bool inside = false;
  std::optional<std::uint64_t> total;
  for (const std::string_view line : os::split(text, '\n')) {
    // "1) \\\\server\\share", perhaps with a tab and DISCONNECTED behind.
    const std::size_t name = line.find(") ");
    if (name != std::string::npos && line.find_first_not_of("0123456789") == name) {
      inside = line.substr(name + 2, line.find('\t') - name - 2) == share;
      continue;
    }
    constexpr std::string_view k_label = "Bytes read: ";
    if (!inside || !line.starts_with(k_label)) continue;
    const auto bytes = os::number_of(line.substr(k_label.size()));
    if (bytes) total = total.value_or(0) + *bytes;  // one share may be connected several times
  }
  return total;
}

}  // namespace coldload::storage
