// The values of the command line: reading them from text and checking them. Nothing here depends on
// how the flags are parsed.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace swin::cli {

/// The words after the program's name, with shorthands written out: `--set a=1 b=2` becomes
/// `--set a=1 --set b=2`, and `swin help VERB` becomes `swin VERB --help`.
std::vector<std::string> normalized(int argc, const char* const* argv);

/// The words as a shell takes them, quoted where it needs that.
std::string shell_words(const std::vector<std::string>& words);

/// The words in the order that is right: a verb, then what stood before it.
std::vector<std::string> verb_first(const std::vector<std::string>& words,
                                    const std::vector<std::string>& verbs);

/// "did you mean X?" with the choice nearest to `found`, or `otherwise` if none is near.
std::string did_you_mean(const std::string& found, const std::vector<std::string>& choices,
                         const std::string& otherwise);

/// @throws base::UsageError: `placeholder` is missing from the arguments of `verb`.
[[noreturn]] void throw_missing(const std::string& verb, const std::string& placeholder);
/// @throws base::UsageError: `argument` is one too many for `verb`. An empty remedy points to
/// `--help`.
[[noreturn]] void throw_unexpected(const std::string& verb, const std::string& argument,
                                   const std::string& remedy = "");

/// A number from `least` to `most`. Number is int, int64_t or double.
/// @param expected what the error line expects, in words.
/// @throws base::UsageError if `text` is anything else.
template <class Number>
Number number(const std::string& where, const std::string& text, Number least, Number most,
              const std::string& expected);

/// The names of the instruction sets.
std::vector<std::string> isa_names();
/// @throws base::UsageError if `text` is not one of them.
base::Isa isa_of(const std::string& where, const std::string& text);

/// The items of a list such as "224,448". Empty items are kept.
std::vector<std::string> comma_separated(const std::string& text);

/// A row and a column such as "3,5". @throws base::UsageError if `text` is anything else.
base::Size2 place_of(const std::string& where, const std::string& text);

/// Checks that --detections and --precision-recall go with the rest.
void check_detections(const EvaluateArguments& arguments);

/// Checks that configs, --compare, --measure and --sizes go together.
void check_plan(const PlanArguments& arguments, bool has_sizes);
/// The image sizes of `swin plan --compare --sizes`.
std::vector<int64_t> image_sizes(const std::string& text);

/// Sets the configs of `swin benchmark CONFIG`, `swin benchmark data CONFIG` or
/// `swin benchmark kernels CONFIG…`.
void set_configs(const std::vector<std::string>& words, BenchmarkArguments& arguments);
/// Checks that --profile and --trace go with the rest.
void check_profile(const BenchmarkArguments& arguments);
/// Checks `--mode`.
void check_mode(const std::string& mode);

/// Whether the name of a picture ends in .png rather than in .jpg or .jpeg, in any letters.
bool is_png_name(const std::string& file);
/// Checks that the name of a file ends in `ending`, so that no other file is replaced by a slip.
void check_ending(const std::string& where, const std::string& file, const std::string& ending);
/// Checks that the name of a picture has one of these endings.
void check_picture_name(const std::string& where, const std::string& file);

/// Sets action, path and output from the words after `swin data`.
void set_action(const std::vector<std::string>& words, DataArguments& arguments);
/// Checks that an action of `swin data` takes the flags that are given, and has those it needs.
void check_data_flags(const std::string& action, bool output, bool dataset, bool sets);
/// Checks `swin runs --sort`.
void check_runs_order(const std::string& order);
/// Checks `--dataset`.
void check_dataset_name(const std::string& where, const std::string& name);

}  // namespace swin::cli
