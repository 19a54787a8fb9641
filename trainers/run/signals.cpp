#include "trainers/run/signals.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace swin::trainers {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGUSR1};
std::atomic<int> noted{0};
static_assert(std::atomic<int>::is_always_lock_free, "a handler may only touch lock-free memory");
std::array<struct sigaction, kSignals.size()> previous;

extern "C" void swin_note_signal(int signal) {
  int none = 0;
  // A second signal: the user does not want to wait for the save, so exit without any cleanup.
  if (!noted.compare_exchange_strong(none, signal)) _exit(128 + signal);
}

}  // namespace

StopSignals::StopSignals() {
  noted = 0;
  struct sigaction action = {};
  action.sa_handler = swin_note_signal;
  action.sa_flags = SA_RESTART;  // restarts interrupted reads and writes
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &previous[i]);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &previous[i], nullptr);
}

int StopSignals::pending() { return noted; }

base::ExitCode StopSignals::exit_code(int signal) {
  if (signal == 0) return base::ExitCode::done;
  return signal == SIGINT ? base::ExitCode::interrupted : base::ExitCode::requeue;
}

}  // namespace swin::trainers
