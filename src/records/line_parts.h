// A record's line in parts, without a look into them: lines of one experiment, and often those of
// others, say the same of it, and what was parsed once need not be parsed again.
//
// Layer: records. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coldload::records {

// JSON objects. Together they have the line's members, each with its value as it is written there.
struct LineParts {
  std::string trial;  // also what is to be told from line to line: the experiment's id and seed
  std::string arms;   // of the experiment, and so on
  std::string command;
  std::string environment;
  std::string rest;
};

// The same of an arm's object.
struct ArmTexts {
  std::string path;
  std::string storage;
  std::string floor;
  std::string rest;
};

// Both are false where it is not plain which members there are: it is to be read as a whole then. A
// value is not looked into: the parts are JSON if and only if the whole is.
[[nodiscard]] bool part_line(std::string_view line, LineParts* parts);
// `object`: LineParts::arms.
[[nodiscard]] bool part_arms(std::string_view object, std::vector<ArmTexts>* arms);

}  // namespace coldload::records
