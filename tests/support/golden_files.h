// Golden files and their cases.
#pragma once
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "files/safetensors.h"
#include "tests/support/places.h"
#include "tests/support/temporary_directory.h"
#include "trainers/config/config.h"

namespace swin::test {

inline const std::string kGoldens = source_dir() + "/tests/goldens/";

inline trainers::Config whole_config_of(const std::string& name) {
  return trainers::parse_config_without_data(trainers::load_config_json(kGoldens + name + ".json"));
}
inline layers::ModelConfig config_of(const std::string& name) {
  return whole_config_of(name).model;
}

/// All cases of a folder of tests/goldens: each golden that has a config next to it.
inline std::vector<std::string> cases_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kGoldens + folder))
    if (entry.path().extension() == ".json" &&
        std::filesystem::exists(
            std::filesystem::path(entry.path()).replace_extension("safetensors")))
      names.push_back(folder + entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// A name that GoogleTest accepts.
inline std::string test_name(const std::string& name) { return name.substr(name.rfind('/') + 1); }

/// A golden or weight file whose arrays a test changes.
struct Edit {
  files::SafetensorsFile file;
  std::vector<files::NamedArray> arrays;
  std::vector<std::vector<float>> memory;

  explicit Edit(const std::string& path) : file(path), arrays(file.arrays()) {}
  files::NamedArray& at(const std::string& name) {
    for (files::NamedArray& array : arrays)
      if (array.name == name) return array;
    throw std::runtime_error("no " + name);
  }
  std::vector<float>& numbers(const std::string& name) {
    files::NamedArray& array = at(name);
    memory.emplace_back(static_cast<size_t>(array.num_elements()));
    files::read_float32(array, "edit", memory.back());
    array.bytes = std::as_bytes(std::span<const float>(memory.back()));
    return memory.back();
  }
  void remove(const std::string& name) {
    std::erase_if(arrays, [&](const files::NamedArray& array) { return array.name == name; });
  }
};

}  // namespace swin::test
