#include "weights/hub_config.h"

#include "base/errors.h"
#include "base/json.h"

namespace swin::weights {

namespace {

constexpr int64_t kLargest = 65536;  // value of any field

class HubReader {
 public:
  HubReader(const base::Json& json, const std::string& where) : json_(json), where_(where) {}

  // The whole numbers of a field that holds one or a list; empty if the field is absent or null.
  std::vector<int64_t> numbers(const char* field, int64_t least) const {
    const base::Json* found = json_.find(field);
    std::vector<int64_t> result;
    if (!found || found->is_null()) return result;
    if (!found->is_array()) return {number(*found, field, least)};
    for (const base::Json& item : found->items()) result.push_back(number(item, field, least));
    return result;
  }

  std::optional<int64_t> one(const char* field) const {
    const std::vector<int64_t> found = numbers(field, 1);
    if (found.size() > 1) refuse(field, "a list", 1);
    return found.empty() ? std::nullopt : std::optional(found[0]);
  }

 private:
  int64_t number(const base::Json& json, const char* field, int64_t least) const {
    if (!json.is_integer() || json.as_int() < least || json.as_int() > kLargest)
      refuse(field, base::to_text(json).substr(0, 40), least);
    return json.as_int();
  }

  [[noreturn]] void refuse(const char* field, const std::string& found, int64_t least) const {
    throw base::WeightError(where_,
                            std::string("found ") + field + " " + found +
                                ", expected a whole number from " + std::to_string(least) + " to " +
                                std::to_string(kLargest),
                            "correct it, or give the weight file itself and --config CONFIG");
  }

  const base::Json& json_;
  const std::string& where_;
};

}  // namespace

HubConfig read_hub_config(const std::string& text, const std::string& where) {
  base::Json json;
  try {
    json = base::parse_json(text, where);
  } catch (const base::JsonSyntaxError& error) {
    throw base::WeightError(where + ":" + std::to_string(error.position.line), error.what,
                            "give the weight file itself and --config CONFIG");
  }
  const HubReader reader(json, where);
  HubConfig config;
  if (const std::vector<int64_t> size = reader.numbers("image_size", 1); size.size() == 2)
    config.image_size = Size2{size[0], size[1]};
  else if (size.size() == 1)
    config.image_size = Size2{size[0], size[0]};
  config.window_size = reader.one("window_size");
  config.num_attention_heads = reader.one("num_attention_heads");
  config.pretrained_window_sizes = reader.numbers("pretrained_window_sizes", 0);
  return config;
}

}  // namespace swin::weights
