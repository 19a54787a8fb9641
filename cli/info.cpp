// swin info: this machine and this build.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "autograd/kernels/gemm.h"
#include "base/cpu.h"
#include "base/isa.h"
#include "base/limits.h"
#include "base/parallel.h"
#include "cli/console.h"
#include "cli/restart.h"
#include "cli/startup.h"
#include "cli/verbs.h"

namespace swin::cli {
namespace {

// Who chose the number of threads.
std::string threads_choice(const InfoArguments& arguments) {
  if (arguments.threads) return "--threads";
  if (base::threads_of_environment()) return "OMP_NUM_THREADS";
  return base::limits().threads() < base::limits().cores ? "quota" : "cores";
}

std::string cores_text(double cores) {
  std::string text = fixed(cores, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + (text == "1" ? " core" : " cores");
}

std::string threads_text(const std::string& choice) {
  const base::Limits& limits = base::limits();
  const std::string threads = std::to_string(base::num_threads());
  if (choice == "cores") return threads + " of " + cores_text(limits.cores);
  if (choice == "quota") return threads + ": quota of " + cores_text(*limits.quota_cores);
  return threads + ": " + choice;
}

// Where the memory of this process is limited.
std::string memory_choice(const base::Limits& limits) {
  const std::optional<int64_t> least = limits.memory_bytes();
  if (least && least == limits.group_bytes) return "control group";
  if (least && least == limits.address_space_bytes) return "ulimit -v";
  return "";
}

std::string memory_text(const base::Limits& limits, std::optional<int64_t> available) {
  std::string text = limits.machine_bytes ? bytes_text(*limits.machine_bytes) : "unknown";
  const std::string choice = memory_choice(limits);
  if (!choice.empty())
    text += ", limited to " + bytes_text(*limits.memory_bytes()) + " (" + choice + ")";
  return text + (available ? ", " + bytes_text(*available) + " available" : "");
}

template <class Number>
base::Json number_or_null(const std::optional<Number>& number) {
  return number ? base::Json(*number) : base::Json();
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
  return std::string(base::isa_name(base::isa())) + " (" + choice + ")" + ", the processor has " +
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
  const base::Limits& limits = base::limits();
  const std::optional<int64_t> available = base::available_memory_bytes();
  const std::string threads = threads_choice(arguments);
  if (arguments.json) {
    base::Json result = base::Json::object();
    result["version"] = SWIN_VERSION;
    base::Json& cpu = result["cpu"] = base::Json::object();
    cpu["model"] = base::cpu().model;
    cpu["cores"] = limits.cores;
    cpu["quota_cores"] = number_or_null(limits.quota_cores);
    cpu["features"] = base::cpu_features();
    result["threads"] = base::num_threads();
    result["threads_chosen_by"] = threads;
    result["memory_bytes"] = number_or_null(limits.machine_bytes);
    result["memory_limit_bytes"] =
        memory_choice(limits).empty() ? base::Json() : base::Json(*limits.memory_bytes());
    result["memory_limited_by"] =
        memory_choice(limits).empty() ? base::Json() : base::Json(memory_choice(limits));
    result["available_memory_bytes"] = number_or_null(available);
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
    build["real"] = sizeof(real) == 4 ? "float" : "double";
    print_json(result);
    return base::ExitCode::done;
  }
  std::string text = "swin " SWIN_VERSION "\n";
  const auto line = [&](const std::string& name, const std::string& value) {
    text += one_line("  " + name + std::string(12 - name.size(), ' ') + value) + "\n";
  };
  line("processor", base::cpu().model);
  line("features", base::cpu_features());
  line("cores", std::to_string(limits.cores) + " this process may use" +
                    (limits.quota_cores ? ", a quota of " + cores_text(*limits.quota_cores) : ""));
  line("threads", threads_text(threads));
  line("memory", memory_text(limits, available));
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
