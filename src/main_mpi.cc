#include "herd/program.h"

int main(int argc, char** argv) { return coldload::herd::run_command_line(argc, argv); }
