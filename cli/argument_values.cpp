#include "cli/argument_values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/errors.h"
#include "base/text.h"

namespace swin::cli {
namespace {

using base::UsageError;

// Whether a word is an override of a config field, path.to.field=value.
bool is_assignment(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  });
}

}  // namespace

std::vector<std::string> normalized(int argc, const char* const* argv) {
  std::vector<std::string> result;
  bool in_set = false;
  for (int i = 1; i < argc; ++i) {
    std::string text = argv[i];
    if (in_set && is_assignment(text) && result.back() != "--set") result.push_back("--set");
    in_set = text == "--set" || (in_set && is_assignment(text));
    result.push_back(std::move(text));
  }
  if (result.size() == 2 && result[0] == "help") result = {result[1], "--help"};
  if (result.size() == 1 && result[0] == "help") result = {"--help"};
  return result;
}

std::string shell_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) ||
             std::string_view("_-./=:,+@%").find(c) != std::string_view::npos;
    });
    line += line.empty() ? "" : " ";
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

std::vector<std::string> verb_first(const std::vector<std::string>& words,
                                    const std::vector<std::string>& verbs) {
  const auto verb = std::find_if(words.begin(), words.end(), [&](const std::string& word) {
    return std::find(verbs.begin(), verbs.end(), word) != verbs.end();
  });
  std::vector<std::string> result = {verb == words.end() ? "VERB" : *verb};
  if (verb != words.end()) result.insert(result.end(), verb + 1, words.end());
  result.insert(result.end(), words.begin(), verb);
  return result;
}

std::string did_you_mean(const std::string& found, const std::vector<std::string>& choices,
                         const std::string& otherwise) {
  const std::string nearest = base::nearest_if_close(found, choices, 2);
  return nearest.empty() ? otherwise : "did you mean " + nearest + "?";
}

void throw_missing(const std::string& verb, const std::string& placeholder) {
  throw UsageError(verb, "found no " + placeholder + ", expected one",
                   verb + " --help shows an example");
}

void throw_unexpected(const std::string& verb, const std::string& argument,
                      const std::string& remedy) {
  throw UsageError(verb, "found the argument \"" + argument + "\", expected no more",
                   remedy.empty() ? verb + " --help shows an example" : remedy);
}

template <class Number>
Number number(const std::string& where, const std::string& text, Number least, Number most,
              const std::string& expected) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      !(value >= least && value <= most))
    throw UsageError(where, "found \"" + text + "\", expected " + expected,
                     "give a number in that range");
  return value;
}
template int number(const std::string&, const std::string&, int, int, const std::string&);
template int64_t number(const std::string&, const std::string&, int64_t, int64_t,
                        const std::string&);
template double number(const std::string&, const std::string&, double, double, const std::string&);

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (int isa = 0; isa < base::kIsas; ++isa)
    names.emplace_back(base::isa_name(static_cast<base::Isa>(isa)));
  return names;
}

base::Isa isa_of(const std::string& where, const std::string& text) {
  if (const std::optional<base::Isa> isa = base::isa_named(text)) return *isa;
  throw UsageError(where, "found \"" + text + "\", expected " + base::alternatives(isa_names()),
                   did_you_mean(text, isa_names(), "leave it out for the best set"));
}

std::vector<std::string> comma_separated(const std::string& text) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

void check_detections(const EvaluateArguments& arguments) {
  const std::string where = "swin evaluate";
  const std::string form = "swin evaluate --detections RESULTS.json --data GT.json";
  if (!arguments.detections) {
    if (arguments.precision_recall)
      throw UsageError(where, "found --precision-recall, expected it with --detections", form);
    return;
  }
  if (!arguments.checkpoint.empty())
    throw UsageError(where, "found CHECKPOINT and --detections, expected one of them", form);
  if (!arguments.data)
    throw UsageError(where, "found no --data, expected the annotations to compare with", form);
  if (!arguments.sets.empty() || arguments.classes || arguments.ignore_unknown_classes ||
      arguments.write_detections || arguments.output || arguments.predictions || arguments.flip)
    throw UsageError(where,
                     "found --set, --classes, --ignore-unknown-classes, --write-detections, "
                     "--output, --predictions or --flip, expected none with --detections",
                     form);
}

void check_plan(const PlanArguments& arguments, bool has_sizes) {
  const size_t configs = arguments.configs.size();
  if (configs == 0) throw_missing("swin plan", "CONFIG");
  if (arguments.compare && configs < 2)
    throw UsageError("swin plan --compare", "found one config, expected at least two",
                     "swin plan --compare configs/vit_small_224.json configs/swin_tiny_224.json");
  if (!arguments.compare && configs > 1)
    throw UsageError("swin plan", "found " + std::to_string(configs) + " configs, expected one",
                     "add --compare to see them side by side");
  if (!arguments.compare && (arguments.measure || has_sizes))
    throw UsageError("swin plan", "found --measure or --sizes alone, expected --compare",
                     "add --compare and a second config");
}

std::vector<int64_t> image_sizes(const std::string& text) {
  std::vector<int64_t> sizes;
  for (const std::string& item : comma_separated(text))
    sizes.push_back(number<int64_t>("swin plan --sizes", item, 1, 65536,
                                    "image sides of 1 to 65536, as 224,448"));
  return sizes;
}

