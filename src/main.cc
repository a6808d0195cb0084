#include "cli/run.h"

int main(int argc, char** argv) { return coldload::cli::run(argc, argv); }
