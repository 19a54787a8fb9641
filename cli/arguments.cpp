#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>

#include "base/errors.h"
#include "base/text.h"
#include "cli/argument_values.h"
#include "cli/verb.h"

namespace swin::cli {

using base::UsageError;

Verb::Verb(CLI::App& root, const std::string& name, const std::string& purpose,
           const std::string& example)
    : name_("swin " + name), app_(root.add_subcommand(name, purpose)) {
  app_->footer("Example:\n  " + example);
  app_->allow_extras();
}

bool Verb::chosen() const { return app_->parsed(); }

bool Verb::given(const std::string& flag) const { return app_->count(flag) > 0; }

void Verb::common(CommonArguments& a) {
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

void Verb::positional(const std::string& placeholder, std::string& text,
                      const std::string& meaning) {
  app_->add_option(placeholder, text, meaning)->type_name("");
}

void Verb::required_positional(const std::string& placeholder, std::string& text,
                               const std::string& meaning) {
  positional(placeholder, text, meaning);
  check([=, this, &text] { require(placeholder, text.empty()); });
}

void Verb::positionals(const std::string& placeholder, std::vector<std::string>& list,
                       const std::string& meaning) {
  app_->add_option(placeholder, list, meaning)->type_name("");
}

void Verb::option(const std::string& flag, const std::string& type, const std::string& meaning,
                  const std::function<void(const std::string&)>& read) {
  std::string& text = texts_.emplace_back();
  app_->add_option(flag, text, meaning)->type_name(type);
  check([=, this, &text] {
    if (given(flag)) read(text);
  });
}

void Verb::flag(const std::string& name, bool& value, const std::string& meaning) {
  app_->add_flag(name, value, meaning);
}

void Verb::sets(std::vector<std::string>& list) {
  app_->add_option("--set", list,
                   "Override a field of the config, as path.to.field=value; repeatable")
      ->type_name("FIELD=VALUE")
      ->allow_extra_args(false);
}

void Verb::require(const std::string& placeholder, bool missing) const {
  if (missing) throw_missing(name_, placeholder);
}

void Verb::finish() const {
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

namespace {

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
    {"explain", "Windows, masks, attention and class-activation map of a model on an image, drawn",
     "swin explain runs/fashion_mnist_demo/last.h5 docs/demo_images/bag.png --output explained",
     declare_verb<ExplainArguments>},
    {"report", "One page of HTML about a run, or about several compared",
     "swin report runs/synthetic_micro", declare_verb<ReportArguments>},
    {"plan", "What a config will cost: stages, parameters, arithmetic, memory, time",
     "swin plan configs/swin_tiny_224.json --set trainer.micro_batch_size=8",
     declare_verb<PlanArguments>},
    {"runs", "The runs of a folder: state, progress, best value", "swin runs runs --sort metric",
     declare_verb<RunsArguments>},
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
