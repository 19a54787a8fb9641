// The names of a semantic segmenter's heads: UPerNet and the auxiliary FCN head, as mmsegmentation
// calls them in both generations. The backbone is under "backbone." and has its own names there.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weights/dialects_rows.h"

namespace swin::weights {

/// Of the layers whose rows are the classes.
inline constexpr std::string_view kClassRows = "decode_head.conv_seg.",
                                  kAuxiliaryClassRows = "auxiliary_head.conv_seg.";

/// Whether a name, in any dialect, is of a head: "decode_head.…" or "auxiliary_head.…".
bool is_segmenter_head(std::string_view name);
/// Whether a name, in any dialect, is one that only UPerNet's head has.
bool is_upernet(std::string_view name);
/// Whether a name is batch norm's count of batches. Files hold it, but nothing reads it: the
/// statistics have a fixed momentum.
bool is_batch_count(std::string_view name);

/// The rows of the heads in a dialect; none if that library has no UPerNet.
std::vector<Row> segmenter_rows(Dialect dialect);

/// The official names that the heads lack: each convolution has its weight and its norm, and each
/// stage but the last a lateral and an output convolution. An auxiliary head may be absent.
/// @param names official   @param num_stages of the backbone
std::vector<std::string> missing_segmenter_names(const std::set<std::string>& names,
                                                 int64_t num_stages);

}  // namespace swin::weights
