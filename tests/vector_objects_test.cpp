// What the objects of each instruction set define, as nm lists it: functions of that set's
// namespace, and nothing that the linker might give to code for other processors instead of their
// own (base/isa.h, cmake/SwinRooms.cmake).
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

const std::vector<std::string> kIsas = {"baseline", "avx2", "avx512"};

/// As a namespace stands in a mangled name.
std::string mark_of(const std::string& isa) { return std::to_string(isa.size()) + isa; }
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What is wrong with the symbols of an object, as the lines "address type name" of nm; empty if
/// nothing is. Of a baseline's object, Kernel objects are allowed: data outside the namespace with
/// the name of a function in it.
std::vector<std::string> faults_of(const std::string& isa, const std::string& nm_lines) {
  std::vector<std::string> faults;
  std::vector<std::pair<char, std::string>> defined;
  std::string names;
  std::istringstream lines(nm_lines);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string address, name;
    char type = 0;
    words >> address >> type >> name;
    if (address.size() < 2) continue;              // undefined: the type stands first
    if (name.starts_with("__odr_asan")) continue;  // of the address sanitizer, data
    defined.emplace_back(type, name);
    names += name + "\n";
  }
  for (const auto& [type, name] : defined) {
    const auto fault = [&, &type = type, &name = name](const std::string& expected) {
      faults.push_back(std::string(1, type) + " " + name + ": expected " + expected);
    };
    // A pointer to a function of the C++ runtime, in every object alike.
    if (name == "DW.ref.__gxx_personality_v0") continue;
    if (has("WwVvui", std::string(1, type))) {
      fault("nothing weak: of equal ones the linker keeps any");
      continue;
    }
    // Local; or common, which is data: the empty function objects of std::ranges.
    if (has("tdrbnC", std::string(1, type))) continue;
    bool other = false;
    for (const std::string& name_of_other : kIsas)
      other = other || (name_of_other != isa && has(name, mark_of(name_of_other)));
    if (has(name, mark_of(isa)) && !other) continue;
    if (isa == "baseline" && has("DRB", std::string(1, type)) && name.ends_with("E")) {
      // _ZN4swin4data7kernels7look_upE beside _ZN4swin4data7kernels8baseline7look_upE….
      bool kernel = false;
      for (size_t at = 3; at < name.size() && !kernel; ++at) {
        std::string version = name;
        version.insert(at, mark_of(isa));
        kernel = has(names, version);
      }
      if (kernel) continue;
    }
    fault("the namespace " + isa);
  }
  return faults;
}

std::string nm(const std::string& object) {
  const std::string command = std::string(SWIN_NM) + " '" + object + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::string text;
  char buffer[4096];
  while (pipe && fgets(buffer, sizeof buffer, pipe.get())) text += buffer;
  return text;
}

TEST(VectorObjects, DefineOnlyWhatIsOfTheirSet) {
  std::ifstream list(SWIN_VECTOR_OBJECTS);
  std::map<std::string, std::set<std::string>> sources;  // of each set
  for (std::string isa, object; list >> isa && std::getline(list >> std::ws, object);) {
    SCOPED_TRACE(object);
    sources[isa].insert(object.substr(object.find("_" + isa + ".dir/") + isa.size() + 6));
    const std::string lines = nm(object);
    EXPECT_TRUE(has(lines, mark_of(isa))) << "defines nothing in the namespace " << isa;
    for (const std::string& fault : faults_of(isa, lines)) ADD_FAILURE() << fault;
  }
#ifdef __x86_64__
  ASSERT_EQ(sources.size(), kIsas.size());
#else
  ASSERT_EQ(sources.size(), 1u);
#endif
  EXPECT_GE(sources["baseline"].size(), 16u);
  for (const auto& [isa, files] : sources) EXPECT_EQ(files, sources["baseline"]) << isa;
}

TEST(VectorObjects, TheRulesCanFail) {
  const auto faults = [](const std::string& isa, const std::string& lines) {
    return faults_of(isa, lines).size();
  };
  const std::string version = "00 T _ZN4swin4data7kernels4avx27look_upEPh\n";
  EXPECT_EQ(faults("avx2", version + "00 t _ZNSt6vectorIhE\n   U _ZNSt6vectorIiE\n"), 0u);
  EXPECT_EQ(faults("avx512", version), 1u);
  EXPECT_EQ(faults("baseline", version), 1u);
  EXPECT_EQ(faults("avx2", version + "00 W _ZNSt6vectorIhE\n"), 1u);
  EXPECT_EQ(faults("avx2", version + "00 T _ZN4swin4base3expEv\n"), 1u);
  EXPECT_EQ(faults("avx2", version + "00 D _ZN4swin4data7kernels7look_upE\n"), 1u);
  const std::string baseline = "00 T _ZN4swin4data7kernels8baseline7look_upEPh\n";
  EXPECT_EQ(faults("baseline", baseline + "00 D _ZN4swin4data7kernels7look_upE\n"), 0u);
  EXPECT_EQ(faults("baseline", baseline + "00 D _ZN4swin4data7kernels5blendE\n"), 1u);
}

}  // namespace
