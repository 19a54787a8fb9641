// Config files in a folder of their own, for tests of reading them.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/errors.h"
#include "trainers/config/config.h"

namespace swin::trainers {

class ConfigFiles {
 public:
  ConfigFiles() {
    std::string pattern = testing::TempDir() + "swin_config_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ConfigFiles(const ConfigFiles&) = delete;
  ConfigFiles& operator=(const ConfigFiles&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const std::string file = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  /// The one line a bad config is refused with, without the folder; "accepted" if it is not.
  std::string refusal(const std::string& file, const std::vector<std::string>& sets = {}) const {
    try {
      load_config(file, sets);
    } catch (const base::UsageError& error) {
      EXPECT_EQ(error.code(), base::ExitCode::usage);
      std::string text = error.what();
      for (size_t at; (at = text.find(folder_ + "/")) != std::string::npos;)
        text.erase(at, folder_.size() + 1);
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      return text;
    }
    return "accepted";
  }

 private:
  std::string folder_;
};

}  // namespace swin::trainers
