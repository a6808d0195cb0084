// Where this repository lies. Known to one file alone: all others compile to the same in any clone.
#pragma once

namespace coldload {

extern const char* const k_source_folder;

}  // namespace coldload
