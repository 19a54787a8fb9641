// libgomp and OpenBLAS read their environment variables while they are loaded, before main. To
// choose other values, the process starts itself again, once, as the same process (execv).
#pragma once
#include <string>
#include <vector>

namespace swin::cli {

/// Sets GOMP_SPINCOUNT and OPENBLAS_CORETYPE and starts this process again, if one of them is
/// needed:
///   - GOMP_SPINCOUNT, unless the user set it or OMP_WAIT_POLICY: how long a waiting thread spins;
///   - OPENBLAS_CORETYPE, unless the user set it: if OpenBLAS took a core of another instruction
///     set than the one in use. It does where a lower set is forced, and on processors that are
///     newer than it.
/// Returns where nothing is needed, in the process that was started again, and where starting again
/// is impossible: without /proc, if the program was started by naming ld.so, and if OpenMP binds
/// threads. Call it before there are threads, after the instruction set is chosen.
/// @param argv of main
void restart_if_needed(char** argv);

/// The names of the variables that this process set by starting again.
const std::vector<std::string>& variables_of_restart();

}  // namespace swin::cli
