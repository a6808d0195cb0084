#include "herd/placeholders.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace coldload::herd {

namespace {

// What stands in its place is not looked at again.
void fill(const Placeholders& values, std::string* text) {
  const std::array<std::pair<std::string_view, std::string>, 3> named{
      {{"{rank}", fmt::format("{}", values.rank)},
       {"{local_rank}", fmt::format("{}", values.local_rank)},
       {"{host}", values.host}}};
  for (std::size_t at = text->find('{'); at != std::string::npos; at = text->find('{', at)) {
    const auto found = std::find_if(named.begin(), named.end(), [&](const auto& one) {
      return std::string_view(*text).substr(at).starts_with(one.first);
    });
    // A shell's variable, a template's braces.
    const bool is_anothers = at > 0 && ((*text)[at - 1] == '$' || (*text)[at - 1] == '{');
    if (found == named.end() || is_anothers) {
      ++at;
      continue;
    }
    text->replace(at, found->first.size(), found->second);
    at += found->second.size();
  }
}

void fill(const Placeholders& values, server::Environment* variables) {
  for (auto& [name, value] : *variables) fill(values, &value);
}

}  // namespace

void fill(const Placeholders& values, std::vector<std::string>* texts) {
  for (std::string& text : *texts) fill(values, &text);
}

int local_rank_of(int rank, const std::vector<std::string>& machines) {
  const auto own = machines.begin() + rank;
  return static_cast<int>(std::count(machines.begin(), own, *own));
}

void fill(const Placeholders& values, cli::ExperimentRequest* request) {
  fill(values, &request->plan.arms.front().path);
  if (request->plan.stage) fill(values, &request->plan.stage->destination);
  for (measure::ServerOptions& server : request->servers) {
    fill(values, &server.environment);
    fill(values, &server.command.argv);
    fill(values, &server.command.settings);
    fill(values, &server.command.invocation.arguments);
    fill(values, &server.command.invocation.variables);
    fill(values, &server.ready.url);
  }
}

}  // namespace coldload::herd
