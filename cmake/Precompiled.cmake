# Headers that take longer to parse than our own code takes to compile are parsed once. Not in src/ of
# a release build, where a file that is compiled alone shows that it includes what it needs.
#
#   coldload_precompile(TARGET PRIVATE HEADER...)  for TARGET
#   coldload_precompile(TARGET REUSE_FROM OTHER)   OTHER's, which has the same flags and definitions
function(coldload_precompile target)
  target_precompile_headers(${target} ${ARGN})
  # Or ccache would not keep what was compiled with them.
  target_compile_options(${target} PRIVATE -fpch-preprocess)
endfunction()
