#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include "base/errors.h"
#include "base/text.h"
#include "cli/argument_values.h"

namespace swin::cli {
namespace {

using base::UsageError;

// A verb and its options. CLI11 only stores text. What the text means is checked after parsing, in
// the order of the declarations, so that the error lines are ours.
class Verb {
 public:
  Verb(CLI::App& root, const std::string& name, const std::string& purpose,
       const std::string& example)
      : name_("swin " + name), app_(root.add_subcommand(name, purpose)) {
    app_->footer("Example:\n  " + example);
    app_->allow_extras();
  }
  Verb(const Verb&) = delete;  // the checks hold its address
  Verb& operator=(const Verb&) = delete;
  const std::string& name() const { return name_; }
  bool chosen() const { return app_->parsed(); }
  bool given(const std::string& flag) const { return app_->count(flag) > 0; }
  /// The words of a verb that sorts them itself.
  std::vector<std::string>& words() { return words_; }

  void common(CommonArguments& a) {
    flag("--json", a.json, "Print one JSON document on stdout and nothing else there");
    flag("--quiet", a.quiet, "No progress on stderr");
    option("--threads", "N",
           "Threads (default: the config's runtime.threads, OMP_NUM_THREADS, the cores)",
           [&](const std::string& text) {
             a.threads =
                 number<int>(name_ + " --threads", text, 1, 1024, "a whole number from 1 to 1024");
           });
    option("--isa", base::listing(isa_names(), base::kIsas, "|"),
           "Instruction set of the kernels (default: SWIN_ISA, the best of the processor)",
           [&](const std::string& text) { a.isa = isa_of(name_ + " --isa", text); });
  }
  void positional(const std::string& placeholder, std::string& text, const std::string& meaning) {
    app_->add_option(placeholder, text, meaning)->type_name("");
  }
  void required_positional(const std::string& placeholder, std::string& text,
                           const std::string& meaning) {
    positional(placeholder, text, meaning);
    check([=, this, &text] { require(placeholder, text.empty()); });
  }
  void positionals(const std::string& placeholder, std::vector<std::string>& list,
                   const std::string& meaning) {
    app_->add_option(placeholder, list, meaning)->type_name("");
  }
  /// @param read gets the text after parsing, if the option was given.
  void option(const std::string& flag, const std::string& type, const std::string& meaning,
              const std::function<void(const std::string&)>& read) {
    std::string& text = texts_.emplace_back();
    app_->add_option(flag, text, meaning)->type_name(type);
    check([=, this, &text] {
      if (given(flag)) read(text);
    });
  }
  /// @param target a text, or an optional one; keeps its value if the option is not given.
  template <class Text>
  void option(const std::string& flag, const std::string& type, Text& target,
              const std::string& meaning) {
    option(flag, type, meaning, [&target](const std::string& text) { target = text; });
  }
  void flag(const std::string& name, bool& value, const std::string& meaning) {
    app_->add_flag(name, value, meaning);
  }
  void sets(std::vector<std::string>& list) {
    app_->add_option("--set", list,
                     "Override a field of the config, as path.to.field=value; repeatable")
        ->type_name("FIELD=VALUE")
        ->allow_extra_args(false);
  }
  void check(std::function<void()> action) { checks_.push_back(std::move(action)); }
  void require(const std::string& placeholder, bool missing) const {
    if (missing) throw_missing(name_, placeholder);
  }

  // After parsing: refuses unknown flags and extra arguments, then runs the checks.
  void finish() const {
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
    for (const auto& action : checks_) action();
  }

