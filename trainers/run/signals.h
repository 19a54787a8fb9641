// Stopping a run by signals: the first is recorded, a second ends the process.
#pragma once
#include "base/errors.h"

namespace swin::trainers {

/// While an object of this class exists, SIGINT, SIGTERM and SIGUSR1 are recorded instead of ending
/// the process; a second one of any of them ends it at once, without saving, with exit code 128 +
/// its number. At most one object may exist at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The recorded signal, 0 if none.
  static int pending();
  /// interrupted for SIGINT, requeue for the others, done for 0.
  static base::ExitCode exit_code(int signal);
};

}  // namespace swin::trainers
