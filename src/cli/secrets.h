// The credentials that this run knows of: those on its command line and in its environment.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <vector>

#include "text/redact.h"

namespace coldload::cli {

// Of `args`, the server's command line among them, and of our environment, which a server inherits.
[[nodiscard]] text::Redactor secrets_of(const std::vector<std::string>& args);

}  // namespace coldload::cli