base::Size2 place_of(const std::string& where, const std::string& text) {
  const std::string expected = "a row and a column from 0 on, as 3,5";
  const std::vector<std::string> items = comma_separated(text);
  if (items.size() != 2) throw UsageError(where, "found \"" + text + "\", expected " + expected);
  const auto at = [&](size_t i) {
    return number<int64_t>(where, items[i], 0, 1'000'000'000, expected);
  };
  return {at(0), at(1)};
}

void set_configs(const std::vector<std::string>& words, BenchmarkArguments& arguments) {
  arguments.data = !words.empty() && words[0] == "data";
  arguments.kernels = !words.empty() && words[0] == "kernels";
  const size_t first = arguments.data || arguments.kernels ? 1 : 0;
  if (words.size() <= first) throw_missing("swin benchmark", "CONFIG");
  if (words.size() > first + 1 && !arguments.kernels)
    throw_unexpected("swin benchmark", words[first + 1]);
  arguments.configs.assign(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
}

void check_profile(const BenchmarkArguments& arguments) {
  if (arguments.profile && (arguments.data || arguments.kernels))
    throw UsageError(std::string("swin benchmark ") + (arguments.data ? "data" : "kernels"),
                     "found --profile, expected it with a config alone",
                     "write it as: swin benchmark CONFIG --profile");
  if (arguments.trace && !arguments.profile)
    throw UsageError("swin benchmark --trace", "found no --profile, expected both",
                     "write it as: swin benchmark CONFIG --profile --trace FILE");
}

void check_runs_order(const std::string& order) {
  const std::vector<std::string> orders = {"newest", "name", "metric"};
  if (std::find(orders.begin(), orders.end(), order) == orders.end())
    throw UsageError("swin runs --sort",
                     "found \"" + order + "\", expected " + base::alternatives(orders),
                     did_you_mean(order, orders, "choose one of them"));
}

void check_mode(const std::string& mode) {
  if (mode != "train" && mode != "infer")
    throw UsageError("swin benchmark --mode", "found \"" + mode + "\", expected train or infer",
                     did_you_mean(mode, {"train", "infer"}, "choose one of them"));
}

namespace {

std::string ending_of(const std::string& file) {
  std::string ending = std::filesystem::path(file).extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

}  // namespace

bool is_png_name(const std::string& file) { return ending_of(file) == ".png"; }

void check_ending(const std::string& where, const std::string& file, const std::string& ending) {
  if (ending_of(file) == ending) return;
  throw UsageError(where, "found \"" + file + "\", expected a name that ends in " + ending,
                   "write it as: " + where + " NAME" + ending);
}

void check_picture_name(const std::string& where, const std::string& file) {
  const std::string ending = ending_of(file);
  if (ending == ".png" || ending == ".jpg" || ending == ".jpeg") return;
  throw UsageError(where,
                   "found \"" + file + "\", expected a name that ends in .png, .jpg or .jpeg",
                   "write it as: " + where + " preview.png");
}

void set_action(const std::vector<std::string>& words, DataArguments& arguments) {
  const std::string verb = "swin data";
  const std::vector<std::string> actions = {"check", "pack", "preview", "convert"};
  if (words.empty()) throw_missing(verb, "ACTION");
  const std::string& action = arguments.action = words[0];
  if (std::find(actions.begin(), actions.end(), action) == actions.end())
    throw UsageError(verb, "found \"" + action + "\", expected " + base::alternatives(actions),
                     did_you_mean(action, actions, verb + " --help shows an example"));
  if (words.size() < 2) throw_missing(verb, "PATH");
  arguments.path = words[1];
  const bool packs = action == "pack";
  const size_t expected = packs ? 3 : 2;
  if (words.size() < expected) throw_missing(verb, "OUT.h5");
  if (words.size() > expected)
    throw_unexpected(
        verb, words[expected],
        words[expected].ends_with(".tar") ? "quote a range of shards: 'shard-{000..012}.tar'" : "");
  if (action == "preview") arguments.output = "preview.png";
  if (!packs) return;
  arguments.output = words[2];
  // If the shell expanded a range of shards, the output is the second shard: it must survive.
  if (!arguments.output.ends_with(".h5") && !arguments.output.ends_with(".hdf5"))
    throw UsageError(
        verb + " pack",
        "found the output \"" + arguments.output + "\", expected a name that ends in .h5",
        verb + " --help shows an example");
}

void check_data_flags(const std::string& action, bool output, bool dataset, bool sets) {
  const std::string verb = "swin data " + action, remedy = "swin data --help shows an example";
  const bool converts = action == "convert", previews = action == "preview";
  const auto refuse = [&](const char* flag, const char* takers) {
    throw UsageError(verb, std::string("found ") + flag + ", expected none: " + takers, remedy);
  };
  if (output && !converts && !previews) refuse("--output", "preview and convert take it");
  if (dataset && !converts) refuse("--dataset", "convert alone takes it");
  if (sets && action == "pack") refuse("--set", "it takes no config");
  if (converts && !output) throw_missing(verb, "--output DIR");
}

void check_dataset_name(const std::string& where, const std::string& name) {
  if (name != "train" && name != "validation" && name != "test")
    throw UsageError(where, "found \"" + name + "\", expected train, validation or test");
}

}  // namespace swin::cli
