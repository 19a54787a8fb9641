#include "weights/hub_config.h"

#include <algorithm>
#include <charconv>

#include "weights/hub_reader.h"

namespace swin::weights {

namespace {

const char* const kRemedy = "correct it, or give the weight file itself and --config CONFIG";
const char* const kNamesRemedy = "correct it, or give the weight file itself and --classes FILE";
constexpr int64_t kMostClasses = 1 << 20;

std::optional<Size2> size_of(const std::vector<int64_t>& size) {
  if (size.size() == 1) return Size2{size[0], size[0]};
  return size.size() == 2 ? std::optional(Size2{size[0], size[1]}) : std::nullopt;
}

/// The class index that a key or value stands for; −1 if it is none.
int64_t class_index(const base::Json& value) {
  if (value.is_integer()) return value.as_int();
  if (!value.is_string()) return -1;
  const std::string& text = value.as_string();
  int64_t index = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() ? index : -1;
}

/// Collects names by their class index.
class NameList {
 public:
  NameList(const HubReader& reader, const char* field)
      : reader_(reader), field_(field), names_(reader.find(field)->size()) {
    if (static_cast<int64_t>(names_.size()) > kMostClasses)
      reader.fail(std::string("found ") + field + " with " + std::to_string(names_.size()) +
                  " classes, expected at most " + std::to_string(kMostClasses));
  }

  void add(const base::Json& index, const base::Json& name) {
    const int64_t at = class_index(index);
    const auto count = static_cast<int64_t>(names_.size());
    if (at < 0 || at >= count)
      fail("found the class " + base::printable(base::to_text(index)) +
           ", expected numbers from 0 to " + std::to_string(count - 1) + " without a hole for " +
           std::to_string(count) + " names");
    std::optional<std::string>& place = names_[static_cast<size_t>(at)];
    if (place) fail("found class " + std::to_string(at) + " twice, expected it once");
    if (!name.is_string() || name.as_string().empty())
      fail("found " + base::printable(base::to_text(name)) + " as the name of class " +
           std::to_string(at) + ", expected a text");
    place = name.as_string();
  }

  /// All places are filled: as many names as places, none of them twice.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const std::optional<std::string>& name : names_) names.push_back(*name);
    return names;
  }

 private:
  [[noreturn]] void fail(const std::string& found) const {
    reader_.fail(std::string(field_) + ": " + found);
  }
  const HubReader& reader_;
  const char* field_;
  std::vector<std::optional<std::string>> names_;
};

/// The names in a member of either form: a list, {"0": "ant"} or, if `by_name`, {"ant": 0}.
std::vector<std::string> names_in(const HubReader& reader, const char* field, bool by_name) {
  const base::Json* found = reader.find(field);
  if (!found) return {};
  if (found->is_array()) {
    NameList list(reader, field);
    for (size_t i = 0; i < found->size(); ++i) list.add(static_cast<int64_t>(i), found->items()[i]);
    return list.names();
  }
  if (!found->is_object()) reader.refuse(field, "names of classes");
  NameList list(reader, field);
  for (const auto& [key, value] : found->members())
    by_name ? list.add(value, key) : list.add(key, value);
  return list.names();
}

/// transformers names classes so that have no name.
bool are_placeholders(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != "LABEL_" + std::to_string(i)) return false;
  return true;
}

void read_labels(const base::Json& json, const std::string& where, HubConfig& config) {
  const HubReader reader(json, where, kNamesRemedy);
  config.class_names = names_in(reader, "id2label", false);
  if (const base::Json* indices = reader.find("label2id")) {
    // Two classes of one name leave label2id with fewer entries, so it counts only alone.
    if (config.class_names.empty()) {
      config.class_names = names_in(reader, "label2id", true);
    } else if (indices->is_object()) {
      for (const auto& [name, index] : indices->members()) {
        const int64_t at = class_index(index);
        if (at < 0 || at >= std::ssize(config.class_names) ||
            config.class_names[static_cast<size_t>(at)] != name) {
          config.notes.push_back("label2id in " + where +
                                 " differs from id2label, which was used, as transformers does");
          break;
        }
      }
    }
  }
  if (are_placeholders(config.class_names)) config.class_names.clear();
}

