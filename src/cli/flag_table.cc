#include "cli/flag_table.h"

#include <algorithm>

#include "cli/command.h"

namespace coldload::cli {

namespace {

// "TEXT:{bash,zsh}" is a type and its validators' words.
std::string value_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return "";
  if (!option.get_option_text().empty()) return option.get_option_text();
  const std::string type = option.get_type_name();
  return type.substr(0, type.find_first_of(":{ "));
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

FlagFacts facts_of(const CLI::Option& option) {
  FlagFacts facts;
  if (option.get_positional()) {
    facts.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  }
  facts.value = value_of(option);
  facts.choices = choices_of(option);
  facts.description = option.get_description();
  facts.default_value = option.get_default_str();
  facts.variable = option.get_envname();
  facts.required = option.get_required();
  facts.repeats = option.get_expected_max() > 1;
  return facts;
}

// `group`: of an option group, which its options stand in; empty: each has its own.
void add_options(const CLI::App& app, const std::string& group, CommandFacts* facts) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    if (!group.empty() && option == app.get_help_ptr()) continue;
    if (option->get_positional()) {
      facts->words.push_back(facts_of(*option));
      continue;
    }
    const std::string& name = group.empty() ? option->get_group() : group;
    auto place = std::find_if(facts->groups.begin(), facts->groups.end(),
                              [&name](const FlagGroup& known) { return known.name == name; });
    if (place == facts->groups.end()) place = facts->groups.insert(place, {name, {}});
    place->flags.push_back(facts_of(*option));
  }
}

CommandFacts facts_of(const CLI::App& app, const std::string& name, const std::string& summary) {
  CommandFacts facts;
  facts.name = name;
  facts.summary = summary;
  facts.description = app.get_description();
  facts.footer = app.get_footer();
  add_options(app, "", &facts);
  for (const CLI::App* part : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (part->get_name().empty()) {  // an option group
      add_options(*part, part->get_group(), &facts);
    } else {
      facts.commands.push_back(facts_of(*part, part->get_name(), part->get_description()));
    }
  }
  return facts;
}

}  // namespace

std::vector<FlagFacts> CommandFacts::flags() const {
  std::vector<FlagFacts> all;
  for (const FlagGroup& group : groups) {
    all.insert(all.end(), group.flags.begin(), group.flags.end());
  }
  return all;
}

std::vector<CommandFacts> flag_table() {
  std::vector<CommandFacts> table;
  for (const Command& command : commands()) {
    if (*command.summary == '\0') continue;
    show_parser(command, [&](const CLI::App& app) {
      table.push_back(facts_of(app, command.name, command.summary));
    });
  }
  return table;
}

}  // namespace coldload::cli
