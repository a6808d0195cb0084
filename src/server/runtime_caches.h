// The caches that servers keep from one start to the next: compiled graphs and kernels.
//
// They can be worth ten times what storage is: an experiment that does not hold them constant
// measures them. With `private_caches` all launches share caches of the experiment's own, which
// the discarded first launch fills; with `fresh_caches` every launch starts with none.
//
// Layer: server. Starts nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/directory.h"
#include "os/fd.h"
#include "server/server_kind.h"

namespace coldload::server {

enum class CompileCache { keep, private_caches, fresh_caches };

[[nodiscard]] std::optional<CompileCache> parse_compile_cache(std::string_view text);
[[nodiscard]] std::string_view to_string(CompileCache mode);

// The folders where a server that gets these variables beside our own keeps its caches, there or
// not: where the variables say, else where such caches are by default. Absolute, and links in them
// as they lead now. Of one variable the last stands. Empty where a mount that they lead through
// does not answer. Throws os::SystemError where no child can be had to ask. To be called while
// there is one thread.
[[nodiscard]] std::vector<std::string> cache_folders(const Environment& variables);

// Owns the directory of an experiment's caches, and removes it, wherever it was moved.
class RuntimeCaches {
 public:
  // Those of any coldload there, as a shell pattern.
  [[nodiscard]] static std::string pattern(const std::string& directory);
  // Makes `<directory>/.runtime-caches-XXXXXX`, held while this lives, and removes others that
  // are abandoned (os/held_directory); makes nothing for `keep`. Throws os::SystemError.
  RuntimeCaches(CompileCache mode, const std::string& directory);
  ~RuntimeCaches();
  RuntimeCaches(const RuntimeCaches&) = delete;
  RuntimeCaches& operator=(const RuntimeCaches&) = delete;

  // Before each launch: empties them if every launch is to start with none. If this one alone is,
  // what they hold is set aside until the next one that is not. Throws os::Error where that cannot
  // be, or where they are no longer at their place.
  void prepare_launch(bool without_any = false);
  // The variables that point servers, compilers and drivers there.
  [[nodiscard]] Environment environment() const;

 private:
  [[nodiscard]] std::vector<std::string> names() const;  // of what lies there, but the mark
  void remove_all_but_mark() const;
  void set_aside() const;
  void bring_back() const;

  CompileCache mode_;
  std::string path_;      // absolute; empty: none
  os::Fd held_;           // the directory, and
  os::Directory inside_;  // it again: what is removed is in it, whatever it is called by then
};

}  // namespace coldload::server
