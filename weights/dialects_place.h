// Where among the keys of a file a model lies: under "module.", "model.", "net.backbone.", …
#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace swin::weights {

/// A place is found by the keys of a patch embedding.
struct Place {
  std::string prefix;  ///< before every key of the model; empty: the top level
  /// After it, before the keys of the network, but not before those of a head beside it:
  /// "backbone.", "encoder.", Hugging Face's "swin.".
  std::string root;

  std::string full() const { return prefix + root; }
  /// "model.", or "." for the top level: what --prefix takes.
  std::string shown() const { return prefix.empty() ? "." : prefix; }
};

/// The key without what torch.compile and PyTorch's wrappers of layers put anywhere into it.
std::string unwrapped(std::string key);

/// In the order of the keys; gradients and an optimizer's state (grad., exp_avg.) are none.
/// @param keys unwrapped.
std::vector<Place> places_in(const std::vector<std::string>& keys);

/// What names at a place do not begin with, though its prefix is before them: they are of another
/// model, "ema." below a model at the top level.
std::set<std::string, std::less<>> other_models_at(const Place& place,
                                                   const std::vector<Place>& places);
/// The name that a key has in the model at a place; empty if the key is beside it.
/// @param others other_models_at the place.
std::optional<std::string> name_at(const Place& place,
                                   const std::set<std::string, std::less<>>& others,
                                   std::string_view key);

/// The place that a prefix means, which is given with or without its last dot; empty if none.
std::optional<Place> place_of(const std::vector<Place>& places, const std::string& prefix);

}  // namespace swin::weights
