#include "records/record.h"

#include <boost/describe/enum_to_string.hpp>
#include <fmt/format.h>

namespace coldload::records {

std::string_view to_string(Status status) { return boost::describe::enum_to_string(status, ""); }
std::string_view to_string(Cold cold) { return boost::describe::enum_to_string(cold, ""); }
std::string_view to_string(Caches caches) { return boost::describe::enum_to_string(caches, ""); }
std::string_view to_string(Layer layer) { return boost::describe::enum_to_string(layer, ""); }

std::string to_string(const SameStorage& pair) {
  if (pair.first.empty()) return pair.how;
  return fmt::format("{} and {} are {}", pair.first, pair.second, pair.how);
}

}  // namespace coldload::records