/// The digits after the last `word` in an architecture's name, as 8 in swinv2_tiny_window8_256.
std::optional<int64_t> number_after(const std::string& name, const std::string& word) {
  const size_t at = name.rfind(word);
  int64_t number = 0;
  if (at == std::string::npos) return std::nullopt;
  const char* begin = name.data() + at + word.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), number);
  return error == std::errc() && end != begin && number >= 1 && number <= HubReader::kLargest
             ? std::optional(number)
             : std::nullopt;
}

/// timm's config.json: the name of an architecture, what differs from it, and pretrained_cfg, whose
/// fields old files have at the top level.
void read_timm(const base::Json& json, const std::string& where, HubConfig& config) {
  const HubReader top(json, where, kRemedy);
  const base::Json none = base::Json::object();
  const base::Json* cfg = top.find("pretrained_cfg");
  if (cfg && !cfg->is_object()) top.refuse("pretrained_cfg", "an object");
  const base::Json* args = top.find("model_args");
  if (args && !args->is_object()) top.refuse("model_args", "an object");
  const HubReader model(args ? *args : none, where, kRemedy);
  const HubReader pretrained(cfg ? *cfg : json, where, kRemedy);
  try {
    config.preprocess = read_pretrained_cfg(pretrained);
  } catch (const base::WeightError& error) {
    config.refusal = error;
  }
  config.image_size = size_of(model.numbers("img_size", 1));
  if (!config.image_size && config.preprocess) config.image_size = config.preprocess->input_size;
  const std::string name = top.text("architecture");
  if (const std::vector<int64_t> window =
          model.find("window_size") && !model.find("window_size")->is_array()
              ? model.numbers("window_size", 1)
              : std::vector<int64_t>();
      !window.empty()) {
    config.window_size = window[0];
  } else if (!model.find("window_size")) {  // window12to16_192to256: now 16, before 12
    config.window_size = number_after(name, "window");
    if (const size_t to = name.find("to", name.find("window")); to != std::string::npos)
      if (const auto now = number_after(name.substr(0, name.find('_', to)), "to"); now) {
        if (config.window_size && !model.find("pretrained_window_sizes"))
          config.pretrained_window_sizes = {*config.window_size, *config.window_size,
                                            *config.window_size, *config.window_size / 2};
        config.window_size = now;
      }
  }
  if (model.find("pretrained_window_sizes"))
    config.pretrained_window_sizes = model.numbers("pretrained_window_sizes", 0);
  if (const base::Json* heads = model.find("num_heads"); heads && heads->is_integer())
    config.num_attention_heads = model.one("num_heads");

  for (const auto& [object, field] :
       {std::pair{&json, "label_names"}, {&json, "labels"}, {cfg, "label_names"}, {cfg, "labels"}})
    if (object && config.class_names.empty())
      config.class_names = names_in(HubReader(*object, where, kNamesRemedy), field, false);
}

/// Of Hugging Face's UperNetConfig.
void read_heads(const HubReader& reader, HubConfig& config) {
  config.heads.pool_scales = reader.numbers("pool_scales", 1);
  config.heads.auxiliary_weight = reader.real("auxiliary_loss_weight");
}

}  // namespace

HubConfig read_hub_config(const std::string& text, const std::string& where) {
  const base::Json json = parse_hub_json(text, where, kRemedy);
  HubConfig config;
  if (json.find("architecture") || json.find("pretrained_cfg")) {
    read_timm(json, where, config);
    return config;
  }
  const HubReader top(json, where, kRemedy);
  const base::Json* backbone = top.find("backbone_config");
  if (backbone && !backbone->is_object()) top.refuse("backbone_config", "an object");
  if (backbone) read_heads(top, config);
  const HubReader reader(backbone ? *backbone : json, where, kRemedy);
  config.image_size = size_of(reader.numbers("image_size", 1));
  config.window_size = reader.one("window_size");
  config.num_attention_heads = reader.one("num_attention_heads");
  config.pretrained_window_sizes = reader.numbers("pretrained_window_sizes", 0);
  read_labels(json, where, config);
  return config;
}

}  // namespace swin::weights
