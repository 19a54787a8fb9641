// The names of a head's classes, as they are stored with weights or listed in a text file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace swin::weights {

/// The names in the order of the head, from a JSON list of texts: /meta/class_names of a
/// checkpoint, `swin.class_names` of safetensors. An empty list means that the file has no names.
/// @param where the text, for errors.
/// @throws base::WeightError if it is no such list.
std::vector<std::string> parse_class_names(const std::string& json, const std::string& where);
/// The reverse: one line of JSON.
std::string class_names_json(const std::vector<std::string>& names);

/// The names in a text file in UTF-8, one a line in the order of the head, as `--classes` takes it.
/// Spaces around a name, carriage returns and a byte order mark are ignored. Two classes may share
/// a name, as ImageNet's two cranes do.
/// @throws base::UsageError if the file cannot be read, is empty, or has a line without a name or
///     with bytes that are no text.
std::vector<std::string> read_class_list(const std::filesystem::path& file);

/// @param num_classes rows of the head.   @param where the file or flag that the names are from.
/// @throws base::WeightError unless there are no names or one for each row.
void require_name_for_each(const std::vector<std::string>& names, int64_t num_classes,
                           const std::string& where, const std::string& remedy);

}  // namespace swin::weights
