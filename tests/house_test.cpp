// The rules of the house (docs/architecture.md), read off the #include lines. CMake's links enforce
// the same directions; this says in words what was broken and where.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/places.h"

namespace {

namespace fs = std::filesystem;

struct Line {
  int number = 0;
  std::string text;
};

struct Source {
  std::string path;  // from the root of the project, with '/'
  std::vector<Line> lines;
};

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    std::vector<Source> result;
    const fs::path root = swin::test::source_dir();
    for (const char* room : {"base", "files", "autograd", "layers", "weights", "data", "tasks",
                             "verify", "trainers", "cli"})
      for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".cpp" && extension != ".h") continue;
        Source source{fs::relative(entry.path(), root).generic_string(), {}};
        std::ifstream file(entry.path());
        int number = 0;
        for (std::string text; std::getline(file, text);) source.lines.push_back({++number, text});
        result.push_back(std::move(source));
      }
    return result;
  }();
  return all;
}

// A room is a name of this table. A file is in the room with the longest name that its path starts
// with.
const std::map<std::string, std::set<std::string>>& may_include() {
  static const std::map<std::string, std::set<std::string>> table = {
      {"base", {}},
      {"files", {"base"}},
      {"autograd/kernels", {"base"}},
      {"autograd/tensor", {"base"}},
      {"autograd/tape", {"base", "autograd/tensor"}},
      {"autograd/ops", {"base", "autograd/tensor", "autograd/tape", "autograd/kernels"}},
      {"layers", {"base", "autograd/tensor", "autograd/tape", "autograd/ops"}},
      {"weights", {"base", "files", "layers", "autograd/tensor", "autograd/tape", "autograd/ops"}},
      {"data", {"base", "files"}},
      {"data/transforms/kernels", {"base"}},
      {"tasks",
       {"base", "data", "weights", "layers", "autograd/tensor", "autograd/tape", "autograd/ops"}},
      {"verify",
       {"base", "files", "data", "tasks", "weights", "layers", "autograd/tensor", "autograd/tape",
        "autograd/ops"}},
      {"trainers/config", {"base", "layers", "data", "tasks"}},
      {"trainers",
       {"base", "files", "data", "layers", "weights", "tasks", "verify", "autograd/tensor",
        "autograd/tape", "autograd/ops", "autograd/kernels"}},
      {"cli",
       {"base", "files", "data", "layers", "weights", "tasks", "verify", "trainers",
        "trainers/config", "autograd/kernels"}},
  };
  return table;
}

std::string room_of(const std::string& path) {
  std::string best;
  for (const auto& [room, unused] : may_include())
    if (path.rfind(room + "/", 0) == 0 && room.size() > best.size()) best = room;
  return best;
}

struct Include {
  std::string file;  // that includes
  int line;
  std::string name;  // what is included
};

