#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <deque>
#include <functional>

#include "base/errors.h"
#include "base/text.h"

namespace swin::cli {
namespace {

using base::UsageError;

// The nearest of `choices`, as "; did you mean X?", or `otherwise` where none is near.
std::string did_you_mean(const std::string& found, const std::vector<std::string>& choices,
                         const std::string& otherwise) {
  const std::string nearest = base::nearest_if_close(found, choices);
  return nearest.empty() ? otherwise : "did you mean " + nearest + "?";
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

// One verb under construction. Values are bound as text and read by `finish`, so that errors are
// ours.
class Verb {
 public:
  Verb(CLI::App& root, const std::string& name, const std::string& purpose,
       const std::string& example)
      : name_("swin " + name), app_(root.add_subcommand(name, purpose)) {
    app_->footer("Example:\n  " + example);
    app_->allow_extras();
    app_->add_flag("--json", common_.json,
                   "Print one JSON document on stdout and nothing else there");
    app_->add_flag("--quiet", common_.quiet, "No progress on stderr");
    app_->add_option("--threads", threads_,
                     "Threads (default: the config's runtime.threads, OMP_NUM_THREADS, the cores)")
        ->type_name("N");
  }
  CLI::App* app() const { return app_; }
  const std::string& name() const { return name_; }
  bool chosen() const { return app_->parsed(); }

  std::string& positional(const std::string& placeholder, const std::string& meaning) {
    std::string& text = texts_.emplace_back();
    app_->add_option(placeholder, text, meaning)->type_name("");
    return text;
  }
  std::vector<std::string>& positionals(const std::string& placeholder,
                                        const std::string& meaning) {
    app_->add_option(placeholder, list_, meaning)->type_name("");
    return list_;
  }
  std::string& option(const std::string& flag, const std::string& type,
                      const std::string& meaning) {
    std::string& text = texts_.emplace_back();
    app_->add_option(flag, text, meaning)->type_name(type);
    return text;
  }
  bool& flag(const std::string& name, const std::string& meaning) {
    bool& value = flags_.emplace_back(false);
    app_->add_flag(name, value, meaning);
    return value;
  }
  std::vector<std::string>& sets() {
    app_->add_option("--set", sets_,
                     "Override a field of the config, as path.to.field=value; repeatable")
        ->type_name("FIELD=VALUE")
        ->allow_extra_args(false);
    return sets_;
  }
  bool given(const std::string& flag) const { return app_->count(flag) > 0; }
  std::optional<std::string> given_text(const std::string& flag, const std::string& text) const {
    return given(flag) ? std::optional(text) : std::nullopt;
  }
  /// @throws UsageError where a positional argument is missing.
  const std::string& required(const std::string& placeholder, const std::string& text) const {
    if (text.empty()) missing(placeholder);
    return text;
  }
  [[noreturn]] void missing(const std::string& placeholder) const {
    throw UsageError(name_, "found no " + placeholder + ", expected one",
                     name_ + " --help shows an example");
  }

  // After parsing: refuses what nobody asked for, and hands out what every verb has.
  CommonArguments finish() {
    std::vector<std::string> flags;
    for (const CLI::Option* option : app_->get_options())
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    const std::vector<std::string> extras = app_->remaining();
    for (const std::string& extra : extras)
      if (extra.size() > 1 && extra[0] == '-') {
        const std::string flag = extra.substr(0, extra.find('='));
        throw UsageError(name_, "found the flag " + flag + ", expected a flag of this verb",
                         did_you_mean(flag, flags, name_ + " --help lists them"));
      }
    if (!extras.empty())
      throw UsageError(name_, "found the argument \"" + extras[0] + "\", expected no more",
                       name_ + " --help shows an example");
    if (given("--threads"))
      common_.threads =
          number<int>(name_ + " --threads", threads_, 1, 1024, "a whole number from 1 to 1024");
    return common_;
  }

 private:
  std::string name_;
  CLI::App* app_;
  CommonArguments common_;
  std::string threads_;
  std::deque<std::string> texts_;  // addresses stay
  std::deque<bool> flags_;
  std::vector<std::string> list_, sets_;
};

// `--set a=1 b=2` is `--set a=1 --set b=2`; `swin help VERB` is `swin VERB --help`.
std::vector<std::string> normalized(int argc, const char* const* argv) {
  std::vector<std::string> result;
  const auto is_assignment = [](const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return false;
    return std::all_of(
        text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equals),
        [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; });
  };
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

/// Why CLI11 refused the words of a verb. Its own words change from version to version.
std::string refusal_of(const CLI::App& verb, const std::vector<std::string>& words) {
  std::vector<std::string> seen;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string flag = words[i].substr(0, equals);
    const CLI::Option* option = flag.starts_with("--") ? verb.get_option_no_throw(flag) : nullptr;
    if (option == nullptr) continue;
    if (option->get_items_expected_max() == 0) {
      if (equals != std::string::npos) return "found " + words[i] + ", expected " + flag + " alone";
      continue;
    }
    const std::string form = flag + " " + option->get_type_name();
    if (equals == std::string::npos ? i + 1 == words.size() : equals + 1 == words[i].size())
      return "found " + flag + " without a value, expected " + form;
    if (flag != "--set" && std::find(seen.begin(), seen.end(), flag) != seen.end())
      return "found " + flag + " a second time, expected " + form + " once";
    seen.push_back(flag);
    if (equals == std::string::npos) ++i;  // the value
  }
  return "found a command line that does not parse, expected the form of the help";
}

template <class T>
T with(const CommonArguments& common) {
  T arguments;
  static_cast<CommonArguments&>(arguments) = common;
  return arguments;
}

}  // namespace

Arguments parse_arguments(int argc, const char* const* argv) {
  CLI::App root("Train, evaluate and use Swin Transformers from one native program.", "swin");
  root.require_subcommand(0, 1);  // `data` behind `benchmark` is no second verb
  root.footer("Each verb explains itself: swin train --help. Exit codes are listed in README.md.");
  root.set_version_flag("--version", "swin " SWIN_VERSION);
  root.get_formatter()->column_width(34);

  std::deque<Verb> verbs;
  std::vector<std::function<Arguments(const CommonArguments&)>> builders;
  const auto verb = [&](const char* name, const char* purpose, const char* example) -> Verb& {
    return verbs.emplace_back(root, name, purpose, example);
  };
  {
    Verb& v =
        verb("train", "Train a model from a config, or go on where a run stopped",
             "swin train configs/synthetic_micro.json --set schedule.epochs=1 --output runs/first");
    const auto& config =
        v.positional("CONFIG", "Config file (configs/README.md lists every field)");
    const auto& sets = v.sets();
    const auto& output =
        v.option("--output", "DIR", "Run directory (default: runs/<name of the config>)");
    const auto& resume =
        v.option("--resume", "auto|never|FILE",
                 "Go on from the newest checkpoint of the run directory that verifies (auto, "
                 "the default), from a checkpoint, or begin anew");
    const auto& init =
        v.option("--init", "FILE",
                 "Begin with the weights of this file, as init.checkpoint (configs/README.md)");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<TrainArguments>(common);
      a.config = v.required("CONFIG", config);
      a.sets = sets;
      a.output = v.given_text("--output", output);
      if (v.given("--resume")) a.resume = resume;
      a.init = v.given_text("--init", init);
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("evaluate", "Measure a checkpoint on its test images, or on other ones",
                   "swin evaluate runs/synthetic_micro/last.h5 --json");
    const auto& checkpoint =
        v.positional("CHECKPOINT", "Checkpoint (.h5); it holds model, preprocessing, classes");
    const auto& data = v.option(
        "--data", "PATH",
        "Instead of the data set trained on: an image folder, one folder a class; a .csv or .jsonl "
        "list; .tar shards; an .h5 file; a folder of the files of CIFAR or MNIST");
    const auto& sets = v.sets();
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<EvaluateArguments>(common);
      a.checkpoint = v.required("CHECKPOINT", checkpoint);
      a.data = v.given_text("--data", data);
      a.sets = sets;
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("predict", "Name the classes of images",
                   "swin predict runs/fashion_mnist_demo/last.h5 docs/demo_images/*.png --top-k 3");
    const auto& checkpoint = v.positional("CHECKPOINT", "Checkpoint (.h5)");
    const auto& images = v.positionals("IMAGE", "JPEG, PNG or WebP files");
    const auto& top_k = v.option("--top-k", "N", "Classes an image (default 5)");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<PredictArguments>(common);
      a.checkpoint = v.required("CHECKPOINT", checkpoint);
      a.images = images;
      if (a.images.empty()) v.missing("IMAGE");
      if (v.given("--top-k"))
        a.top_k = number<int64_t>("swin predict --top-k", top_k, 1, 1'000'000,
                                  "a whole number of at least 1");
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("plan", "What a config will cost: stages, parameters, arithmetic, memory, time",
                   "swin plan configs/swin_tiny_224.json --set trainer.micro_batch_size=8");
    const auto& configs = v.positionals("CONFIG", "Config file; the model section alone is enough");
    const auto& compare =
        v.flag("--compare", "Cost of one image for several configs, as the image grows");
    const auto& sizes =
        v.option("--sizes", "N,N", "Compared image sides (default 224,448,672,896,1120)");
    const auto& measure = v.flag("--measure", "With --compare: also time the forwards");
    const auto& sets = v.sets();
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<PlanArguments>(common);
      a.configs = configs;
      if (a.configs.empty()) v.missing("CONFIG");
      a.compare = compare;
      a.measure = measure;
      if (compare && a.configs.size() < 2)
        throw UsageError(
            "swin plan --compare", "found one config, expected at least two",
            "swin plan --compare configs/vit_small_224.json configs/swin_tiny_224.json");
      if (!compare && a.configs.size() > 1)
        throw UsageError("swin plan",
                         "found " + std::to_string(a.configs.size()) + " configs, expected one",
                         "add --compare to see them side by side");
      if (!compare && (measure || v.given("--sizes")))
        throw UsageError("swin plan", "found --measure or --sizes alone, expected --compare",
                         "add --compare and a second config");
      if (v.given("--sizes"))
        for (size_t begin = 0; begin <= sizes.size();) {
          const size_t end = std::min(sizes.find(',', begin), sizes.size());
          a.sizes.push_back(number<int64_t>("swin plan --sizes", sizes.substr(begin, end - begin),
                                            1, 65536, "image sides of 1 to 65536, as 224,448"));
          begin = end + 1;
        }
      a.sets = sets;
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("config", "The resolved config, each value with its origin",
                   "swin config configs/fashion_mnist.json --set optimizer.lr=1e-3");
    const auto& config = v.positional("CONFIG", "Config file");
    const auto& sets = v.sets();
    const auto& schema = v.flag("--schema", "Print the JSON Schema of config files instead");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<ConfigArguments>(common);
      a.schema = schema;
      a.config = schema ? config : v.required("CONFIG", config);
      a.sets = sets;
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("inspect", "What is in a checkpoint or a weight file; the whole file is checked",
                   "swin inspect runs/synthetic_micro/last.h5");
    const auto& file =
        v.positional("FILE", "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
    const auto& config =
        v.option("--config", "CONFIG", "Also check that a weight file fits this model");
    const auto& ema = v.flag("--ema", "The averaged weights of a file that holds two sets");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<InspectArguments>(common);
      a.ema = ema;
      a.file = v.required("FILE", file);
      a.config = v.given_text("--config", config);
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("convert", "Weights from one format and library into another, bit for bit",
                   "swin convert swin_t.pth swin_t.h5");
    const auto& input =
        v.positional("IN", "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
    const auto& output = v.positional(
        "OUT", "OUT.h5 (for predict, evaluate, train --init) or OUT.safetensors (for others)");
    const auto& dialect =
        v.option("--dialect", "NAME",
                 "Whose names OUT.safetensors has: official (default), timm, torchvision, "
                 "huggingface; those of IN are recognized");
    const auto& config =
        v.option("--config", "CONFIG",
                 "Model of a weight file that has no config of its own (default: what its shapes "
                 "tell)");
    const auto& ema = v.flag("--ema", "The averaged weights of a file that holds two sets");
    const auto& allow = v.option(
        "--allow", "KEY,…", "Keys of IN that may be left out though unknown; * is any characters");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<ConvertArguments>(common);
      a.ema = ema;
      a.input = v.required("IN", input);
      a.output = v.required("OUT", output);
      a.dialect = v.given_text("--dialect", dialect);
      a.config = v.given_text("--config", config);
      if (v.given("--allow"))
        for (size_t begin = 0; begin <= allow.size();) {
          const size_t end = std::min(allow.find(',', begin), allow.size());
          if (end > begin) a.allow.push_back(allow.substr(begin, end - begin));
          begin = end + 1;
        }
      return Arguments(a);
    });
  }
  {
    Verb& v =
        verb("verify", "Recompute what a golden file holds, of a classifier, a backbone or SimMIM",
             "swin verify tests/goldens/v1_square_window.safetensors "
             "--golden tests/goldens/v1_square.safetensors --config tests/goldens/v1_square.json");
    const auto& file = v.positional(
        "FILE", "Weights in any format and dialect, or counted:SEED (docs/numerics.md)");
    const auto& golden = v.option("--golden", "FILE",
                                  "Golden .safetensors: input, logits or maps, loss, gradients …");
    const auto& config =
        v.option("--config", "CONFIG", "Model of a weight file that has no config of its own");
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<VerifyArguments>(common);
      a.file = v.required("FILE", file);
      a.golden = v.required("--golden FILE", golden);
      a.config = v.given_text("--config", config);
      return Arguments(a);
    });
  }
  {
    Verb& v =
        verb("benchmark",
             "Speed of training steps or inference, against the machine's best matrix product",
             "swin benchmark benchmarks/workloads/w3.json --mode train --threads 2");
    const auto& words =
        v.positionals("CONFIG", "Config file; `data CONFIG` measures the data loader alone");
    const auto& mode = v.option("--mode", "train|infer", "Training steps (default) or forwards");
    const auto& precision = v.option("--precision", "fp32", "Instead of the config's");
    const auto& batch = v.option("--batch", "N", "Images of a step (default: trainer.batch_size)");
    const auto& seconds = v.option("--seconds", "S", "Measure at least this long (default 8)");
    const auto& profile = v.flag("--profile", "Also the time of each kind of op");
    const auto& sets = v.sets();
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<BenchmarkArguments>(common);
      std::vector<std::string> rest = words;
      if (!rest.empty() && rest[0] == "data") {
        a.data = true;
        rest.erase(rest.begin());
      }
      if (rest.empty()) v.missing("CONFIG");
      if (rest.size() > 1)
        throw UsageError(v.name(), "found the argument \"" + rest[1] + "\", expected no more",
                         v.name() + " --help shows an example");
      a.config = rest[0];
      if (v.given("--mode")) a.mode = mode;
      if (a.mode != "train" && a.mode != "infer")
        throw UsageError(v.name() + " --mode", "found \"" + mode + "\", expected train or infer",
                         did_you_mean(mode, {"train", "infer"}, "choose one of them"));
      a.precision = v.given_text("--precision", precision);
      if (v.given("--batch"))
        a.batch_size = number<int64_t>(v.name() + " --batch", batch, 1, 1 << 20,
                                       "a whole number from 1 to 1048576");
      if (v.given("--seconds"))
        a.seconds = number<double>(v.name() + " --seconds", seconds, 0.0, 86400.0,
                                   "a number from 0 to 86400");
      a.profile = profile;
      a.sets = sets;
      return Arguments(a);
    });
  }
  {
    Verb& v = verb("data", "Check the files of a data set, pack them, or draw what a model sees",
                   "swin data check photographs");
    const auto& words = v.positionals(
        "ACTION",
        "check PATH | pack PATH OUT.h5 | preview CONFIG; PATH is a folder, .csv, .jsonl, "
        ".tar, a range of shards ('shard-{000..012}.tar', in quotes) or .h5");
    const auto& preview = v.option("--output", "PNG", "Of preview (default preview.png)");
    const auto& sets = v.sets();
    builders.push_back([&](const CommonArguments& common) {
      auto a = with<DataArguments>(common);
      const std::vector<std::string> actions = {"check", "pack", "preview"};
      if (words.empty()) v.missing("ACTION");
      a.action = words[0];
      if (std::find(actions.begin(), actions.end(), a.action) == actions.end())
        throw UsageError(v.name(), "found \"" + a.action + "\", expected check, pack or preview",
                         did_you_mean(a.action, actions, v.name() + " --help shows an example"));
      if (words.size() < 2) v.missing("PATH");
      a.path = words[1];
      const size_t expected = a.action == "pack" ? 3 : 2;
      if (words.size() < expected) v.missing("OUT.h5");
      if (words.size() > expected)
        throw UsageError(
            v.name(), "found the argument \"" + words[expected] + "\", expected no more",
            words[expected].ends_with(".tar") ? "quote a range of shards: 'shard-{000..012}.tar'"
                                              : v.name() + " --help shows an example");
      if (expected == 3) a.output = words[2];
      // A shard of a range that the shell has spread out would be overwritten.
      if (expected == 3 && !a.output.ends_with(".h5") && !a.output.ends_with(".hdf5"))
        throw UsageError(v.name() + " pack",
                         "found the output \"" + a.output + "\", expected a name that ends in .h5",
                         v.name() + " --help shows an example");
      if (a.action == "preview") {
        a.output = v.given_text("--output", preview).value_or("preview.png");
        a.sets = sets;
      } else if (v.given("--output") || v.given("--set")) {
        throw UsageError(v.name() + " " + a.action,
                         "found --output or --set, expected none: preview alone takes them",
                         v.name() + " --help shows an example");
      }
      return Arguments(a);
    });
  }
  {
    verb("info", "This machine and this build: processor, threads, libraries", "swin info");
    builders.push_back(
        [](const CommonArguments& common) { return Arguments(with<InfoArguments>(common)); });
  }

  std::vector<std::string> words = normalized(argc, argv);
  std::vector<std::string> verb_names;
  for (const Verb& v : verbs) verb_names.push_back(v.app()->get_name());
  if (words.empty()) return HelpArguments{root.help()};
  if (words[0][0] != '-' &&
      std::find(verb_names.begin(), verb_names.end(), words[0]) == verb_names.end())
    throw UsageError("swin",
                     "found the verb \"" + words[0] +
                         "\", expected one of train, evaluate, predict, plan, "
                         "config, inspect, convert, verify, benchmark, data, info",
                     did_you_mean(words[0], verb_names, "swin --help explains them"));
  if (words[0][0] == '-' && words[0] != "--help" && words[0] != "-h" && words[0] != "--version")
    throw UsageError("swin",
                     "found the flag " + words[0].substr(0, words[0].find('=')) +
                         " before a verb, expected a verb",
                     "write it as: swin VERB " + words[0]);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 takes them
    root.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return HelpArguments{root.help()};
  } catch (const CLI::CallForVersion&) {
    return HelpArguments{"swin " SWIN_VERSION "\n"};
  } catch (const CLI::ParseError&) {
    const std::string where = "swin " + words[0];
    throw UsageError(where, refusal_of(*root.get_subcommand(words[0]), words),
                     where + " --help shows an example");
  }
  for (size_t i = 0; i < verbs.size(); ++i) {
    if (!verbs[i].chosen()) continue;
    CommonArguments common = verbs[i].finish();
    for (int word = 0; word < argc; ++word)
      common.command_line += (word ? " " : "") + std::string(argv[word]);
    return builders[i](common);
  }
  return HelpArguments{root.help()};
}

}  // namespace swin::cli
