// What the first screen must not leave unsaid and need not say at once: a mark where it counts, its
// text below.
//
// Layer: report. Measures nothing.
#pragma once

#include <string>
#include <vector>

namespace coldload::report {

class Notes {
 public:
  // The mark that leads to `text`, Markdown for one paragraph: a raised number. The same text has
  // the same number; an empty one has no mark.
  [[nodiscard]] std::string mark(const std::string& text);
  // Those of several, apart.
  [[nodiscard]] std::string marks(const std::vector<std::string>& texts);

  // All that has a mark, numbered, with a heading; empty without any.
  [[nodiscard]] std::string section() const;

 private:
  std::vector<std::string> texts_;
};

}  // namespace coldload::report
