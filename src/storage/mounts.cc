#include "storage/mounts.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/file.h"
#include "os/kernel_text.h"
#include "os/path.h"

namespace coldload::storage {

std::string unescape_mount_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ptr ==
            text.data() + i + 4) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const std::string_view line : os::split(text, '\n')) {
    const std::vector<std::string_view> fields = os::split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 10 || dash == fields.end() || fields.end() - dash < 4) continue;
    Mount mount;
    mount.id = os::number_of(fields[0]).value_or(0);
    const std::vector<std::string_view> numbers = os::split(fields[2], ':');
    if (numbers.size() != 2) continue;
    mount.major = static_cast<unsigned>(os::number_of(numbers[0]).value_or(0));
    mount.minor = static_cast<unsigned>(os::number_of(numbers[1]).value_or(0));
    mount.root = unescape_mount_text(fields[3]);
    mount.point = unescape_mount_text(fields[4]);
    mount.options = unescape_mount_text(fields[5]) + "," + unescape_mount_text(dash[3]);
    mount.fs_type = unescape_mount_text(dash[1]);
    mount.source = unescape_mount_text(dash[2]);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<Mount> current_mounts() {
  return parse_mountinfo(os::read_text("/proc/self/mountinfo"));
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    if (!os::is_below(path, mount.point)) continue;
    if (best == nullptr || mount.point.size() >= best->point.size()) best = &mount;
  }
  return best;
}

const Mount* mount_reached(const std::vector<Mount>& mounts, const std::string& path) {
  struct statx status {};
  // What is known already will do: nothing is asked of a server.
  constexpr int k_ask_no_server = AT_STATX_DONT_SYNC;
  if (::statx(AT_FDCWD, path.c_str(), k_ask_no_server, STATX_TYPE | STATX_MNT_ID, &status) != 0 ||
      (status.stx_mask & STATX_MNT_ID) == 0) {
    return mount_of(mounts, path);
  }
  const Mount* same_file_system = nullptr;
  for (const Mount& mount : mounts) {
    if (mount.id == status.stx_mnt_id) return &mount;
    if (mount.major == status.stx_dev_major && mount.minor == status.stx_dev_minor) {
      same_file_system = &mount;
    }
  }
  return same_file_system != nullptr ? same_file_system : mount_of(mounts, path);
}

const Mount* mount_on(const std::vector<Mount>& mounts, dev_t device) {
  const auto found = std::find_if(mounts.begin(), mounts.end(), [device](const Mount& mount) {
    return mount.major == major(device) && mount.minor == minor(device);
  });
  return found == mounts.end() ? nullptr : &*found;
}

std::optional<std::string> mount_option(const Mount& mount, std::string_view key) {
  for (const std::string_view option : os::split(mount.options, ',')) {
    if (option == key) return "";
    if (option.starts_with(key) && option[key.size()] == '=') {
      return std::string(option.substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

std::string below_overlay(const Mount& mount, const std::string& path) {
  std::vector<std::string> layers{mount_option(mount, "upperdir").value_or("")};
  const std::string lower = mount_option(mount, "lowerdir").value_or("");
  for (const std::string_view layer : os::split(lower, ':')) layers.emplace_back(layer);
  const std::string relative = path.substr(std::min(mount.point.size(), path.size()));
  for (const std::string& layer : layers) {
    struct stat info {};
    std::string candidate = layer + "/" + relative;
    if (!layer.empty() && ::stat(candidate.c_str(), &info) == 0) return candidate;
  }
  return "";
}

std::string file_below_overlay(const std::string& path) {
  const std::vector<Mount> mounts = current_mounts();
  const Mount* mount = mount_reached(mounts, path);
  return mount != nullptr && mount->fs_type == "overlay" ? below_overlay(*mount, path) : "";
}

}  // namespace coldload::storage
