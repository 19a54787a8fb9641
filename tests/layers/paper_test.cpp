// docs/paper.md leads from the papers to functions that exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Paper, NamesFilesAndFunctionsThatExist) {
  const std::filesystem::path root = SWIN_SOURCE_DIR;
  const std::string paper = text_of(root / "docs/paper.md");
  // `layers/block.cpp:Block::Block`, or a file alone.
  const std::regex reference("`([a-z_0-9]+(?:/[a-z_0-9]+)+\\.[a-z]+)(?::([A-Za-z_:0-9()]+))?`");
  int files = 0, functions = 0;
  for (std::sregex_iterator it(paper.begin(), paper.end(), reference), end; it != end; ++it) {
    const std::string file = (*it)[1], name = (*it)[2];
    const std::string text = text_of(root / file);
    EXPECT_NE(text, "") << "docs/paper.md names " << file << ", which does not exist";
    ++files;
    if (name.empty()) continue;
    ++functions;
    EXPECT_NE(text.find(name), std::string::npos)
        << "docs/paper.md names " << name << " in " << file << ", which is not there";
  }
  EXPECT_GE(files, 60);
  EXPECT_GE(functions, 45);
}

}  // namespace
