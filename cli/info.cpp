// swin info: this machine and this build.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "autograd/kernels/gemm.h"
#include "base/cpu.h"
#include "base/isa.h"
#include "base/parallel.h"
#include "cli/console.h"
#include "cli/restart.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {
namespace {

// MemAvailable of the kernel, in bytes; 0 if it is not reported.
int64_t available_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name; file.ignore(256, '\n')) {
    int64_t kilobytes = 0;
    if (name == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

std::string library_text(const autograd::kernels::GemmLibrary& library) {
  const bool named = library.version.rfind(library.name, 0) == 0;
  return (named ? "" : library.name + " ") + library.version + ", core " + library.core +
         (library.correct ? "" : "  (a test product was WRONG: not used)");
}

base::Json library_json(const autograd::kernels::GemmLibrary& library) {
  base::Json json = base::Json::object();
  json["name"] = library.name;
  json["version"] = library.version;
  json["core"] = library.core;
  json["correct"] = library.correct;
  return json;
}

// What holds the kernels to a lower set than the best one; empty: nothing.
std::string isa_choice(const InfoArguments& arguments) {
  if (base::isa() == base::best_isa()) return "";
  return arguments.isa ? "--isa" : "SWIN_ISA";
}

std::string isa_text(const std::string& choice) {
  if (choice.empty()) return base::isa_name(base::isa());
  return std::string(base::isa_name(base::isa())) + " by " + choice + ", the processor has " +
         base::isa_name(base::best_isa());
}

// A variable that libgomp or OpenBLAS read while they were loaded.
std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

// How threads wait.
std::string waiting_text() {
  const auto spins = variable("GOMP_SPINCOUNT"), policy = variable("OMP_WAIT_POLICY");
  const auto& set = variables_of_restart();
  std::string text;
  if (policy) text = "OMP_WAIT_POLICY=" + *policy;
  if (spins)
    text +=
        (policy ? ", " : "") + std::string("GOMP_SPINCOUNT=") + *spins +
        (std::find(set.begin(), set.end(), "GOMP_SPINCOUNT") != set.end() ? ", set by swin" : "");
  return text.empty() ? "as libgomp chooses" : text;
}

}  // namespace

base::ExitCode run(const InfoArguments& arguments) {
  set_threads(arguments, std::nullopt);
  const auto& openblas = autograd::kernels::openblas_library();
  const auto& onednn = autograd::kernels::onednn_library();
  const int64_t memory_bytes =
      static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  if (arguments.json) {
    base::Json result = base::Json::object();
    result["version"] = SWIN_VERSION;
    base::Json& cpu = result["cpu"] = base::Json::object();
    cpu["model"] = base::cpu().model;
    cpu["cores"] = base::cpu().cores;
    cpu["features"] = base::cpu_features();
    result["threads"] = base::num_threads();
    result["memory_bytes"] = memory_bytes;
    result["available_memory_bytes"] = available_memory_bytes();
    const std::string choice = isa_choice(arguments);
    base::Json& isa = result["isa"] = base::Json::object();
    isa["in_use"] = base::isa_name(base::isa());
    isa["best"] = base::isa_name(base::best_isa());
    isa["chosen_by"] = choice.empty() ? base::Json() : base::Json(choice);
    base::Json& waiting = result["waiting"] = base::Json::object();
    for (const auto& [key, name] :
         {std::pair{"spin_count", "GOMP_SPINCOUNT"}, std::pair{"wait_policy", "OMP_WAIT_POLICY"}}) {
      const std::optional<std::string> value = variable(name);
      waiting[key] = value ? base::Json(*value) : base::Json();
    }
    base::Json& restart = result["set_by_restart"] = base::Json::array();
    for (const std::string& name : variables_of_restart()) restart.push_back(name);
    base::Json& libraries = result["libraries"] = base::Json::array();
    libraries.push_back(library_json(openblas));
    libraries.push_back(library_json(onednn));
    base::Json& build = result["build"] = base::Json::object();
    build["type"] = SWIN_BUILD_TYPE;
    build["compiler"] = SWIN_COMPILER;
    build["flags"] = SWIN_BUILD_FLAGS;
    build["sanitize"] = SWIN_BUILD_SANITIZE;
    build["kernel_level"] = base::isa_name(base::isa());
    build["real"] = sizeof(real) == 4 ? "float" : "double";
    print_json(result);
    return base::ExitCode::done;
  }
  std::string text = "swin " SWIN_VERSION "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += "  " + name + std::string(12 - name.size(), ' ') + value + "\n";
  };
  line("processor", base::cpu().model);
  line("features", base::cpu_features());
  line("cores", std::to_string(base::cpu().cores) + " this process may use");
  line("threads", std::to_string(base::num_threads()));
  line("memory",
       bytes_text(memory_bytes) + ", " + bytes_text(available_memory_bytes()) + " available");
  line("products", library_text(openblas));
  line("", library_text(onednn));
  line("waiting", waiting_text());
  line("kernels", isa_text(isa_choice(arguments)) + (sizeof(real) == 4 ? ", float" : ", double"));
  line("build", std::string(SWIN_BUILD_TYPE) + ", " + SWIN_COMPILER + ", " + SWIN_BUILD_FLAGS +
                    (*SWIN_BUILD_SANITIZE ? ", sanitized: " SWIN_BUILD_SANITIZE : ""));
  print(text);
  return base::ExitCode::done;
}

base::ExitCode run(const HelpArguments& arguments) {
  print(arguments.text);
  return base::ExitCode::done;
}

}  // namespace swin::cli
