// coldload write-share, which the build calls: what a package puts below share/, written from the
// table of flags.

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/completions.h"
#include "cli/manual.h"
#include "cli/version.h"
#include "os/file.h"

namespace coldload::cli {

int run_write_share(const std::vector<std::string>& args) {
  CLI::App app("Writes coldload's man pages and completions below a directory.",
               "coldload write-share");
  std::string directory;
  app.add_option("DIR", directory, "the directory, as /usr/share")->required();
  if (!parse(app, args)) return k_exit_ok;
  const std::vector<CommandFacts> table = flag_table();
  const std::filesystem::path root(directory);
  const auto write = [&root](const std::string& name, const std::string& text) {
    const std::filesystem::path path = root / name;
    std::filesystem::create_directories(path.parent_path());
    os::replace_text(path, text);
  };
  for (const auto& [name, text] : man_pages(table, {k_build_info.version, k_build_info.date})) {
    write("man/man1/" + name, text);
  }
  write("bash-completion/completions/coldload", bash_completion(table));
  write("zsh/site-functions/_coldload", zsh_completion(table));
  write("fish/vendor_completions.d/coldload.fish", fish_completion(table));
  return k_exit_ok;
}

}  // namespace coldload::cli
