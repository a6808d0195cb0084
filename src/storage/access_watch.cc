#include "storage/access_watch.h"

#include <array>
#include <cstring>

#include <unistd.h>

namespace coldload::storage {

AccessWatch::AccessWatch(const std::vector<std::string>& paths)
    : inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify"), seen_(paths.size()) {
  complete_ = inotify_.valid();
  for (std::size_t i = 0; complete_ && i < paths.size(); ++i) {
    const int watch = ::inotify_add_watch(inotify_.get(), paths[i].c_str(), IN_OPEN | IN_ACCESS);
    if (watch >= 0) {
      files_of_[watch].push_back(i);
    } else {
      complete_ = false;
    }
  }
}

void AccessWatch::note(int watch, unsigned mask) {
  const auto found = files_of_.find(watch);
  if (found == files_of_.end()) return;
  bool all_known = true;
  for (const std::size_t file : found->second) {
    Access& access = seen_[file];
    const Access before = access;
    access.opened = access.opened || (mask & (IN_OPEN | IN_ACCESS)) != 0;
    access.read = access.read || (mask & IN_ACCESS) != 0;
    if (access != before) ++news_;
    all_known = all_known && access.read;
  }
  // A load reads on and on: what is known already need not be told again.
  if (all_known) ::inotify_rm_watch(inotify_.get(), watch);
}

void AccessWatch::drain(const std::function<void(const inotify_event&)>& each) {
  if (!inotify_.valid()) return;
  alignas(inotify_event) std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      each(event);
    }
  }
}

void AccessWatch::take() {
  drain([this](const inotify_event& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) complete_ = false;
    note(event.wd, event.mask);
  });
}

// No watch is given up for what was seen so far.
void AccessWatch::forget() {
  drain([](const inotify_event& /*event*/) {});
}

}  // namespace coldload::storage
