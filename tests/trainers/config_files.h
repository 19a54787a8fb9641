// A temporary folder of config files, for tests that read them.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/errors.h"
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

}  // namespace swin::trainers
