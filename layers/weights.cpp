#include "layers/weights.h"

#include <algorithm>
#include <unordered_map>

#include "base/errors.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"

namespace swin::layers {

namespace {

constexpr std::string_view kModelGroup = "model/";
const char* const kRemedy = "load it with the config it was trained with";

std::vector<int64_t> sides(const Shape& shape) {
  std::vector<int64_t> sides;
  for (int i = 0; i < shape.rank(); ++i) sides.push_back(shape[i]);
  return sides;
}

// A wrong config brings hundreds of complaints; the first few say it all.
class Complaints {
 public:
  void add(const std::string& text) {
    if (++count_ <= kShown) text_ += (count_ > 1 ? ", " : "") + text;
  }
  void raise(const std::string& where) const {
    if (count_ == 0) return;
    const std::string more =
        count_ > kShown ? " and " + std::to_string(count_ - kShown) + " more" : "";
    throw base::WeightError(where, text_ + more, kRemedy);
  }

 private:
  static constexpr int64_t kShown = 3;
  int64_t count_ = 0;
  std::string text_;
};

bool is_float(files::DType dtype) {
  return dtype == files::DType::f32 || dtype == files::DType::bf16 || dtype == files::DType::f16;
}

}  // namespace

bool is_derived_table(std::string_view name) {
  const std::string_view leaf = name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole name
  return leaf == "relative_position_index" || leaf == "attn_mask" ||
         leaf == "relative_coords_table";
}

std::vector<files::NamedArray> read_weights(const std::filesystem::path& file) {
  if (!files::is_checkpoint(file)) return files::SafetensorsFile(file).arrays();
  const files::CheckpointFile checkpoint(file);
  std::vector<files::NamedArray> arrays;
  for (const auto& entry : checkpoint.entries()) {
    if (!entry.name.starts_with(kModelGroup)) continue;
    arrays.push_back(checkpoint.read(entry.name));
    arrays.back().name.erase(0, kModelGroup.size());
  }
  return arrays;
}

void load_weights(Parameters& parameters, std::span<const files::NamedArray> arrays,
                  const std::string& where) {
  std::unordered_map<std::string_view, const files::NamedArray*> by_name;
  for (const files::NamedArray& array : arrays)
    if (!by_name.emplace(array.name, &array).second)
      throw base::WeightError(where, "found " + array.name + " twice, expected every name once");

  Complaints complaints;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterEntry& entry = parameters[i];
    const auto found = by_name.find(entry.name);
    if (found == by_name.end()) {
      complaints.add("found no " + entry.name + ", expected it with shape " + entry.shape.text());
      continue;
    }
    const files::NamedArray& array = *found->second;
    if (array.shape != sides(entry.shape))
      complaints.add("found " + entry.name + " with shape " + files::to_text(array.shape) +
                     ", expected " + entry.shape.text());
    else if (!is_float(array.dtype))
      complaints.add("found " + entry.name + " of type " + files::name_of(array.dtype) +
                     ", expected f32, bf16 or f16");
  }
  for (const files::NamedArray& array : arrays)
    if (!parameters.find(array.name) && !is_derived_table(array.name))
      complaints.add("found " + array.name + ", expected no parameter of that name");
  complaints.raise(where);

  std::vector<float> values;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterEntry& entry = parameters[i];
    values.resize(static_cast<size_t>(entry.numel()));
    files::read_float32(*by_name.at(entry.name), where, values);
    if (real* data = parameters.slab() ? parameters.mutable_data(i) : nullptr)
      std::copy(values.begin(), values.end(), data);
  }
}

void load_weights(Parameters& parameters, const std::filesystem::path& file) {
  load_weights(parameters, read_weights(file), file.string());
}

}  // namespace swin::layers
