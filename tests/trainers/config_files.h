// Configs for tests: a temporary folder of files, and a text in memory.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "tests/support/temporary_directory.h"
#include "trainers/config/config.h"

namespace swin::trainers {

class ConfigFiles : public swin::test::TemporaryDirectory {
 public:
  /// The one-line error of a bad config, without the folder; "accepted" if there is none.
  std::string refusal(const std::string& file, const std::vector<std::string>& sets = {}) const {
    const std::string folder = path().string() + "/";
    try {
      load_config(file, sets);
    } catch (const base::UsageError& error) {
      EXPECT_EQ(error.code(), base::ExitCode::usage);
      std::string text = error.what();
      for (size_t at; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      return text;
    }
    return "accepted";
  }
};

inline constexpr char kSynthetic[] = R"({"data": {"train": {"format": "synthetic"}}})";
/// A config that is no file.
inline Config memory_config(const std::string& text, const std::vector<std::string>& sets = {}) {
  base::Json json = base::parse_json(text, "memory");
  apply_sets(json, sets);
  return parse_config(json);
}

}  // namespace swin::trainers
