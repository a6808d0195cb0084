#include "unit/source_folder.h"

namespace coldload {

const char* const k_source_folder = COLDLOAD_SOURCE_DIR;

}  // namespace coldload
