execute_process(COMMAND git -C "${SOURCE_DIR}" describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(commit "unknown")
endif()
execute_process(COMMAND git -C "${SOURCE_DIR}" log -1 --format=%cs
  OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT "${OUTPUT}.new" CONTENT [[
#include "cli/version.h"
namespace coldload::cli {
const BuildInfo k_build_info{"@VERSION@", "@commit@", "@COMPILER@", "@BUILD_TYPE@", "@date@"};
}  // namespace coldload::cli
]] @ONLY)
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different "${OUTPUT}.new" "${OUTPUT}")
file(REMOVE "${OUTPUT}.new")
