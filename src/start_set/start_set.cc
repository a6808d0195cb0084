#include "start_set/start_set.h"

#include <algorithm>
#include <array>

#include <boost/describe/enum_to_string.hpp>

namespace coldload::start_set {

namespace {

constexpr std::array<std::string_view, 7> k_program_roots{"/usr/", "/opt/",  "/lib/", "/lib64/",
                                                          "/bin/", "/sbin/", "/nix/"};
// Folders that hold code, wherever they lie.
constexpr std::array<std::string_view, 7> k_program_folders{
    "/site-packages/", "/dist-packages/", "/lib/", "/lib64/", "/bin/", "/libexec/", "/share/"};
constexpr std::array<std::string_view, 4> k_program_endings{".so", ".py", ".pyc", ".pyd"};

}  // namespace

std::string_view to_string(Group group) { return boost::describe::enum_to_string(group, ""); }

std::string_view to_string(Source source) { return boost::describe::enum_to_string(source, ""); }

bool has_name_of_code(std::string_view path) {
  const auto ends = [path](std::string_view ending) { return path.ends_with(ending); };
  return std::any_of(k_program_endings.begin(), k_program_endings.end(), ends) ||
         path.substr(path.rfind('/') + 1).find(".so.") != std::string_view::npos;
}

Group group_of(std::string_view path) {
  const auto begins = [path](std::string_view root) { return path.starts_with(root); };
  const auto holds = [path](std::string_view part) {
    return path.find(part) != std::string_view::npos;
  };
  const bool is_program = std::any_of(k_program_roots.begin(), k_program_roots.end(), begins) ||
                          std::any_of(k_program_folders.begin(), k_program_folders.end(), holds) ||
                          has_name_of_code(path);
  return is_program ? Group::program : Group::other;
}

std::uint64_t StartSet::bytes() const {
  std::uint64_t sum = 0;
  for (const StartFile& file : files) sum += file.bytes;
  return sum;
}

}  // namespace coldload::start_set
