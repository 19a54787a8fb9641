// The command swin. Every failure becomes one line on stderr and the exit code of its kind.
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <variant>

#include "base/cpu.h"
#include "cli/console.h"
#include "cli/restart.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace {

using swin::base::ExitCode;

int fail(ExitCode code, const std::string& message) {
  swin::cli::note(swin::cli::error_line(code, message));
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    swin::cli::prepare_process();
    swin::base::require_supported_cpu();
    const swin::cli::Arguments arguments = swin::cli::parse_arguments(argc, argv);
    return static_cast<int>(std::visit(
        [argv](const auto& verb) {
          if constexpr (std::is_base_of_v<swin::cli::CommonArguments,
                                          std::decay_t<decltype(verb)>>) {
            swin::cli::choose_isa(verb);
            swin::cli::restart_if_needed(argv);
          }
          return swin::cli::run(verb);
        },
        arguments));
  } catch (const swin::base::Error& error) {
    return fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::memory,
                "memory: found none left, expected enough for this step; use a smaller "
                "trainer.micro_batch_size (swin plan shows what a config needs)");
  } catch (const std::exception& error) {
    return fail(ExitCode::internal,
                std::string("internal: found ") + error.what() +
                    ", expected no internal error; please report it with the command line");
  }
}
