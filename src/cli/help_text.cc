#include "cli/help_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/terminal.h"
#include "cli/usage.h"
#include "text/fitted.h"

namespace coldload::cli {

namespace {

constexpr std::size_t k_column = 26;  // where descriptions begin

std::size_t width_of_help() {
  constexpr std::size_t k_widest = 100;
  constexpr std::size_t k_usual = 80;
  return std::min(terminal_width(Stream::out).value_or(k_usual), k_widest);
}

// What stands before its description.
std::string names_of(const CLI::Option& option) {
  std::string names = option.get_positional() ? option.get_name(true) : "";
  const auto add = [&names](const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
  };
  for (const std::string& name : option.get_snames()) add("-" + name);
  for (const std::string& name : option.get_lnames()) add("--" + name);
  const std::string metavar = option.get_positional() ? "" : metavar_of(option);
  return metavar.empty() ? names : names + " " + metavar;
}

// With its default and the variable that stands for it, where it does not say them itself.
std::string description_of(const CLI::Option& option) {
  std::string text = option.get_description();
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::vector<std::string> more;
  const bool tells_default = text.find("default") != std::string::npos;
  if (!option.get_default_str().empty() && !tells_default) {
    more.push_back("default: " + option.get_default_str());
  }
  if (!option.get_envname().empty()) more.push_back("or $" + option.get_envname());
  if (!option.get_positional() && option.get_expected_max() > 1) more.emplace_back("repeatable");
  return more.empty() ? text : fmt::format("{} ({})", text, fmt::join(more, "; "));
}

void add_option(const CLI::Option& option, std::size_t width, std::string* out) {
  std::string line = "  " + names_of(option);
  if (line.size() + 2 > k_column) {
    *out += line + '\n';
    line.clear();
  }
  line.resize(k_column, ' ');
  *out += text::wrapped_lines(line + description_of(option), k_column, width) + '\n';
}

void add_group(const std::string& title, const std::vector<const CLI::Option*>& options,
               std::size_t width, std::string* out) {
  if (options.empty()) return;
  *out += fmt::format("\n{}:\n", title);
  for (const CLI::Option* option : options) add_option(*option, width, out);
}

// The flags of an app, group by group.
void add_groups(const CLI::App& app, std::size_t width, std::string* out) {
  add_group("Words", app.get_options([](const CLI::Option* option) {
    return option->get_positional() && !option->get_group().empty();
  }),
            width, out);
  for (const std::string& group : app.get_groups()) {
    if (group.empty()) continue;
    add_group(group == "Options" ? "Flags" : group,
              app.get_options([&group](const CLI::Option* option) {
                return option->nonpositional() && option->get_group() == group;
              }),
              width, out);
  }
}

std::string usage_line(const CLI::App& app, const Usage& usage) {
  if (!usage.line.empty()) return fmt::format("{} {}", app.get_name(), usage.line);
  const std::string of = app.get_parent() == nullptr ? "" : app.get_parent()->get_name() + " ";
  std::string line = of + app.get_name() + " [FLAGS]";
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* one) { return one->get_positional(); })) {
    line += " " + option->get_name(true);
  }
  return line;
}

}  // namespace

std::string metavar_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return "";
  if (!option.get_option_text().empty()) return option.get_option_text();
  const std::string type = option.get_type_name();
  const std::string name = type.substr(0, type.find(':'));  // what follows are its checks
  return name == "UINT" || name == "INT" || name == "FLOAT" ? "N" : name;
}

std::string help_text(const CLI::App& app) {
  const std::size_t width = width_of_help();
  const std::string& name = app.get_name();
  const Usage usage = usage_of(std::string_view(name).substr(name.rfind(' ') + 1));
  std::string out = text::wrapped_lines(app.get_description(), 0, width) + '\n';
  out += text::wrapped_lines(fmt::format("\nUsage: {}\n", usage_line(app, usage)), 7, width);
  const std::vector<const CLI::App*> parts =
      app.get_subcommands([](const CLI::App* part) { return !part->get_name().empty(); });
  if (!parts.empty()) out += "\nWhat it does:\n";
  for (const CLI::App* part : parts) {
    out +=
        text::wrapped_lines(fmt::format("  {:<22}  {}", part->get_name(), part->get_description()),
                            k_column, width) +
        '\n';
  }
  add_groups(app, width, &out);
  if (!app.get_footer().empty()) {
    std::string footer = app.get_footer();
    std::replace(footer.begin(), footer.end(), '\n', ' ');
    out += text::wrapped_lines("\n" + footer + "\n", 0, width);
  }
  if (usage.examples.empty()) return out;
  out += "\nExamples:\n";
  for (std::string_view rest = usage.examples; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    out += fmt::format("  {}\n", rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace coldload::cli
