# Headers that take longer to parse than our own code takes to compile are parsed once. Not in src/,
# where what a file includes is all that it sees.
#
#   coldload_precompile(TARGET PRIVATE HEADER...)  for TARGET
#   coldload_precompile(TARGET REUSE_FROM OTHER)   OTHER's, which has the same flags and definitions
function(coldload_precompile target)
  target_precompile_headers(${target} ${ARGN})
  # Or ccache would not keep what was compiled with them.
  target_compile_options(${target} PRIVATE -fpch-preprocess)
endfunction()
