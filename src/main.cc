#include "cli/dispatch.h"

int main(int argc, char** argv) { return coldload::cli::run_command_line(argc, argv); }