 private:
  std::string name_;
  CLI::App* app_;
  std::deque<std::string> texts_;  // addresses stay
  std::vector<std::string> words_;
  std::vector<std::function<void()>> checks_;
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

// Where in a weight file the model is.
void declare_place(Verb& v, WeightArguments& a) {
  v.option("--key", "KEY", a.key,
           "Where the weights lie in a .pth of dicts in dicts, as checkpoint.model (default: "
           "looked for)");
  v.option("--prefix", "PREFIX", a.prefix,
           "What the model's keys begin with, as model. (default: the only prefix with all keys "
           "of a model)");
  v.check([&] {
    if (a.ema && a.key)
      throw UsageError(v.name(), "found --ema and --key, expected one of them",
                       "give --key alone: it names the set");
  });
}

// The options of each verb, and where their values go.

void declare(Verb& v, TrainArguments& a) {
  v.required_positional("CONFIG", a.config, "Config file (configs/README.md lists every field)");
  v.sets(a.sets);
  v.option("--output", "DIR", a.output, "Run directory (default: runs/<name of the config>)");
  v.option("--resume", "auto|never|FILE", a.resume,
           "Go on from the newest checkpoint of the run directory that verifies (auto, "
           "the default), from a checkpoint, or start from scratch");
  v.option("--init", "FILE", a.init,
           "Start from the weights of this file, as init.checkpoint (configs/README.md)");
}

void declare(Verb& v, EvaluateArguments& a) {
  v.positional("CHECKPOINT", a.checkpoint,
               "Checkpoint (.h5); it holds model, preprocessing, classes");
  v.option("--data", "PATH", a.data,
           "Instead of the data set trained on: an image folder, one folder per class; a .csv "
           "or .jsonl list; .tar shards; an .h5 file; a folder of the files of CIFAR or MNIST");
  v.option("--detections", "RESULTS", a.detections,
           "Instead of CHECKPOINT: results of any detector as COCO's JSON, compared with the "
           "annotations --data GT.json");
  v.flag("--precision-recall", a.precision_recall,
         "With --detections --json: also the precision-recall curve of each class");
  v.option("--write-detections", "NAME.json", a.write_detections,
           "Of a detector: what it finds as COCO's results, and to NAME_truth.json the objects "
           "that it is compared with");
  v.check([&] { v.require("CHECKPOINT", !a.detections && a.checkpoint.empty()); });
  v.option("--classes", "FILE", a.classes,
           "Names of the checkpoint's classes, one a line in the order of its head");
  v.flag("--ignore-unknown-classes", a.ignore_unknown_classes,
         "Leave out the images, or the objects or pixels, of classes that the checkpoint does not "
         "know");
  v.sets(a.sets);
  v.check([&] { check_detections(a); });
}

void declare(Verb& v, PredictArguments& a) {
  v.required_positional("CHECKPOINT", a.checkpoint, "Checkpoint (.h5)");
  v.positionals("IMAGE", a.images, "JPEG, PNG, WebP, BMP or TIFF files");
  v.check([&] { v.require("IMAGE", a.images.empty()); });
  v.option("--top-k", "N", "Of a classifier: classes per image (default 5)",
           [&](const std::string& text) {
             a.top_k = number<int64_t>(v.name() + " --top-k", text, 1, 1'000'000,
                                       "a whole number of at least 1");
           });
  const auto share = [&](const char* flag, const char* meaning, std::optional<double>& value) {
    v.option(flag, "S", meaning, [&v, flag, &value](const std::string& text) {
      value = number<double>(v.name() + " " + flag, text, 0.0, 1.0, "a number from 0 to 1");
    });
  };
  share("--score", "Of a detector: objects of higher scores only (default: task.test.score)",
        a.score);
  share("--iou",
        "Of a detector: the worse of two boxes of a class goes where they overlap more (default: "
        "task.test.iou)",
        a.iou);
  v.option("--max-detections", "N",
           "Of a detector: the best N objects of an image (default: task.test.max_detections)",
           [&](const std::string& text) {
             a.max_detections = number<int64_t>(v.name() + " --max-detections", text, 1, 1'000'000,
                                                "a whole number of at least 1");
           });
  v.option("--only-classes", "NAME,…", "Of a detector: objects of these classes alone",
           [&](const std::string& text) {
             a.only_classes = comma_separated(text);
             std::erase(a.only_classes, "");
             v.require("name of a class after --only-classes", a.only_classes.empty());
           });
  v.option("--output", "DIR", a.output,
           "Folder for what is drawn and predictions.json: of a segmentation model the classes of "
           "the pixels as PNGs and their colors over the images; of a detector its objects over "
           "the images, and detections.json, COCO's results, for the images.json beside it");
}

void declare(Verb& v, PlanArguments& a) {
  v.positionals("CONFIG", a.configs, "Config file; the model section alone is enough");
  v.flag("--compare", a.compare, "Cost of one image for several configs, as the image grows");
  v.check([&] { check_plan(a, v.given("--sizes")); });
  v.option("--sizes", "N,N", "Compared image sides (default 224,448,672,896,1120)",
           [&](const std::string& text) { a.sizes = image_sizes(text); });
  v.flag("--measure", a.measure, "With --compare: also time the forwards");
  v.sets(a.sets);
}

void declare(Verb& v, ConfigArguments& a) {
  v.positional("CONFIG", a.config, "Config file");
  v.sets(a.sets);
  v.flag("--schema", a.schema, "Print the JSON Schema of config files instead");
  v.check([&] { v.require("CONFIG", a.config.empty() && !a.schema); });
}

void declare(Verb& v, InspectArguments& a) {
  v.required_positional("FILE", a.file,
                        "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  v.option("--config", "CONFIG", a.config, "Also check that a weight file fits this model");
  v.flag("--ema", a.ema, "The averaged weights of a file that holds two sets");
  declare_place(v, a);
}

void declare(Verb& v, ConvertArguments& a) {
  v.required_positional("IN", a.input,
                        "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  v.required_positional("OUT", a.output,
                        "OUT.h5 (for predict, evaluate, train --init), OUT.safetensors (for "
                        "other programs), or OUT/, a folder that transformers or timm opens");
  v.option(
      "--dialect", "NAME", a.dialect,
      "Names of the tensors in OUT.safetensors: official (default), "
      "timm, torchvision, huggingface, mm; those of IN are recognized. For OUT/: huggingface or "
      "timm");
  v.option("--config", "CONFIG", a.config,
           "Model and pre-processing of a weight file that has no config of its own (default: "
           "inferred from its shapes, its folder and the published models)");
  v.option("--classes", "FILE", a.classes,
           "Names of the classes, one a line in the order of the head (default: those of IN)");
  v.flag("--ema", a.ema, "The averaged weights of a file that holds two sets");
  declare_place(v, a);
  v.option("--allow", "KEY,…", "Unknown keys of IN that may be left out; * is any characters",
           [&](const std::string& text) {
             a.allow = comma_separated(text);
             std::erase(a.allow, "");
           });
}

void declare(Verb& v, VerifyArguments& a) {
  v.required_positional("FILE", a.file,
                        "Weights in any format and dialect, or counted:SEED (docs/numerics.md)");
  v.option("--golden", "FILE", a.golden,
           "Golden .safetensors: input, logits or maps, loss, gradients …");
  v.check([&] { v.require("--golden FILE", a.golden.empty()); });
  v.option("--config", "CONFIG", a.config, "Model of a weight file that has no config of its own");
  declare_place(v, a);
}

void declare(Verb& v, BenchmarkArguments& a) {
  v.positionals("CONFIG", v.words(),
                "Config file; `data CONFIG` measures the data loader alone, `kernels CONFIG…` each "
                "op and shape of the models against the machine's roofline");
  v.check([&] { set_configs(v.words(), a); });
  v.option("--mode", "train|infer", a.mode, "Training steps (default) or forwards");
  v.check([&] { check_mode(a.mode); });
  v.option("--precision", "fp32", "Instead of the config's", [&](const std::string& text) {
    a.sets.push_back("trainer.precision=\"" + text + "\"");
  });
  v.option("--batch", "N", "Images per step (default: trainer.micro_batch_size, else batch_size)",
           [&](const std::string& text) {
             a.batch_size = number<int64_t>(v.name() + " --batch", text, 1, 1 << 20,
                                            "a whole number from 1 to 1048576");
           });
  v.option(
      "--seconds", "S", "Measure at least this long (default 8)", [&](const std::string& text) {
        a.seconds =
            number<double>(v.name() + " --seconds", text, 0.0, 86400.0, "a number from 0 to 86400");
      });
  v.flag("--profile", a.profile, "Also time, GFLOP/s, GB/s and share of each kind of op");
  v.option("--trace", "FILE", a.trace,
           "With --profile: write one step, op by op, as a trace that ui.perfetto.dev opens");
  v.check([&] { check_profile(a); });
  v.sets(a.sets);
}

void declare(Verb& v, DataArguments& a) {
  v.positionals("ACTION", v.words(),
                "check PATH|CONFIG | pack PATH OUT.h5 | preview CONFIG | convert CONFIG; PATH is "
                "a folder, .csv, .jsonl, .tar, a range of shards ('shard-{000..012}.tar', in "
                "quotes) or .h5");
  v.check([&] {
    set_action(v.words(), a);
    check_data_flags(a.action, v.given("--output"), v.given("--dataset"), v.given("--set"));
  });
  v.option("--output", "FILE|DIR",
           "Of preview: .png, .jpg or .jpeg (default preview.png); of convert: a folder",
           [&](const std::string& text) {
             a.output = text;
             if (a.action == "preview")
               check_picture_name(v.name() + " preview CONFIG --output", text);
           });
  v.option("--dataset", "train|validation|test", "Of convert: which set of the config",
           [&](const std::string& text) {
             a.dataset = text;
             check_dataset_name(v.name() + " convert CONFIG --dataset", text);
           });
  v.sets(a.sets);
}

void declare(Verb&, InfoArguments&) {}

using Build = std::function<Arguments(const std::string& command_line)>;

// Declares a verb whose arguments are a T. Returns what builds them after parsing.
template <class T>
Build declare_verb(Verb& v) {
  const auto arguments = std::make_shared<T>();
  v.common(*arguments);
  declare(v, *arguments);
  return [&v, arguments](const std::string& command_line) {
    v.finish();
    arguments->command_line = command_line;
    return *arguments;
  };
}

struct VerbEntry {
  const char *name, *purpose, *example;
  Build (*declare)(Verb&);
};

// In the order of the help.
constexpr VerbEntry kVerbs[] = {
    {"train", "Train a model from a config, or go on where a run stopped",
     "swin train configs/synthetic_micro.json --set schedule.epochs=1 --output runs/first",
     declare_verb<TrainArguments>},
    {"evaluate", "Measure a checkpoint on its test images, or on other ones",
     "swin evaluate runs/synthetic_micro/last.h5 --json", declare_verb<EvaluateArguments>},
    {"predict", "Name the classes of images, or of their pixels, or find their objects",
     "swin predict runs/fashion_mnist_demo/last.h5 docs/demo_images/*.png --top-k 3",
     declare_verb<PredictArguments>},
    {"plan", "What a config will cost: stages, parameters, arithmetic, memory, time",
     "swin plan configs/swin_tiny_224.json --set trainer.micro_batch_size=8",
     declare_verb<PlanArguments>},
    {"config", "The resolved config, each value with its origin",
     "swin config configs/fashion_mnist.json --set optimizer.lr=1e-3",
     declare_verb<ConfigArguments>},
    {"inspect", "What is in a checkpoint or a weight file; the whole file is checked",
     "swin inspect runs/synthetic_micro/last.h5", declare_verb<InspectArguments>},
    {"convert", "Weights from one format and library into another, bit for bit",
     "swin convert swin_t.pth swin_t.h5", declare_verb<ConvertArguments>},
    {"verify", "Recompute what a golden file holds, of a classifier, a backbone, SimMIM or UPerNet",
     "swin verify tests/goldens/v1_square_window.safetensors "
     "--golden tests/goldens/v1_square.safetensors --config tests/goldens/v1_square.json",
     declare_verb<VerifyArguments>},
    {"benchmark", "Speed of training steps or inference, against the machine's best matrix product",
     "swin benchmark benchmarks/workloads/w3.json --mode train --threads 2",
     declare_verb<BenchmarkArguments>},
    {"data", "Check the files of a data set, pack them, or draw what a model sees",
     "swin data check photographs", declare_verb<DataArguments>},
    {"info", "This machine and this build: processor, threads, libraries", "swin info",
     declare_verb<InfoArguments>},
};

void check_first_word(const std::vector<std::string>& words) {
  const std::string& word = words[0];
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
        "write it as: swin " + shell_words(verb_first(words, names)));
}

}  // namespace

Arguments parse_arguments(int argc, const char* const* argv) {
  CLI::App root("Train, evaluate and use Swin Transformers from one native program.", "swin");
  root.require_subcommand(0, 1);  // in `swin benchmark data`, `data` is no second verb
  root.footer("Each verb explains itself: swin train --help. Exit codes are listed in README.md.");
  root.set_version_flag("--version", "swin " SWIN_VERSION);
  root.get_formatter()->column_width(34);

  std::deque<Verb> verbs;  // their addresses stay
  std::vector<Build> builds;
  for (const VerbEntry& entry : kVerbs)
    builds.push_back(
        entry.declare(verbs.emplace_back(root, entry.name, entry.purpose, entry.example)));

  const std::vector<std::string> words = normalized(argc, argv);
  if (words.empty()) return HelpArguments{root.help()};
  check_first_word(words);
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
  std::string command_line;
  for (int word = 0; word < argc; ++word)
    command_line += (word ? " " : "") + std::string(argv[word]);
  for (size_t i = 0; i < verbs.size(); ++i)
    if (verbs[i].chosen()) return builds[i](command_line);
  return HelpArguments{root.help()};
}

}  // namespace swin::cli
