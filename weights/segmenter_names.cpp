#include "weights/segmenter_names.h"

#include <algorithm>
#include <map>
#include <optional>

namespace swin::weights {

namespace {

// Convolutions without a bias, each with its norm. {i} of the others than psp_modules and convs is
// a stage.
constexpr const char* kConvolutions[] = {
    "decode_head.psp_modules.{i}.1.", "decode_head.bottleneck.",
    "decode_head.lateral_convs.{i}.", "decode_head.fpn_convs.{i}.",
    "decode_head.fpn_bottleneck.",    "auxiliary_head.convs.{i}.",
};
constexpr const char *kLateral = kConvolutions[2], *kOutput = kConvolutions[3];

// What a norm holds, after its name.
constexpr const char *kAffine = "{p}", *kMean = "running_mean", *kVariance = "running_var";
constexpr const char *kBatchNorm = "bn.", *kGroupNorm = "gn.";

constexpr int64_t kMostConvolutions = 64;  // names of a hostile file may have any numbers

std::string in_head(std::string_view rows, const char* layer) {
  return std::string(rows.substr(0, rows.find('.') + 1)) + layer;
}

// The pattern that a name begins with, and its number; −1 where the pattern has none.
std::optional<std::pair<std::string, int64_t>> convolution_of(std::string_view name) {
  for (const std::string_view pattern : kConvolutions)
    for (const char* end : {"conv.weight", "bn.{p}", "bn.running_mean", "bn.running_var", "gn.{p}"})
      if (Binding binding; match(std::string(pattern) + end, name, binding))
        return std::pair(std::string(pattern), binding.numbers[0]);
  return std::nullopt;
}

}  // namespace

bool is_segmenter_head(std::string_view name) {
  return name.starts_with("decode_head.") || name.starts_with("auxiliary_head.");
}

bool is_upernet(std::string_view name) { return name.starts_with("decode_head.psp_modules."); }

bool is_batch_count(std::string_view name) {
  return name.substr(name.rfind('.') + 1) == "num_batches_tracked";
}

std::vector<Row> segmenter_rows(Dialect dialect) {
  const bool hub = dialect == Dialect::huggingface;
  if (!hub && dialect != Dialect::official && dialect != Dialect::mm) return {};
  std::vector<Row> rows;
  const auto add = [&](const std::string& ours, const std::string& theirs) {
    rows.push_back({{ours}, {theirs}, Transform::same});
  };
  for (const std::string convolution : kConvolutions) {
    add(convolution + "conv.weight", convolution + "conv.weight");
    const std::string norm = convolution + kBatchNorm;
    const std::string theirs = convolution + (hub ? "batch_norm." : kBatchNorm);
    for (const char* held : {kAffine, kMean, kVariance}) add(norm + held, theirs + held);
    if (const std::string group = convolution + kGroupNorm; !hub)
      add(group + kAffine, group + kAffine);
  }
  for (const std::string_view classes : {kClassRows, kAuxiliaryClassRows})
    add(std::string(classes) + kAffine,
        (hub ? in_head(classes, "classifier.") : std::string(classes)) + kAffine);
  return rows;
}

std::vector<std::string> missing_segmenter_names(const std::set<std::string>& names,
                                                 int64_t num_stages) {
  std::map<std::string, int64_t> counts;  // of convolutions, by pattern
  bool auxiliary = false, group = false;
  for (const std::string& name : names) {
    auxiliary |= name.starts_with("auxiliary_head.");
    const auto found = convolution_of(name);
    if (!found) continue;
    group |= name.find(".gn.") != std::string::npos;
    int64_t& count = counts[found->first];
    count = std::max(count, std::min(found->second + 1, kMostConvolutions));
  }
  std::vector<std::string> missing;
  const auto require = [&](std::string name) {
    if (!names.contains(name)) missing.push_back(std::move(name));
  };
  for (const std::string convolution : kConvolutions) {
    if (convolution.starts_with("auxiliary_head.") && !auxiliary) continue;
    const bool of_stage = convolution == kLateral || convolution == kOutput;
    const int64_t count =
        std::max({counts[convolution], int64_t{1}, of_stage ? num_stages - 1 : int64_t{1}});
    for (int64_t i = 0; i < count; ++i) {
      const std::string path = fill(convolution, {.numbers = {i, -1, -1}});
      require(path + "conv.weight");
      const std::string norm = path + (group ? kGroupNorm : kBatchNorm);
      for (const char* held : {"weight", "bias", kMean, kVariance})
        if (!group || (held != kMean && held != kVariance)) require(norm + held);
    }
  }
  for (const std::string_view classes : {kClassRows, kAuxiliaryClassRows})
    for (const char* leaf : {"weight", "bias"})
      if (classes == kClassRows || auxiliary) require(std::string(classes) + leaf);
  return missing;
}

}  // namespace swin::weights