std::vector<Include> includes() {
  static const std::regex pattern(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> result;
  for (const Source& source : sources())
    for (const Line& line : source.lines)
      if (std::smatch match; std::regex_search(line.text, match, pattern))
        result.push_back({source.path, line.number, match[1]});
  return result;
}

bool ends_with(const std::string& text, const std::string& end) { return text.ends_with(end); }

TEST(House, SourcesWereFound) { EXPECT_GT(sources().size(), 60u); }

TEST(House, EveryFileIsInARoom) {
  for (const Source& source : sources()) EXPECT_NE(room_of(source.path), "") << source.path;
}

TEST(House, IncludesFollowTheDirections) {
  for (const Include& include : includes()) {
    const std::string from = room_of(include.file), to = room_of(include.name);
    if (to.empty() || to == from) continue;
    // The plain struct that tells a kernel where to write a gradient; Gradient returns it.
    if (include.name == "autograd/kernels/gradient_target.h" && from == "autograd/tensor") continue;
    // A room may include what lies deeper in itself.
    if (to.rfind(from + "/", 0) == 0) continue;
    EXPECT_TRUE(may_include().at(from).contains(to))
        << include.file << ":" << include.line << " includes " << include.name << ": the room "
        << from << " may not use the room " << to << " (docs/architecture.md has the directions)";
  }
}

// Of some rooms only the plain structs may be known.
TEST(House, PlainStructsAreEnough) {
  struct Allowed {
    const char *from, *to;
    std::set<std::string> headers;
  };
  for (const auto& [from, to, headers] :
       {Allowed{"tasks",
                "data",
                {"data/annotation.h", "data/batch.h", "data/run_lengths.h",
                 "data/transforms/mixing.h"}},
        Allowed{"trainers/config", "data", {"data/formats/format_table.h"}},
        Allowed{"trainers/config", "layers", {"layers/model_config.h"}},
        Allowed{"trainers/config", "tasks", {"tasks/task_config.h", "tasks/task_table.h"}}}) {
    std::set<std::string> found;
    for (const Include& include : includes()) {
      if (room_of(include.file) != from || room_of(include.name) != to) continue;
      EXPECT_TRUE(headers.contains(include.name))
          << include.file << ":" << include.line << ": found " << include.name << ", expected of "
          << to << " only the plain structs that " << from << " may know";
      found.insert(include.name);
    }
    EXPECT_EQ(found, headers) << from << " no longer includes a header: remove it from the rule";
  }
}

TEST(House, DataKnowsNoTensor) {
  for (const char* room : {"data/", "files/"})
    for (const Source& source : sources()) {
      if (source.path.rfind(room, 0) != 0) continue;
      for (const Line& line : source.lines)
        EXPECT_EQ(line.text.find("autograd"), std::string::npos)
            << source.path << ":" << line.number << ": " << room
            << " is files and bytes, it knows no Tensor";
    }
}

TEST(House, OneIncluderPerPackage) {
  struct Package {
    const char* header;  // regular expression of the name in #include
    std::set<std::string> files;
  };
  const std::vector<Package> packages = {
      {"cblas\\.h", {"autograd/kernels/openblas.cpp"}},
      {"(oneapi/dnnl/)?dnnl.*", {"autograd/kernels/onednn.cpp"}},
      {"hdf5.*\\.h|H5.*\\.h", {"files/hdf5_file.cpp", "files/hdf5_reader_process/reader.cpp"}},
      {"(nlohmann/)?json\\.hpp", {"base/json_parse.cpp"}},
      {"CLI/.*", {"cli/arguments.cpp"}},
      {"turbojpeg\\.h", {"data/decode/jpeg.cpp"}},
      {"spng\\.h", {"data/decode/png.cpp"}},
      {"webp/.*", {"data/decode/webp.cpp"}},
      {"tiff(io|conf|vers)?\\.h", {"data/decode/tiff.cpp"}},
      {"libexif/.*", {"data/decode/exif.cpp"}},
      {"openssl/.*", {"files/digest.cpp"}},
      {"zlib\\.h", {"files/gzip.cpp"}},
      {"seccomp\\.h", {"files/hdf5_reader_process/sandbox.cpp"}},
      {"archive(_entry)?\\.h", {"files/archive_file.cpp"}},
      {"utf8proc\\.h", {"base/unicode.cpp"}},
      {"pugi(xml|config)\\.hpp", {"data/formats/voc_annotation.cpp"}},
      {"yaml-cpp/.*", {"data/formats/yolo_data_file.cpp"}},
      {"omp\\.h", {"base/parallel.cpp"}},
  };
  for (const Package& package : packages) {
    const std::regex name(package.header);
    std::set<std::string> users;
    for (const Include& include : includes()) {
      if (!std::regex_match(include.name, name)) continue;
      if (include.file == include.name) continue;
      // Our own files/hdf5_file.h and the like begin with a room.
      if (!room_of(include.name).empty()) continue;
      users.insert(include.file);
    }
    EXPECT_EQ(users, package.files)
        << "the package behind " << package.header << " has one includer";
  }
}

TEST(House, PackagesStayOutOfHeaders) {
  const std::regex package(
      "nlohmann/.*|cblas\\.h|.*dnnl.*|hdf5\\.h|CLI/.*|turbojpeg\\.h|spng\\.h|webp/.*|tiff.*\\.h|"
      "libexif/.*|openssl/.*|zlib\\.h|archive\\.h|utf8proc\\.h|omp\\.h|"
      "pugixml\\.hpp|yaml-cpp/.*");
  for (const Include& include : includes()) {
    if (!ends_with(include.file, ".h")) continue;
    EXPECT_FALSE(std::regex_match(include.name, package) && room_of(include.name).empty())
        << include.file << ":" << include.line << " includes " << include.name << " in a header";
  }
}

TEST(House, OnlyParallelOpensOpenMpRegions) {
  for (const Source& source : sources()) {
    if (source.path == "base/parallel.cpp") continue;
    for (const Line& line : source.lines)
      EXPECT_EQ(line.text.find("#pragma omp"), std::string::npos)
          << source.path << ":" << line.number << ": call base::parallel_for instead";
  }
}

TEST(House, NoFastMath) {
  const fs::path root = swin::test::source_dir();
  std::vector<fs::path> files = {root / "CMakeLists.txt", root / "CMakePresets.json"};
  for (const auto& entry : fs::directory_iterator(root / "cmake")) files.push_back(entry.path());
  for (const fs::path& path : files) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.find('#') == 0) continue;
      EXPECT_EQ(line.find("-ffast-math"), std::string::npos) << path;
      EXPECT_EQ(line.find("-funsafe-math"), std::string::npos) << path;
    }
  }
}

TEST(House, RulesBiteOnABrokenInclude) {  // the rules themselves can fail
  EXPECT_EQ(room_of("autograd/ops/arithmetic.cpp"), "autograd/ops");
  EXPECT_EQ(room_of("data/transforms/kernels/resize.h"), "data/transforms/kernels");
  EXPECT_FALSE(may_include().at("autograd/kernels").contains("autograd/tensor"));
  EXPECT_FALSE(may_include().at("base").contains("files"));
  EXPECT_FALSE(may_include().at("data").contains("layers"));
  EXPECT_FALSE(may_include().at("layers").contains("weights"));
  EXPECT_FALSE(may_include().at("layers").contains("autograd/kernels"));
  EXPECT_FALSE(may_include().at("verify").contains("trainers"));
  EXPECT_FALSE(may_include().at("trainers/config").contains("trainers"));
  EXPECT_FALSE(may_include().at("trainers").contains("cli"));
  EXPECT_FALSE(may_include().at("cli").contains("autograd/ops"));
}

}  // namespace
