// What a path leads to, and what two are to each other.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace coldload::os {

// Absolute, every link resolved: by name, so that it stays as it is where the names lead elsewhere
// than the kernel goes (a link of /proc/PID/root leads into another process's files). Throws
// SystemError ("cannot <operation> PATH: ...").
[[nodiscard]] std::string real_path(const std::string& path,
                                    const std::string& operation = "look at");

// Whether `path` is `directory` or lies in it, by their texts alone: both real, or both as given.
[[nodiscard]] bool is_below(std::string_view path, std::string_view directory);

// The executable file that execvp(3) would run: by PATH for a name without a slash. Empty where
// there is none.
[[nodiscard]] std::string find_program(const std::string& name);

// Calls take(name) for what lies in `directory`, "." and ".." left out, until it answers false.
// False where the directory cannot be opened, or its list breaks off.
bool for_each_name(const std::string& directory, const std::function<bool(const char*)>& take);

}  // namespace coldload::os
