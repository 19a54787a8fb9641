// A verb of the command line while it is declared. Only arguments.cpp, which defines it, uses
// CLI11.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
}

namespace swin::cli {

/// A verb and its options. CLI11 only stores text. What the text means is checked after parsing, in
/// the order of the declarations, so that the error lines are ours.
class Verb {
 public:
  Verb(CLI::App& root, const std::string& name, const std::string& purpose,
       const std::string& example);
  Verb(const Verb&) = delete;  // the checks hold its address
  Verb& operator=(const Verb&) = delete;
  const std::string& name() const { return name_; }
  bool chosen() const;
  bool given(const std::string& flag) const;
  /// The words of a verb that sorts them itself.
  std::vector<std::string>& words() { return words_; }

  /// The options of every verb.
  void common(CommonArguments& arguments);
  void positional(const std::string& placeholder, std::string& text, const std::string& meaning);
  void required_positional(const std::string& placeholder, std::string& text,
                           const std::string& meaning);
  void positionals(const std::string& placeholder, std::vector<std::string>& list,
                   const std::string& meaning);
  /// @param read gets the text after parsing, if the option was given.
  void option(const std::string& flag, const std::string& type, const std::string& meaning,
              const std::function<void(const std::string&)>& read);
  /// @param target a text, or an optional one; keeps its value if the option is not given.
  template <class Text>
  void option(const std::string& flag, const std::string& type, Text& target,
              const std::string& meaning) {
    option(flag, type, meaning, [&target](const std::string& text) { target = text; });
  }
  void flag(const std::string& name, bool& value, const std::string& meaning);
  void sets(std::vector<std::string>& list);
  void check(std::function<void()> action) { checks_.push_back(std::move(action)); }
  void require(const std::string& placeholder, bool missing) const;

  /// After parsing: refuses unknown flags and extra arguments, then runs the checks.
  void finish() const;

 private:
  std::string name_;
  CLI::App* app_;
  std::deque<std::string> texts_;  // addresses stay
  std::vector<std::string> words_;
  std::vector<std::function<void()>> checks_;
};

/// Declares the options of a verb; their values go to its arguments.
void declare(Verb& verb, TrainArguments& arguments);
void declare(Verb& verb, EvaluateArguments& arguments);
void declare(Verb& verb, PredictArguments& arguments);
void declare(Verb& verb, ExplainArguments& arguments);
void declare(Verb& verb, ReportArguments& arguments);
void declare(Verb& verb, PlanArguments& arguments);
void declare(Verb& verb, RunsArguments& arguments);
void declare(Verb& verb, ConfigArguments& arguments);
void declare(Verb& verb, InspectArguments& arguments);
void declare(Verb& verb, ConvertArguments& arguments);
void declare(Verb& verb, VerifyArguments& arguments);
void declare(Verb& verb, BenchmarkArguments& arguments);
void declare(Verb& verb, DataArguments& arguments);
void declare(Verb& verb, InfoArguments& arguments);

}  // namespace swin::cli
