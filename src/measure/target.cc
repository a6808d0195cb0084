#include "measure/target.h"

#include <fmt/format.h>

#include "text/secret_words.h"

namespace coldload::measure {

std::vector<std::string> describe_survivors(const std::vector<process::Survivor>& survivors) {
  std::vector<std::string> described;
  described.reserve(survivors.size());
  for (const process::Survivor& survivor : survivors) {
    described.push_back(fmt::format("process {} ({}) could not be ended (kill -9 {})", survivor.pid,
                                    text::redact_command_line(survivor.command_line),
                                    survivor.pid));
  }
  return described;
}

}  // namespace coldload::measure
