#include "weights/hub_write.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/errors.h"
#include "base/json.h"
#include "base/size2.h"

namespace swin::weights {

namespace {

using base::Json;

Json size_json(const Size2& size) {
  if (size[0] == size[1]) return Json(size[0]);
  return Json::array_of(std::vector<int64_t>{size[0], size[1]});
}

bool same_everywhere(const ModelConfig& model) {
  for (int64_t stage = 1; stage < model.num_stages(); ++stage)
    if (model.window_of(stage) != model.window_of(0)) return false;
  return true;
}

// The short side before the crop; 0: straight to the size of the model's input.
int64_t short_side(const Preprocess& preprocess, const Size2& size) {
  if (preprocess.crop_pct)
    return static_cast<int64_t>(static_cast<double>(std::min(size[0], size[1])) /
                                *preprocess.crop_pct);
  return preprocess.resize ? preprocess.resize->short_side.value_or(0) : 0;
}

// ---- Hugging Face ------------------------------------------------------------------------------

void add_labels(Json& config, const ModelConfig& model, const std::vector<std::string>& names) {
  if (names.empty()) {
    config["num_labels"] = model.num_classes;
    return;
  }
  std::vector<Json::Member> to_name, to_index;
  std::unordered_map<std::string, size_t> places;  // of two classes of one name the last one counts
  for (size_t i = 0; i < names.size(); ++i) {
    to_name.emplace_back(std::to_string(i), Json(names[i]));
    const auto [place, is_new] = places.emplace(names[i], to_index.size());
    if (is_new) to_index.emplace_back(names[i], Json());
    to_index[place->second].second = static_cast<int64_t>(i);
  }
  config["id2label"] = Json::object();
  config["id2label"].members() = std::move(to_name);
  config["label2id"] = Json::object();
  config["label2id"].members() = std::move(to_index);
}

Json architectures_json(const std::string& name) {
  return Json::array_of(std::vector<std::string>{name});
}

/// The fields of a network, without those of its head.
void add_network(Json& config, const ModelConfig& model) {
  const std::string where = "--dialect huggingface";
  const bool vit = model.name == "vit", v2 = model.name == "swin_v2";
  config["model_type"] = vit ? "vit" : v2 ? "swinv2" : "swin";
  config["image_size"] = size_json(model.image_size);
  config["patch_size"] = model.patch_size;
  config["num_channels"] = model.in_chans;
  if (vit) {
    config["hidden_size"] = model.embed_dim;
    config["num_hidden_layers"] = model.depths[0];
    config["num_attention_heads"] = model.num_heads[0];
    config["intermediate_size"] = model.hidden_of(0);
    config["layer_norm_eps"] = 1e-6;
  } else {
    const Size2 window = model.window_of(0);
    if (!same_everywhere(model) || window[0] != window[1])
      throw base::UsageError(where,
                             "found windows that are not squares of one size, expected one number "
                             "for all stages, as in transformers",
                             "use --dialect timm, or write OUT.safetensors in official names");
    config["embed_dim"] = model.embed_dim;
    config["depths"] = Json::array_of(model.depths);
    config["num_heads"] = Json::array_of(model.num_heads);
    config["window_size"] = window[0];
    if (v2) {
      std::vector<int64_t> pretrained;
      for (int64_t i = 0; i < model.num_stages(); ++i)
        pretrained.push_back(model.pretrained_window_of(i));
      config["pretrained_window_sizes"] = Json::array_of(pretrained);
    }
    config["mlp_ratio"] = model.mlp_ratios.empty() ? model.mlp_ratio : model.mlp_ratios[0];
    config["drop_path_rate"] = model.drop_path_rate;
    config["use_absolute_embeddings"] = model.ape;
    config["layer_norm_eps"] = 1e-5;
    config["encoder_stride"] = model.patch_size << (model.num_stages() - 1);
  }
  config["qkv_bias"] = model.qkv_bias;
  config["hidden_act"] = "gelu";
  config["hidden_dropout_prob"] = model.drop_rate;
  config["attention_probs_dropout_prob"] = model.attn_drop_rate;
}

Json huggingface_config(const ModelConfig& model, const std::vector<std::string>& names) {
  Json config = Json::object();
  const std::string type = model.name == "vit"       ? "ViT"
                           : model.name == "swin_v2" ? "Swinv2"
                                                     : "Swin";
  config["architectures"] = architectures_json(type + "ForImageClassification");
  add_network(config, model);
  add_labels(config, model, names);
  return config;
}

Json upernet_config(const ModelConfig& model, const SegmenterHeads& heads,
                    const std::vector<std::string>& names) {
  // Fixed in transformers; here it is the last map but one.
  constexpr int64_t kAuxiliaryStage = 2;
  const std::string where = "--dialect huggingface";
  if (heads.group_norm)
    throw base::UsageError(where,
                           "found group norm, expected batch norm, as in every UPerNet of "
                           "transformers",
                           "write OUT.safetensors in official names");
  if (heads.auxiliary_channels > 0 && model.num_stages() != kAuxiliaryStage + 2)
    throw base::UsageError(where,
                           "found an auxiliary head and " + std::to_string(model.num_stages()) +
                               " stages, expected 4, as transformers puts that head on the third",
                           "write OUT.safetensors in official names");
  Json backbone = Json::object();
  add_network(backbone, model);
  std::vector<std::string> stages;
  for (int64_t i = 1; i <= model.num_stages(); ++i) stages.push_back("stage" + std::to_string(i));
  backbone["out_features"] = Json::array_of(stages);
  Json config = Json::object();
  config["architectures"] = architectures_json("UperNetForSemanticSegmentation");
  config["model_type"] = "upernet";
  config["backbone_config"] = std::move(backbone);
  config["hidden_size"] = heads.channels;
  config["pool_scales"] = Json::array_of(heads.pool_scales);
  config["use_auxiliary_head"] = heads.auxiliary_channels > 0;
  if (heads.auxiliary_channels > 0) {
    config["auxiliary_in_channels"] = model.dim_of(kAuxiliaryStage);
    config["auxiliary_channels"] = heads.auxiliary_channels;
    config["auxiliary_num_convs"] = 1;
    config["auxiliary_concat_input"] = false;
  }
  if (heads.auxiliary_weight) config["auxiliary_loss_weight"] = *heads.auxiliary_weight;
  add_labels(config, model, names);
  return config;
}

Json processor_config(const ModelConfig& model, const SegmenterHeads* heads,
                      const Preprocess& preprocess, std::vector<std::string>& notes) {
  Json height_width = Json::object();
  height_width["height"] = model.image_size[0];
  height_width["width"] = model.image_size[1];
  Json config = Json::object();
  config["do_resize"] = true;
  if (heads) {
    config["image_processor_type"] = "SegformerImageProcessor";
    config["size"] = height_width;
    if (preprocess.resize && preprocess.resize->long_side)
      notes.push_back("transformers resizes images straight to " +
                      base::size_text(model.image_size) +
                      ", here they keep their ratio, so its answers can differ");
  } else if (const int64_t side = short_side(preprocess, model.image_size); side > 0) {
    config["image_processor_type"] = "CLIPImageProcessor";  // resize of the short side, then a crop
    config["size"] = Json::object();
    config["size"]["shortest_edge"] = side;
    config["do_center_crop"] = true;
    config["crop_size"] = height_width;
    config["do_convert_rgb"] = model.in_chans == 3;
    notes.push_back(
        "where an odd number of pixels is cut, transformers rounds the corner of the "
        "crop down, here it is rounded to the even one, as in torchvision");
  } else {
    config["image_processor_type"] = "ViTImageProcessor";
    config["size"] = height_width;
  }
  config["resample"] = preprocess.interpolation == "lanczos"    ? 1
                       : preprocess.interpolation == "bilinear" ? 2
                                                                : 3;
  config["do_rescale"] = true;
  config["rescale_factor"] = 1.0 / 255;
  config["do_normalize"] = true;
  config["image_mean"] = Json::array_of(preprocess.mean);
  config["image_std"] = Json::array_of(preprocess.std);
  return config;
}

// ---- timm --------------------------------------------------------------------------------------

/// timm's architectures, of which model_args tells the differences. The first one of a model is
/// taken where none has all its sizes.
struct Architecture {
  const char *name, *model;
  int64_t image, patch, window, embed_dim;
  std::vector<int64_t> depths, num_heads;
};
const std::vector<Architecture>& architectures() {
  static const std::vector<int64_t> tiny{2, 2, 6, 2}, deep{2, 2, 18, 2};
  static const std::vector<int64_t> heads3{3, 6, 12, 24}, heads4{4, 8, 16, 32},
      heads6{6, 12, 24, 48};
  static const std::vector<Architecture> all = {
      {"swin_tiny_patch4_window7_224", "swin", 224, 4, 7, 96, tiny, heads3},
      {"swin_small_patch4_window7_224", "swin", 224, 4, 7, 96, deep, heads3},
      {"swin_base_patch4_window7_224", "swin", 224, 4, 7, 128, deep, heads4},
      {"swin_base_patch4_window12_384", "swin", 384, 4, 12, 128, deep, heads4},
      {"swin_large_patch4_window7_224", "swin", 224, 4, 7, 192, deep, heads6},
      {"swin_large_patch4_window12_384", "swin", 384, 4, 12, 192, deep, heads6},
      {"swinv2_tiny_window8_256", "swin_v2", 256, 4, 8, 96, tiny, heads3},
      {"swinv2_tiny_window16_256", "swin_v2", 256, 4, 16, 96, tiny, heads3},
      {"swinv2_small_window8_256", "swin_v2", 256, 4, 8, 96, deep, heads3},
      {"swinv2_small_window16_256", "swin_v2", 256, 4, 16, 96, deep, heads3},
      {"swinv2_base_window8_256", "swin_v2", 256, 4, 8, 128, deep, heads4},
      {"swinv2_base_window16_256", "swin_v2", 256, 4, 16, 128, deep, heads4},
      {"swinv2_base_window12_192", "swin_v2", 192, 4, 12, 128, deep, heads4},
      {"swinv2_large_window12_192", "swin_v2", 192, 4, 12, 192, deep, heads6},
      {"vit_base_patch16_224", "vit", 224, 16, 0, 768, {12}, {12}},
      {"vit_tiny_patch16_224", "vit", 224, 16, 0, 192, {12}, {3}},
      {"vit_small_patch16_224", "vit", 224, 16, 0, 384, {12}, {6}},
      {"vit_large_patch16_224", "vit", 224, 16, 0, 1024, {24}, {16}},
  };
  return all;
}

const Architecture& nearest_architecture(const ModelConfig& model) {
  const Architecture* first = nullptr;
  for (const Architecture& row : architectures()) {
    if (model.name != row.model) continue;
    if (!first) first = &row;
    const Size2 window{row.window, row.window};
    if (model.image_size == Size2{row.image, row.image} && model.patch_size == row.patch &&
        (row.window == 0 || model.window_of(0) == window) && model.embed_dim == row.embed_dim &&
        model.depths == row.depths && model.num_heads == row.num_heads)
      return row;
  }
  if (!first)
    throw base::UsageError("--dialect timm",
                           "found a " + model.name + ", expected a model that timm has",
                           "write OUT.safetensors in official names");
  return *first;
}

Json window_json(const ModelConfig& model) {
  if (same_everywhere(model)) return size_json(model.window_of(0));
  Json list = Json::array();  // of pairs: two numbers would be height and width
  for (int64_t stage = 0; stage < model.num_stages(); ++stage) {
    const Size2 window = model.window_of(stage);
    list.push_back(Json::array_of(std::vector<int64_t>{window[0], window[1]}));
  }
  return list;
}

Json timm_arguments(const ModelConfig& model, const Architecture& named) {
  Json args = Json::object();
  const bool vit = model.name == "vit";
  const auto add = [&](const char* name, bool differs, Json value) {
    if (differs) args[name] = std::move(value);
  };
  add("img_size", model.image_size != Size2{named.image, named.image}, size_json(model.image_size));
  add("patch_size", model.patch_size != named.patch, model.patch_size);
  add("in_chans", model.in_chans != 3, model.in_chans);
  add("embed_dim", model.embed_dim != named.embed_dim, model.embed_dim);
  if (vit) {
    add("depth", model.depths != named.depths, model.depths[0]);
    add("num_heads", model.num_heads != named.num_heads, model.num_heads[0]);
    add("global_pool", model.global_pool != "token", model.global_pool);
    add("class_token", model.global_pool != "token", false);
  } else {
    add("depths", model.depths != named.depths, Json::array_of(model.depths));
    add("num_heads", model.num_heads != named.num_heads, Json::array_of(model.num_heads));
    add("window_size",
        !same_everywhere(model) || model.window_of(0) != Size2{named.window, named.window},
        window_json(model));
    add("pretrained_window_sizes", !model.pretrained_window_sizes.empty(),
        Json::array_of(model.pretrained_window_sizes));
    add("drop_path_rate", model.drop_path_rate != 0.1, model.drop_path_rate);
  }
  add("mlp_ratio", !model.mlp_ratios.empty() || model.mlp_ratio != 4,
      model.mlp_ratios.empty() ? Json(model.mlp_ratio) : Json::array_of(model.mlp_ratios));
  add("qkv_bias", !model.qkv_bias, false);
  return args;
}

/// crop_pct such that timm's floor(side / crop_pct) is the short side.
double crop_pct_for(int64_t side, int64_t short_side) {
  double pct = static_cast<double>(side) / static_cast<double>(short_side);
  if (std::floor(static_cast<double>(side) / pct) < static_cast<double>(short_side))
    pct = std::nextafter(pct, 0.0);
  return pct;
}

Json timm_config(const ModelConfig& model, const Preprocess& preprocess,
                 const std::vector<std::string>& names) {
  const Architecture& named = nearest_architecture(model);
  const Size2& size = model.image_size;
  Json cfg = Json::object();
  cfg["input_size"] = Json::array_of(std::vector<int64_t>{model.in_chans, size[0], size[1]});
  cfg["fixed_input_size"] = true;
  cfg["interpolation"] = preprocess.interpolation;
  const int64_t side = short_side(preprocess, size);
  if (side > 0 && size[0] != size[1])
    throw base::UsageError(
        "--dialect timm",
        "found a crop of " + base::size_text(size) +
            " after a resize, expected a square, as timm's crop of others differs",
        "set preprocess.resize to null with --config, or use --dialect huggingface");
  if (side > 0)
    cfg["crop_pct"] = preprocess.crop_pct.value_or(crop_pct_for(size[0], side));
  else
    cfg["crop_pct"] = 1.0;
  cfg["crop_mode"] = side > 0 ? "center" : "squash";
  cfg["mean"] = Json::array_of(preprocess.mean);
  cfg["std"] = Json::array_of(preprocess.std);
  cfg["num_classes"] = model.num_classes;
  cfg["first_conv"] = "patch_embed.proj";
  cfg["classifier"] = model.name == "vit" ? "head" : "head.fc";
  Json config = Json::object();
  config["architecture"] = named.name;
  config["num_classes"] = model.num_classes;
  config["num_features"] = model.dim_of(model.num_stages() - 1);
  config["global_pool"] = model.name == "vit" ? model.global_pool : "avg";
  if (!names.empty()) config["label_names"] = Json::array_of(names);
  if (Json args = timm_arguments(model, named); args.size() > 0)
    config["model_args"] = std::move(args);
  config["pretrained_cfg"] = std::move(cfg);
  return config;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> hub_files(
    Dialect dialect, const ModelConfig& model, const SegmenterHeads* heads,
    const Preprocess& preprocess, const std::vector<std::string>& class_names,
    std::vector<std::string>& notes) {
  const auto text = [](const Json& json) { return base::to_text(json, 2) + "\n"; };
  if (dialect == Dialect::huggingface)
    return {{"preprocessor_config.json", text(processor_config(model, heads, preprocess, notes))},
            {"config.json", text(heads ? upernet_config(model, *heads, class_names)
                                       : huggingface_config(model, class_names))}};
  if (dialect == Dialect::timm)
    return {{"config.json", text(timm_config(model, preprocess, class_names))}};
  throw base::UsageError(std::string("--dialect ") + name_of(dialect),
                         "found a folder for the output, which only Hugging Face and timm open",
                         "use --dialect huggingface or timm, or name the output OUT.safetensors");
}

}  // namespace swin::weights
