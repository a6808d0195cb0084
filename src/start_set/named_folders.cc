#include "start_set/named_folders.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "os/file.h"
#include "os/kernel_text.h"

namespace coldload::start_set {

namespace {

namespace fs = std::filesystem;

// Texts that a NUL ends, each.
std::vector<std::string> texts_in(const std::string& file) {
  constexpr std::size_t k_limit_bytes = std::size_t{4} << 20;
  std::vector<std::string> texts;
  const auto all = os::try_read_text(file, k_limit_bytes);
  if (!all) return texts;
  for (const std::string_view text : os::split(*all, '\0')) texts.emplace_back(text);
  texts.pop_back();  // what is after the last NUL
  return texts;
}

std::string value_of(const ProcessWords& words, std::string_view name) {
  for (const std::string& variable : words.environment) {
    if (variable.starts_with(name) && variable.substr(name.size(), 1) == "=") {
      return variable.substr(name.size() + 1);
    }
  }
  return "";
}

// Absolute, without links; nothing where it is not there.
std::optional<fs::path> real(const fs::path& path, const ProcessWords& words) {
  const fs::path whole = fs::path(words.folder) / path;
  if (!whole.is_absolute()) return std::nullopt;
  std::error_code gone;
  fs::path found = fs::canonical(whole, gone);
  return gone ? std::nullopt : std::optional(std::move(found));
}

// As execvp(3) would have found it.
fs::path program_of(const ProcessWords& words) {
  if (words.argv.empty()) return {};
  const std::string& name = words.argv.front();
  if (name.find('/') != std::string::npos) return fs::path(words.folder) / name;
  const std::string path = value_of(words, "PATH");
  for (const std::string_view folder : os::split(path, ':')) {
    fs::path file = fs::path(words.folder) / folder / name;
    std::error_code gone;
    if (!folder.empty() && fs::is_regular_file(file, gone)) return file;
  }
  return {};
}

void add_folder(Folder folder, Named* named) {
  auto& folders = named->folders;
  if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
    folders.push_back(std::move(folder));
  }
}

// Links in the program's own name are not followed: a virtual environment has one.
void add_environment_of(const fs::path& program, const ProcessWords& words, Named* named) {
  if (program.parent_path().filename() != "bin") return;
  const auto library = real(program.parent_path().parent_path() / "lib", words);
  if (!library) return;
  std::error_code error;
  fs::directory_iterator entry(*library, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    const bool is_one = entry->path().filename().string().starts_with("python3");
    if (is_one && !entry->is_symlink(gone) && entry->is_directory(gone)) {
      add_folder({entry->path().string(), Taken::all_below}, named);
    }
  }
}

void add_code_below(const std::optional<fs::path>& folder, Named* named) {
  std::error_code gone;
  if (!folder || !folder->has_relative_path() || !fs::is_directory(*folder, gone)) return;
  add_folder({folder->string(), Taken::code_below}, named);
}

}  // namespace

ProcessWords words_of(pid_t process) {
  const auto link = [process](std::string_view name) {
    std::error_code gone;
    return fs::read_symlink(fmt::format("/proc/{}/{}", process, name), gone).string();
  };
  return {texts_in(fmt::format("/proc/{}/cmdline", process)),
          texts_in(fmt::format("/proc/{}/environ", process)), link("cwd"), link("exe")};
}

void add_named_by(const ProcessWords& words, Named* named) {
  add_environment_of(program_of(words), words, named);
  add_environment_of(words.program, words, named);
  for (std::size_t i = 1; i < words.argv.size(); ++i) {
    if (words.argv[i].empty()) continue;
    const auto file = real(words.argv[i], words);
    std::error_code gone;
    if (!file || !fs::is_regular_file(*file, gone)) continue;
    named->files.push_back(file->string());
    if (file->extension() == ".py") add_code_below(file->parent_path(), named);
  }
  const std::string below = value_of(words, "PYTHONPATH");
  for (const std::string_view folder : os::split(below, ':')) {
    if (!folder.empty()) add_code_below(real(folder, words), named);
  }
}

}  // namespace coldload::start_set
