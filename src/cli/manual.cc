#include "cli/manual.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "cli/command.h"
#include "text/escape.h"

namespace coldload::cli {

namespace {

struct Exit {
  int code;
  const char* meaning;
};

constexpr Exit k_exits[] = {
    {k_exit_ok, "Done."},
    {k_exit_failed, "A trial or the job failed."},
    {k_exit_usage, "The command line is wrong."},
    {k_exit_not_cold, "Measured, but not verifiably cold."},
    {k_exit_condition, "A --fail-if holds."},
    {k_exit_interrupted, "Interrupted."},
};

// A text within a line: as it is, whatever is in it. Hyphens stay those of the keyboard, so that a
// flag can be copied.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text::one_line(text)) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// At the start of a line a dot is a macro.
std::string roff_line(std::string_view text) {
  const std::string line = roff(text);
  return (line.rfind('.', 0) == 0 ? "\\&" : "") + line + "\n";
}

std::string macro_argument(std::string_view text) {
  std::string out = "\"";
  for (const char c : roff(text)) out += c == '"' ? "\\(dq" : std::string(1, c);
  return out + "\"";
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Paragraphs; lines that begin with a blank stand as they are.
std::string prose(std::string_view text) {
  std::string out;
  bool example = false;
  bool broken = false;
  for (const std::string& line : lines_of(text)) {
    const bool is_example = line.rfind(' ', 0) == 0;
    if (is_example != example) {
      out += is_example ? (out.empty() ? ".nf\n" : ".PP\n.nf\n") : ".fi\n.PP\n";
    }
    example = is_example;
    if (line.empty()) {
      broken = !out.empty();
      continue;
    }
    if (broken && !example) out += ".PP\n";
    broken = false;
    out += roff_line(example ? line.substr(std::min<std::size_t>(2, line.size())) : line);
  }
  return example ? out + ".fi\n" : out;
}

std::string section(const char* name) { return fmt::format(".SH {}\n", name); }

std::string value_text(const FlagFacts& flag) {
  return flag.choices.empty() ? italic(flag.value)
                              : fmt::format("{}", fmt::join(flag.choices, "|"));
}

std::string described(const FlagFacts& flag) {
  std::string text = flag.description;
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::string out = text.empty() ? "" : roff_line(text);
  std::vector<std::string> more;
  if (flag.required) more.emplace_back("required");
  if (flag.repeats) more.emplace_back("may be given more than once");
  if (!flag.default_value.empty()) more.push_back("default: " + flag.default_value);
  if (!flag.variable.empty()) more.push_back("or the variable " + flag.variable);
  if (!more.empty()) out += roff_line(fmt::format("({})", fmt::join(more, "; ")));
  return out;
}

std::string flag_text(const FlagFacts& flag) {
  std::vector<std::string> names;
  names.reserve(flag.names.size());
  for (const std::string& name : flag.names) names.push_back(bold(name));
  std::string out = fmt::format(".TP\n{}", fmt::join(names, ", "));
  if (!flag.value.empty()) out += " " + value_text(flag);
  return out + "\n" + described(flag);
}

std::string word_text(const FlagFacts& word) {
  return fmt::format(".TP\n{}\n", italic(word.names.front())) + described(word);
}

std::string synopsis(const std::string& name, const CommandFacts& command) {
  std::string line = fmt::format("{} [{}]", bold(name), italic("FLAGS"));
  for (const FlagFacts& word : command.words) {
    const std::string shown = italic(word.names.front()) + (word.repeats ? " ..." : "");
    line += word.required ? " " + shown : " [" + shown + "]";
  }
  const bool takes_server = command.footer.find("after --") != std::string::npos;
  if (takes_server) line += fmt::format(" [{} {} ...]", bold("--"), italic("SERVER"));
  return line + "\n";
}

std::string flags_text(const CommandFacts& command) {
  std::string out;
  if (!command.words.empty()) out += ".SS Arguments\n";
  for (const FlagFacts& word : command.words) out += word_text(word);
  for (const FlagGroup& group : command.groups) {
    out += ".SS " + macro_argument(group.name) + "\n";
    for (const FlagFacts& flag : group.flags) out += flag_text(flag);
  }
  return out;
}

std::string exits_text() {
  std::string out = section("EXIT STATUS");
  for (const Exit& exit : k_exits) {
    out += fmt::format(".TP\n{}\n{}", bold(std::to_string(exit.code)), roff_line(exit.meaning));
  }
  return out;
}

std::string head(const std::string& name, const std::string& summary, const Edition& edition) {
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH {} 1 \"{}\" {} {}\n", macro_argument(title), edition.date,
                     macro_argument("coldload " + edition.version),
                     macro_argument("coldload manual")) +
         section("NAME") + roff(name) + " \\- " + roff(summary) + "\n";
}

std::string command_page(const CommandFacts& command, const Edition& edition) {
  const std::string name = "coldload " + command.name;
  std::string page = head("coldload-" + command.name, command.summary, edition);
  page += section("SYNOPSIS");
  if (command.commands.empty()) page += synopsis(name, command);
  for (const CommandFacts& part : command.commands) {
    page += (&part == &command.commands.front() ? "" : ".br\n") +
            synopsis(name + " " + part.name, part);
  }
  page += section("DESCRIPTION") + prose(command.description);
  if (!command.footer.empty()) page += ".PP\n" + prose(command.footer);
  page += section("OPTIONS") + flags_text(command);
  for (const CommandFacts& part : command.commands) {
    page += section(macro_argument(name + " " + part.name).c_str());
    page += prose(part.description) + flags_text(part);
  }
  return page + exits_text() + section("SEE ALSO") + ".BR coldload (1)\n";
}

std::string main_page(const std::vector<CommandFacts>& table, const Edition& edition) {
  std::string page =
      head("coldload", "what it costs to cold-load a model from a storage path", edition);
  page +=
      section("SYNOPSIS") + fmt::format("{} {} [{}]\n.br\n{} {}\n.br\n{} {}\n", bold("coldload"),
                                        italic("COMMAND"), italic("FLAGS"), bold("coldload"),
                                        bold("--help"), bold("coldload"), bold("--version"));
  page += section("DESCRIPTION") +
          prose(
              "Launches an inference server, or its own loader, from each storage path; proves in "
              "every "
              "run that the weights came from storage and not from memory; and measures launch to "
              "ready. It writes a CSV, raw records and a report with a verdict.");
  page += section("COMMANDS");
  for (const CommandFacts& command : table) {
    page += fmt::format(".TP\n.BR coldload\\-{} (1)\n{}", roff(command.name),
                        roff_line(command.summary));
  }
  page += section("OPTIONS") + ".TP\n" + bold("--help") + "\n" + roff_line("List the commands.") +
          ".TP\n" + bold("--version") + "\n" +
          roff_line("Say what was built, and what is less on this machine and for this user.");
  page += exits_text() + section("SEE ALSO");
  for (const CommandFacts& command : table) {
    page += fmt::format(".BR coldload\\-{} (1){}\n", roff(command.name),
                        &command == &table.back() ? "" : ",");
  }
  return page;
}

}  // namespace

std::map<std::string, std::string> man_pages(const std::vector<CommandFacts>& table,
                                             const Edition& edition) {
  std::map<std::string, std::string> pages;
  pages["coldload.1"] = main_page(table, edition);
  for (const CommandFacts& command : table) {
    pages["coldload-" + command.name + ".1"] = command_page(command, edition);
  }
  return pages;
}

}  // namespace coldload::cli
