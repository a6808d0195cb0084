#include "storage/path_answers.h"

#include "os/child_answer.h"
#include "os/fd.h"

namespace coldload::storage {

bool require_answers(const std::vector<std::string>& paths) {
  const auto open_all = [&](const os::Tell&) -> std::string {
    for (const std::string& path : paths) (void)os::open_regular(path);
    return "";
  };
  return os::answer_of_telling_child(open_all).has_value();
}

}  // namespace coldload::storage
