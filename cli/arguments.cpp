#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

#include "base/errors.h"
#include "base/text.h"
#include "cli/argument_values.h"

namespace swin::cli {
namespace {

using base::UsageError;

// A verb and its options. CLI11 only stores text; numbers are read later, so that the error lines
// are ours.
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
    if (text.empty()) throw_missing(name_, placeholder);
    return text;
  }

  // After parsing: refuses unknown flags and extra arguments, and returns what every verb takes.
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
    if (!extras.empty()) throw_unexpected(name_, extras[0]);
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

// Why CLI11 refused the words of a verb. Its own messages change from version to version.
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

using Builder = std::function<Arguments(const CommonArguments&)>;

// Each of these declares the options of one verb and returns what builds its arguments after
// parsing. The references that a builder captures are to values that the Verb holds.

Builder declare_train(Verb& v) {
  const auto& config = v.positional("CONFIG", "Config file (configs/README.md lists every field)");
  const auto& sets = v.sets();
  const auto& output =
      v.option("--output", "DIR", "Run directory (default: runs/<name of the config>)");
  const auto& resume =
      v.option("--resume", "auto|never|FILE",
               "Go on from the newest checkpoint of the run directory that verifies (auto, "
               "the default), from a checkpoint, or start from scratch");
  const auto& init =
      v.option("--init", "FILE",
               "Start from the weights of this file, as init.checkpoint (configs/README.md)");
  return [&](const CommonArguments& common) {
    auto a = with<TrainArguments>(common);
    a.config = v.required("CONFIG", config);
    a.sets = sets;
    a.output = v.given_text("--output", output);
    if (v.given("--resume")) a.resume = resume;
    a.init = v.given_text("--init", init);
    return a;
  };
}

Builder declare_evaluate(Verb& v) {
  const auto& checkpoint =
      v.positional("CHECKPOINT", "Checkpoint (.h5); it holds model, preprocessing, classes");
  const auto& data =
      v.option("--data", "PATH",
               "Instead of the data set trained on: an image folder, one folder per class; a .csv "
               "or .jsonl list; .tar shards; an .h5 file; a folder of the files of CIFAR or MNIST");
  const auto& sets = v.sets();
  return [&](const CommonArguments& common) {
    auto a = with<EvaluateArguments>(common);
    a.checkpoint = v.required("CHECKPOINT", checkpoint);
    a.data = v.given_text("--data", data);
    a.sets = sets;
    return a;
  };
}

Builder declare_predict(Verb& v) {
  const auto& checkpoint = v.positional("CHECKPOINT", "Checkpoint (.h5)");
  const auto& images = v.positionals("IMAGE", "JPEG, PNG or WebP files");
  const auto& top_k = v.option("--top-k", "N", "Classes per image (default 5)");
  return [&](const CommonArguments& common) {
    auto a = with<PredictArguments>(common);
    a.checkpoint = v.required("CHECKPOINT", checkpoint);
    a.images = images;
    if (a.images.empty()) throw_missing(v.name(), "IMAGE");
    if (v.given("--top-k"))
      a.top_k = number<int64_t>(v.name() + " --top-k", top_k, 1, 1'000'000,
                                "a whole number of at least 1");
    return a;
  };
}

Builder declare_plan(Verb& v) {
  const auto& configs = v.positionals("CONFIG", "Config file; the model section alone is enough");
  const auto& compare =
      v.flag("--compare", "Cost of one image for several configs, as the image grows");
  const auto& sizes =
      v.option("--sizes", "N,N", "Compared image sides (default 224,448,672,896,1120)");
  const auto& measure = v.flag("--measure", "With --compare: also time the forwards");
  const auto& sets = v.sets();
  return [&](const CommonArguments& common) {
    auto a = with<PlanArguments>(common);
    a.configs = configs;
    a.compare = compare;
    a.measure = measure;
    check_plan(a, v.given("--sizes"));
    if (v.given("--sizes")) a.sizes = image_sizes(sizes);
    a.sets = sets;
    return a;
  };
}

Builder declare_config(Verb& v) {
  const auto& config = v.positional("CONFIG", "Config file");
  const auto& sets = v.sets();
  const auto& schema = v.flag("--schema", "Print the JSON Schema of config files instead");
  return [&](const CommonArguments& common) {
    auto a = with<ConfigArguments>(common);
    a.schema = schema;
    a.config = schema ? config : v.required("CONFIG", config);
    a.sets = sets;
    return a;
  };
}

Builder declare_inspect(Verb& v) {
  const auto& file =
      v.positional("FILE", "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  const auto& config =
      v.option("--config", "CONFIG", "Also check that a weight file fits this model");
  const auto& ema = v.flag("--ema", "The averaged weights of a file that holds two sets");
  return [&](const CommonArguments& common) {
    auto a = with<InspectArguments>(common);
    a.ema = ema;
    a.file = v.required("FILE", file);
    a.config = v.given_text("--config", config);
    return a;
  };
}

Builder declare_convert(Verb& v) {
  const auto& input =
      v.positional("IN", "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  const auto& output =
      v.positional("OUT",
                   "OUT.h5 (for predict, evaluate, train --init) or OUT.safetensors (for "
                   "other programs)");
  const auto& dialect = v.option("--dialect", "NAME",
                                 "Names of the tensors in OUT.safetensors: official (default), "
                                 "timm, torchvision, huggingface; those of IN are recognized");
  const auto& config = v.option("--config", "CONFIG",
                                "Model of a weight file that has no config of its own (default: "
                                "inferred from its shapes)");
  const auto& ema = v.flag("--ema", "The averaged weights of a file that holds two sets");
  const auto& allow =
      v.option("--allow", "KEY,…", "Unknown keys of IN that may be left out; * is any characters");
  return [&](const CommonArguments& common) {
    auto a = with<ConvertArguments>(common);
    a.ema = ema;
    a.input = v.required("IN", input);
    a.output = v.required("OUT", output);
    a.dialect = v.given_text("--dialect", dialect);
    a.config = v.given_text("--config", config);
    if (v.given("--allow")) a.allow = comma_separated(allow);
    std::erase(a.allow, "");
    return a;
  };
}

Builder declare_verify(Verb& v) {
  const auto& file =
      v.positional("FILE", "Weights in any format and dialect, or counted:SEED (docs/numerics.md)");
  const auto& golden =
      v.option("--golden", "FILE", "Golden .safetensors: input, logits or maps, loss, gradients …");
  const auto& config =
      v.option("--config", "CONFIG", "Model of a weight file that has no config of its own");
  return [&](const CommonArguments& common) {
    auto a = with<VerifyArguments>(common);
    a.file = v.required("FILE", file);
    a.golden = v.required("--golden FILE", golden);
    a.config = v.given_text("--config", config);
    return a;
  };
}

Builder declare_benchmark(Verb& v) {
  const auto& words =
      v.positionals("CONFIG", "Config file; `data CONFIG` measures the data loader alone");
  const auto& mode = v.option("--mode", "train|infer", "Training steps (default) or forwards");
  const auto& precision = v.option("--precision", "fp32", "Instead of the config's");
  const auto& batch = v.option("--batch", "N", "Images per step (default: trainer.batch_size)");
  const auto& seconds = v.option("--seconds", "S", "Measure at least this long (default 8)");
  const auto& profile = v.flag("--profile", "Also the time of each kind of op");
  const auto& sets = v.sets();
  return [&](const CommonArguments& common) {
    auto a = with<BenchmarkArguments>(common);
    set_config(words, a);
    if (v.given("--mode")) a.mode = mode;
    check_mode(a.mode);
    a.precision = v.given_text("--precision", precision);
    if (v.given("--batch"))
      a.batch_size = number<int64_t>(v.name() + " --batch", batch, 1, 1 << 20,
                                     "a whole number from 1 to 1048576");
    if (v.given("--seconds"))
      a.seconds = number<double>(v.name() + " --seconds", seconds, 0.0, 86400.0,
                                 "a number from 0 to 86400");
    a.profile = profile;
    a.sets = sets;
    return a;
  };
}

Builder declare_data(Verb& v) {
  const auto& words = v.positionals(
      "ACTION",
      "check PATH | pack PATH OUT.h5 | preview CONFIG; PATH is a folder, .csv, .jsonl, "
      ".tar, a range of shards ('shard-{000..012}.tar', in quotes) or .h5");
  const auto& preview = v.option("--output", "PNG", "Of preview (default preview.png)");
  const auto& sets = v.sets();
  return [&](const CommonArguments& common) {
    auto a = with<DataArguments>(common);
    set_action(words, a);
    if (a.action == "preview") {
      a.output = v.given_text("--output", preview).value_or("preview.png");
      a.sets = sets;
    } else if (v.given("--output") || v.given("--set")) {
      throw UsageError(v.name() + " " + a.action,
                       "found --output or --set, expected none: preview alone takes them",
                       v.name() + " --help shows an example");
    }
    return a;
  };
}

Builder declare_info(Verb&) {
  return [](const CommonArguments& common) { return with<InfoArguments>(common); };
}

struct VerbEntry {
  const char *name, *purpose, *example;
  Builder (*declare)(Verb&);
};

// In the order of the help.
constexpr VerbEntry kVerbs[] = {
    {"train", "Train a model from a config, or go on where a run stopped",
     "swin train configs/synthetic_micro.json --set schedule.epochs=1 --output runs/first",
     declare_train},
    {"evaluate", "Measure a checkpoint on its test images, or on other ones",
     "swin evaluate runs/synthetic_micro/last.h5 --json", declare_evaluate},
    {"predict", "Name the classes of images",
     "swin predict runs/fashion_mnist_demo/last.h5 docs/demo_images/*.png --top-k 3",
     declare_predict},
    {"plan", "What a config will cost: stages, parameters, arithmetic, memory, time",
     "swin plan configs/swin_tiny_224.json --set trainer.micro_batch_size=8", declare_plan},
    {"config", "The resolved config, each value with its origin",
     "swin config configs/fashion_mnist.json --set optimizer.lr=1e-3", declare_config},
    {"inspect", "What is in a checkpoint or a weight file; the whole file is checked",
     "swin inspect runs/synthetic_micro/last.h5", declare_inspect},
    {"convert", "Weights from one format and library into another, bit for bit",
     "swin convert swin_t.pth swin_t.h5", declare_convert},
    {"verify", "Recompute what a golden file holds, of a classifier, a backbone or SimMIM",
     "swin verify tests/goldens/v1_square_window.safetensors "
     "--golden tests/goldens/v1_square.safetensors --config tests/goldens/v1_square.json",
     declare_verify},
    {"benchmark", "Speed of training steps or inference, against the machine's best matrix product",
     "swin benchmark benchmarks/workloads/w3.json --mode train --threads 2", declare_benchmark},
    {"data", "Check the files of a data set, pack them, or draw what a model sees",
     "swin data check photographs", declare_data},
    {"info", "This machine and this build: processor, threads, libraries", "swin info",
     declare_info},
};

void check_first_word(const std::string& word) {
  std::vector<std::string> names;
  for (const VerbEntry& entry : kVerbs) names.emplace_back(entry.name);
  if (word[0] != '-' && std::find(names.begin(), names.end(), word) == names.end())
    throw UsageError(
        "swin",
        "found the verb \"" + word + "\", expected one of " + base::listing(names, names.size()),
        did_you_mean(word, names, "swin --help explains them"));
  if (word[0] == '-' && word != "--help" && word != "-h" && word != "--version")
    throw UsageError(
        "swin",
        "found the flag " + word.substr(0, word.find('=')) + " before a verb, expected a verb",
        "write it as: swin VERB " + word);
}

}  // namespace

Arguments parse_arguments(int argc, const char* const* argv) {
  CLI::App root("Train, evaluate and use Swin Transformers from one native program.", "swin");
  root.require_subcommand(0, 1);  // in `swin benchmark data`, `data` is no second verb
  root.footer("Each verb explains itself: swin train --help. Exit codes are listed in README.md.");
  root.set_version_flag("--version", "swin " SWIN_VERSION);
  root.get_formatter()->column_width(34);

  std::deque<Verb> verbs;  // their addresses stay
  std::vector<Builder> builders;
  for (const VerbEntry& entry : kVerbs)
    builders.push_back(
        entry.declare(verbs.emplace_back(root, entry.name, entry.purpose, entry.example)));

  const std::vector<std::string> words = normalized(argc, argv);
  if (words.empty()) return HelpArguments{root.help()};
  check_first_word(words[0]);
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
