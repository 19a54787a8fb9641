// Errors that a user can act on. Each is one line,
// `where: what was found, expected what; what to do`, and carries an exit code of the command line.
#pragma once
#include <stdexcept>
#include <string>

namespace swin::base {

enum class ExitCode : int {
  done = 0,
  internal = 1,
  usage = 2,       ///< bad command line or config
  data = 3,        ///< bad data, also a missing or undecodable image
  checkpoint = 4,  ///< bad or missing checkpoint or weight file
  disk = 5,        ///< full, read-only, unwritable
  memory = 6,
  diverged = 7,      ///< a loss or gradient is not finite
  check_failed = 8,  ///< `verify` did not pass
  requeue = 85,      ///< stopped by SIGTERM or SIGUSR1 after saving
  watchdog = 86,
  interrupted = 130,  ///< stopped by SIGINT after saving
};

/// The base of every error that is shown to the user as one line.
class Error : public std::runtime_error {
 public:
  /// @param where   file, file:line or config field that the error is about
  /// @param found   what was found and what was expected ("found 3 bytes, expected 16")
  /// @param remedy  what the user can do; may be empty
  Error(ExitCode code, const std::string& where, const std::string& found,
        const std::string& remedy = "")
      : std::runtime_error(where + ": " + found + (remedy.empty() ? "" : "; " + remedy)),
        code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <ExitCode kCode>
struct ErrorOf : Error {
  ErrorOf(const std::string& where, const std::string& found, const std::string& remedy = "")
      : Error(kCode, where, found, remedy) {}
};

using UsageError = ErrorOf<ExitCode::usage>;        ///< bad command line or config
using DataError = ErrorOf<ExitCode::data>;          ///< bad data set or image
using WeightError = ErrorOf<ExitCode::checkpoint>;  ///< bad checkpoint or weight file
using DiskError = ErrorOf<ExitCode::disk>;          ///< cannot write
using MemoryError = ErrorOf<ExitCode::memory>;
using DivergedError = ErrorOf<ExitCode::diverged>;
using CheckFailed = ErrorOf<ExitCode::check_failed>;
using InternalError = ErrorOf<ExitCode::internal>;
/// Shapes that do not fit an op. If it reaches the user, the config asked for an impossible model.
struct ShapeError : Error {
  ShapeError(const std::string& where, const std::string& found, const std::string& remedy = "")
      : Error(ExitCode::usage, where, found, remedy) {}
};

}  // namespace swin::base
