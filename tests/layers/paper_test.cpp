// docs/paper.md and the walks of docs/architecture.md lead to functions that exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "tests/support/places.h"

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Named {
  int files = 0, functions = 0;
};

Named check(const std::string& document) {
  const std::filesystem::path root = swin::test::source_dir();
  const std::string names = text_of(root / document);
  // `layers/block.cpp:Block::Block`, or a file alone.
  const std::regex reference("`([a-z_0-9]+(?:/[a-z_0-9]+)+\\.[a-z]+)(?::([A-Za-z_:0-9()]+))?`");
  Named named;
  for (std::sregex_iterator it(names.begin(), names.end(), reference), end; it != end; ++it) {
    const std::string file = (*it)[1], name = (*it)[2];
    const std::string text = text_of(root / file);
    EXPECT_NE(text, "") << document << " names " << file << ", which does not exist";
    ++named.files;
    if (name.empty()) continue;
    ++named.functions;
    EXPECT_NE(text.find(name), std::string::npos)
        << document << " names " << name << " in " << file << ", which is not there";
  }
  return named;
}

TEST(Paper, NamesFilesAndFunctionsThatExist) {
  const Named named = check("docs/paper.md");
  EXPECT_GE(named.files, 60);
  EXPECT_GE(named.functions, 45);
}

TEST(Paper, WalksOfTheArchitectureNameFilesAndFunctionsThatExist) {
  const Named named = check("docs/architecture.md");
  EXPECT_GE(named.files, 55);
  EXPECT_GE(named.functions, 35);
}

}  // namespace
