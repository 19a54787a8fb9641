#include "weights/dialects_place.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "weights/dense_names.h"
#include "weights/detector_names.h"

namespace swin::weights {

namespace {

constexpr std::string_view kHuggingface = "embeddings.patch_embeddings.projection.";
constexpr std::string_view kPatchEmbeddings[] = {"patch_embed.proj.", "patch_embed.projection.",
                                                 "features.0.0.", "conv_proj.", kHuggingface};
constexpr std::string_view kRoots[] = {kBodyPrefix, kBackbonePrefix, "encoder."};
constexpr std::string_view kHuggingfaceRoots[] = {"swin.", "swinv2.", "vit."};
constexpr std::string_view kWrappers[] = {"module.", "model."};
// Tensors with the names of parameters that are none: gradients, and the state of optimizers.
constexpr std::string_view kNoWeights[] = {"grad.",    "grads.",      "gradients.",
                                           "exp_avg.", "exp_avg_sq.", "momentum_buffer."};

/// Whether a path of components ends with one.
bool ends_with(std::string_view path, std::string_view component) {
  return path.ends_with(component) &&
         (path.size() == component.size() || path[path.size() - component.size() - 1] == '.');
}

/// The place of a patch embedding whose key is `before` and its own name.
Place place_before(std::string_view before, bool huggingface) {
  const auto split = [&](size_t at) {
    return Place{std::string(before.substr(0, at)), std::string(before.substr(at))};
  };
  if (huggingface)
    for (const std::string_view root : kHuggingfaceRoots)
      if (ends_with(before, root)) return split(before.size() - root.size());
  std::string_view outer = before;  // a backbone that is wrapped by itself
  for (bool again = true; again;) {
    for (const std::string_view root : kRoots)
      if (ends_with(outer, root)) return split(outer.size() - root.size());
    again = false;
    for (const std::string_view wrapper : kWrappers)
      if (!again && ends_with(outer, wrapper)) {
        outer.remove_suffix(wrapper.size());
        again = true;
      }
  }
  return split(before.size());
}

/// Whether a name beside the root is a part of the model.
bool is_outer_part(std::string_view root, std::string_view name) {
  for (const std::string_view head : {"head.", "heads.", "classifier.", "fc."})
    if (name.starts_with(head)) return true;
  const bool backbone = root.starts_with(kBackbonePrefix);
  // torchvision's alone are beside a body, all others beside a backbone.
  if (backbone && is_dense_head(name))
    return root.starts_with(kBodyPrefix) == is_torchvision_detector(name);
  return !backbone && (name.starts_with("decoder.0.") || name == "mask_token" ||
                       name.starts_with("hidden_states_norms."));
}

}  // namespace

std::string unwrapped(std::string key) {
  for (const std::string_view wrapper :
       {"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."})
    for (size_t at = key.find(wrapper); at != std::string::npos; at = key.find(wrapper, at))
      key.erase(at, wrapper.size());
  return key;
}

std::vector<Place> places_in(const std::vector<std::string>& keys) {
  std::vector<Place> places;
  std::set<std::pair<std::string, std::string>> seen;
  // transformers 5 in memory: a segmenter's "backbone.swin.", beside "decode_head.".
  const auto as_backbone = [&](Place place) {
    if (place.root.empty()) return place;
    for (const std::string_view root : {kBodyPrefix, kBackbonePrefix}) {
      if (!ends_with(place.prefix, root)) continue;
      const std::string outer = place.prefix.substr(0, place.prefix.size() - root.size());
      const auto is_head = [&](std::string_view key) {
        return key.starts_with(outer) && is_dense_head(key.substr(outer.size()));
      };
      if (std::any_of(keys.begin(), keys.end(), is_head)) return Place{outer, std::string(root)};
    }
    return place;
  };
  for (const std::string_view key : keys)
    for (const std::string_view embedding : kPatchEmbeddings)
      for (const char* leaf : {"weight", "bias"}) {
        const std::string name = std::string(embedding) + leaf;
        if (!ends_with(key, name)) continue;
        Place place = as_backbone(
            place_before(key.substr(0, key.size() - name.size()), embedding == kHuggingface));
        const bool weights =
            std::none_of(std::begin(kNoWeights), std::end(kNoWeights), [&](std::string_view other) {
              return ("." + place.prefix).ends_with("." + std::string(other));
            });
        if (weights && seen.emplace(place.prefix, place.root).second)
          places.push_back(std::move(place));
      }
  return places;
}

std::set<std::string, std::less<>> other_models_at(const Place& place,
                                                   const std::vector<Place>& places) {
  std::set<std::string, std::less<>> others;
  if (!place.root.empty()) return others;  // only what is below the root is of the model
  for (const Place& other : places) {
    const std::string full = other.full();
    if (full.size() <= place.prefix.size() || !full.starts_with(place.prefix)) continue;
    const size_t end = full.find('.', place.prefix.size());
    others.insert(full.substr(place.prefix.size(), end + 1 - place.prefix.size()));
  }
  return others;
}

std::optional<std::string> name_at(const Place& place,
                                   const std::set<std::string, std::less<>>& others,
                                   std::string_view key) {
  if (!key.starts_with(place.prefix)) return std::nullopt;
  const std::string_view rest = key.substr(place.prefix.size());
  if (!place.root.empty()) {
    if (rest.starts_with(place.root)) return std::string(rest.substr(place.root.size()));
    return is_outer_part(place.root, rest) ? std::optional(std::string(rest)) : std::nullopt;
  }
  if (others.contains(rest.substr(0, rest.find('.') + 1))) return std::nullopt;
  return std::string(rest);
}

std::optional<Place> place_of(const std::vector<Place>& places, const std::string& prefix) {
  std::string wanted = prefix;
  while (wanted.ends_with('.')) wanted.pop_back();
  if (!wanted.empty()) wanted = unwrapped(wanted + ".");
  for (const Place& place : places)
    if (place.prefix == wanted) return place;
  for (const Place& place : places)
    if (place.full() == wanted) return Place{wanted, ""};
  return std::nullopt;
}

}  // namespace swin::weights
