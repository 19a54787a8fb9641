// Weight files with the names of tests/weights/dialect_keys, for the tests of swin convert.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "files/safetensors.h"
#include "files/weight_file.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {

/// The arrays of a list in tests/weights/dialect_keys, without integers.
inline void write_listed(const std::string& list, const std::string& file) {
  std::ifstream lines(source_dir() + "/tests/weights/dialect_keys/" + list);
  ASSERT_TRUE(lines);
  std::vector<std::vector<float>> values;
  std::vector<std::pair<std::string, std::vector<int64_t>>> rows;
  for (std::string name, dims; lines >> name >> dims;) {
    if (dims == "scalar" || name.ends_with("relative_position_index")) continue;
    std::vector<int64_t> shape;
    std::istringstream items(dims);
    for (std::string dim; std::getline(items, dim, ',');) shape.push_back(std::stoll(dim));
    std::vector<float>& kept =
        values.emplace_back(static_cast<size_t>(*files::num_elements_of(shape)));
    for (size_t i = 0; i < kept.size(); ++i)
      kept[i] = static_cast<float>(256 * values.size() + i) / 65536;
    rows.emplace_back(name, shape);
  }
  std::vector<files::NamedArray> arrays;
  for (size_t i = 0; i < rows.size(); ++i)
    arrays.push_back(
        files::NamedArray::of(rows[i].first, rows[i].second, std::span<const float>(values[i])));
  files::write_safetensors(file, arrays, {});
}

inline std::map<std::string, std::string> weights_of(const std::string& file) {
  std::map<std::string, std::string> weights;
  for (const files::NamedArray& array : files::read_raw_weights(file).arrays)
    if (array.dtype == files::DType::f32)
      weights[array.name] =
          files::to_text(array.shape) +
          std::string(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  return weights;
}

inline base::Json converted(const Words& arguments) {
  Words words = {"convert"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back("--json");
  const Finished result = swin(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return base::parse_json(result.out, "convert");
}

}  // namespace swin::test
