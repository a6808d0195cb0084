#include "storage/fuse_daemon.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "os/file.h"
#include "os/kernel_text.h"

namespace coldload::storage {

namespace {

namespace fs = std::filesystem;

// argv and the environment as procfs shows them: each word ends with a zero byte. Words may be
// empty.
std::vector<std::string> strings_of(std::string_view text) {
  std::vector<std::string_view> words = os::split(text, '\0');
  if (words.back().empty()) words.pop_back();
  return {words.begin(), words.end()};
}

// Without a slash at the end, without . and ..; links are left alone: to follow them is to ask the
// file system, whose server may hang.
std::string plain(const fs::path& path) {
  std::string text = path.lexically_normal();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// Where the words of a process without a slash at their start may be seen from. A daemon goes to
// the root when it has gone to the background; what its shell called its folder stays in its
// environment.
std::vector<fs::path> homes_of(const FuseDaemon& daemon, const fs::path& folder) {
  std::vector<fs::path> homes;
  std::error_code error;
  const fs::path home = fs::read_symlink(folder / "cwd", error);
  if (!error) homes.push_back(home);
  if (const auto before = daemon.variable("PWD")) homes.emplace_back(*before);
  return homes;
}

bool names_mount(const FuseDaemon& daemon, const fs::path& folder, const std::string& mount_point) {
  std::vector<fs::path> homes = homes_of(daemon, folder);
  homes.emplace_back("");
  for (std::size_t i = 1; i < daemon.argv.size(); ++i) {
    const std::string& word = daemon.argv[i];
    if (word.empty() || word.front() == '-') continue;
    // What starts with a slash is the same from everywhere.
    if (std::any_of(homes.begin(), homes.end(),
                    [&](const fs::path& home) { return plain(home / word) == mount_point; })) {
      return true;
    }
  }
  return false;
}

// Whether one of its descriptors is the mount's connection (fs/fuse/dev.c, fuse_dev_show_fdinfo): a
// FUSE mount's device number is that of its connection. Nothing where none says which it is.
std::optional<bool> holds_connection(const fs::path& folder, const Mount& mount) {
  constexpr std::string_view k_label = "fuse_connection:";
  std::optional<bool> holds;
  std::error_code error;
  for (fs::directory_iterator it(folder / "fdinfo", error), last; !error && it != last;
       it.increment(error)) {
    const std::string text = os::try_read_text(it->path()).value_or("");
    const std::size_t at = text.find(k_label);
    if (at == std::string::npos) continue;
    const std::size_t number = text.find_first_not_of(" \t", at + k_label.size());
    if (number == std::string::npos) continue;
    holds = holds.value_or(false) || os::number_of(text.substr(number)) == mount.minor;
  }
  return holds;
}

// "--vfs_cache_mode=off" -> {"vfs-cache-mode", "off"}.
std::pair<std::string, std::optional<std::string>> key_and_value(std::string_view word) {
  const std::size_t equals = word.find('=');
  std::string key(word.substr(0, equals));
  std::replace(key.begin(), key.end(), '_', '-');
  if (equals == std::string_view::npos) return {key, std::nullopt};
  return {key, std::string(word.substr(equals + 1))};
}

}  // namespace

std::optional<std::string> FuseDaemon::option(std::string_view name) const {
  for (std::size_t i = 1; i < argv.size(); ++i) {
    std::string_view rest = argv[i];
    const bool flag = rest.size() > 1 && rest.front() == '-';
    rest.remove_prefix(std::min(rest.find_first_not_of('-'), rest.size()));
    if (flag && key_and_value(rest).first == name) {
      if (auto value = key_and_value(rest).second) return value;
      return i + 1 < argv.size() ? argv[i + 1] : "";
    }
    // Mount options, by themselves or behind -o.
    const bool attached = flag && argv[i].compare(0, 2, "-o") == 0;
    if (attached) rest.remove_prefix(1);
    if (!attached && argv[i - 1] != "-o" && argv[i - 1] != "--o") continue;
    for (const std::string_view option : os::split(rest, ',')) {
      const auto [key, value] = key_and_value(option);
      if (key == name) return value.value_or("");
    }
  }
  return std::nullopt;
}

std::optional<std::string> FuseDaemon::variable(std::string_view name) const {
  if (!environment) return std::nullopt;
  for (const std::string& word : *environment) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && word.substr(0, equals) == name) {
      return word.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::optional<FuseDaemon> find_fuse_daemon(const Mount& mount,
                                           const std::vector<std::string_view>& programs,
                                           const std::string& proc) {
  std::optional<FuseDaemon> found;
  const std::string point = plain(mount.point);
  std::error_code error;
  for (fs::directory_iterator it(proc, error), last; !error && it != last; it.increment(error)) {
    const std::string name = it->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto text = os::try_read_text(it->path() / "cmdline");
    if (!text || text->empty()) continue;
    FuseDaemon daemon;
    daemon.argv = strings_of(*text);
    const std::string program = fs::path(daemon.argv.front()).filename();
    if (std::find(programs.begin(), programs.end(), program) == programs.end()) continue;
    if (const auto variables = os::try_read_text(it->path() / "environ")) {
      daemon.environment = strings_of(*variables);
    }
    const auto holds = holds_connection(it->path(), mount);
    if (holds ? !*holds : !names_mount(daemon, it->path(), point)) continue;
    if (holds) return daemon;
    if (found && found->argv != daemon.argv) return std::nullopt;
    found = std::move(daemon);
  }
  return found;
}

}  // namespace coldload::storage
