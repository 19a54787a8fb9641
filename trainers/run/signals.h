// Stopping a run from outside: the first signal is noted, a second ends the process.
#pragma once
#include "base/errors.h"

namespace swin::trainers {

/// While one lives, SIGINT, SIGTERM and SIGUSR1 are noted instead of ending the process; a second
/// one of any of them ends it at once, unsaved, with 128 + its number. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that was noted, 0 if none.
  static int pending();
  /// interrupted for SIGINT, requeue for the others, done for 0.
  static base::ExitCode exit_code(int signal);
};

}  // namespace swin::trainers
