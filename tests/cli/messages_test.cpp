// What people read: no control character reaches a terminal, no line is longer than 400 bytes, and
// a message names the field that is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"
#include "data/decode/decode.h"
#include "files/safetensors.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// A line end, a title for the terminal, DEL, NEL, CSI as one character, and one byte of Latin-1.
const std::string kEvil =
    "a\nb\x1b]0;t\x07"
    "c\x7f\xc2\x85\xc2\x9b"
    "2J\x9b"
    "d";
// The same as valid UTF-8, as class names and JSON have to be.
const std::string kEvilUtf8 =
    "a\nb\x1b]0;t\x07"
    "c\x7f\xc2\x85\xc2\x9b"
    "2J";
const std::string kLong = std::string(100, 'l') + "é" + std::string(100, 'm');

void expect_printable(const std::string& text, const std::string& what) {
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    EXPECT_EQ(base::without_controls(line, '?'), line) << what;
    EXPECT_LE(line.size(), base::kLongestLine) << what;
    begin = end + 1;
  }
}

// Runs a command and looks at all it prints. @param lines of stderr, if given.
Finished expect_printable(const Words& words, int exit_code, const Child::Options& options = {}) {
  Finished result = swin(words, options);
  EXPECT_EQ(result.exit_code, exit_code) << words[0] << ": " << result.err;
  expect_printable(result.out, words[0] + ", stdout");
  expect_printable(result.err, words[0] + ", stderr");
  if (exit_code != 0) {
    EXPECT_THAT(result.err, HasSubstr("swin: ")) << words[0];
    EXPECT_THAT(result.err, HasSubstr("; ")) << words[0];
  }
  return result;
}

void write_images(const fs::path& folder, const std::string& start, int count) {
  fs::create_directories(folder);
  for (int i = 0; i < count; ++i)
    data::write_png(folder / (start + std::to_string(i) + ".png"),
                    data::Image{24, 24, 3, std::vector<uint8_t>(24 * 24 * 3, uint8_t(i))});
}

// Half of the set to train on, half to validate.
Words micro_on(const fs::path& set) {
  return {"--set", "data.train.format=image_folder", "--set", "data.train.samples=null",
          "--set", "data.validation.samples=null",   "--set", "data.train.path=" + set.string(),
          "--set", "data.train.fraction=0.5",        "--set", "data.validation.fraction=0.5",
          "--set", "trainer.batch_size=4",           "--set", "schedule.steps=2",
          "--set", "schedule.epochs=null",           "--set", "schedule.warmup_epochs=0"};
}

// A set, a run, weights and pictures whose names are `name`, and every verb on them.
class Messages : public testing::Test {
 protected:
  void every_verb(const std::string& file_name, const std::string& class_name) {
    const fs::path set = folder_ / "set", run = folder_ / ("run" + file_name);
    write_images(set / class_name, file_name, 4);
    write_images(set / "other", file_name, 4);
    const Words data = micro_on(set);
    const Words config = {"configs/synthetic_micro.json"};
    expect_printable(Words{"train"} + config + data + Words{"--output", run}, 0);
    expect_printable(Words{"train"} + config + data + Words{"--output", run}, 0);  // finished
    const std::string last = run / "last.h5", picture = set / "other" / (file_name + "0.png");
    expect_printable({"evaluate", last}, 0);
    expect_printable({"evaluate", last, "--data", set}, 0);
    expect_printable({"predict", last, picture, picture}, 0);
    expect_printable({"inspect", last}, 0);
    expect_printable({"report", run}, 0);
    const std::string weights = folder_ / (file_name + ".safetensors");
    expect_printable({"convert", last, weights}, 0);
    expect_printable({"inspect", weights}, 0);
    expect_printable(Words{"config"} + config + data, 0);
    expect_printable({"data", "check", set}, 0);
    expect_printable({"data", "pack", set, folder_ / (file_name + ".h5")}, 0);
    expect_printable(Words{"data", "preview"} + config + data +
                         Words{"--output", folder_ / (file_name + ".png")},
                     0);
    // The same with files that cannot be read.
    write_text(set / class_name / (file_name + "7.png"), "no picture");
    write_text(set / class_name / (file_name + "8.png"), "no picture");
    write_text(set / class_name / (file_name + "9.txt"), "no picture");
    expect_printable({"data", "check", set}, 3);
    expect_printable({"predict", last, set / class_name / (file_name + "7.png")}, 3);
    expect_printable(Words{"data", "preview"} + config + data +
                         Words{"--output", folder_ / (file_name + ".png")},
                     0);
    expect_printable(Words{"train"} + config + data + Words{"--output", folder_ / "second"} +
                         Words{"--set", "data.max_bad_fraction=0"} +
                         Words{"--set", "data.validation=null"},
                     3);
    // What is not there, or is something else.
    const std::string none = folder_ / ("none" + file_name), garbage = folder_ / ("x" + file_name);
    write_text(garbage, "garbage " + file_name);
    for (const std::string& path : {none, garbage}) {
      for (const char* verb : {"train", "plan", "config"}) expect_printable({verb, path}, 2);
      for (const char* verb : {"evaluate", "inspect"}) expect_printable({verb, path}, 4);
      expect_printable({"convert", path, folder_ / "y.h5"}, 4);
      expect_printable({"predict", path, picture}, 4);
      expect_printable({"report", path}, 2);
      expect_printable({"predict", last, path}, 3);
      expect_printable({"data", "check", path}, 3);
      expect_printable({"evaluate", last, "--data", path}, 3);
      expect_printable(Words{"train"} + config + Words{"--init", path, "--output", folder_ / "i"},
                       4);
      expect_printable(Words{"train"} + config + micro_on(path) + Words{"--output", folder_ / "i"},
                       3);
    }
    // Words of the command line.
    expect_printable({file_name}, 2);
    expect_printable({"info", file_name}, 2);
    expect_printable({"info", "--" + file_name}, 2);
    expect_printable({"--" + file_name, "info"}, 2);
    expect_printable({"info", "--threads", file_name}, 2);
    expect_printable({"info", "--isa", file_name}, 2);
    expect_printable(Words{"config"} + config + Words{"--set", "task.name=" + file_name}, 2);
    expect_printable(Words{"config"} + config + Words{"--set", "data." + file_name + "=1"}, 2);
    expect_printable(Words{"config"} + config + Words{"--set", "runtime.output=" + class_name}, 0);
    Child::Options variable;
    variable.environment = {{"SWIN_ISA", file_name}};
    expect_printable({"info"}, 2, variable);
    variable.environment = {{"OMP_WAIT_POLICY", "passive"}, {"GOMP_SPINCOUNT", file_name}};
    EXPECT_EQ(swin({"info"}, variable).out.find('\x1b'), std::string::npos);
  }
  TemporaryDirectory folder_;
};

TEST_F(Messages, NoControlCharacterReachesATerminal) { every_verb(kEvil, kEvilUtf8); }

TEST_F(Messages, NoLineIsLongerThan400Bytes) { every_verb(kLong, kLong); }

TEST_F(Messages, JsonHoldsNamesWholeWithoutControlCharacters) {
  write_images(folder_ / "set" / kEvilUtf8, "1", 1);
  write_images(folder_ / "set" / kLong, "2", 1);
  const Finished result = swin({"data", "check", folder_ / "set", "--json"});
  std::string lines = result.out;
  std::erase(lines, '\n');
  EXPECT_EQ(base::without_controls(lines, '?'), lines);
  const base::Json json = base::parse_json(result.out, "stdout");
  EXPECT_EQ(json.at("classes").items()[0].at("name").as_string(), kEvilUtf8);
  EXPECT_EQ(json.at("classes").items()[1].at("name").as_string(), kLong);
}

TEST_F(Messages, HundredsOfClassesAreAShortLine) {
  write_images(folder_ / "picture", "", 1);
  for (int i = 0; i < 300; ++i)
    for (const std::string set : {"set", "other"}) {
      const fs::path one = folder_ / set / (set + " " + std::to_string(i) + kLong);
      fs::create_directories(one);
      fs::create_hard_link(folder_ / "picture/0.png", one / "1.png");
    }
  const Finished result =
      swin(Words{"train", "configs/synthetic_micro.json", "--output", folder_ / "run"} +
           micro_on(folder_ / "set") +
           Words{"--set", "data.validation.path=" + (folder_ / "other").string(), "--set",
                 "data.train.fraction=1", "--set", "data.validation.fraction=1"});
  expect_printable(result.out + result.err, "train");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr(" more"));
}

// Each set is named by its own field, and the advice, followed to the letter, works.
TEST_F(Messages, AWrongPathNamesItsField) {
  write_images(folder_ / "good/ant", "1", 4);
  write_images(folder_ / "good/bee", "2", 4);
  const std::string good = folder_ / "good", nowhere = folder_ / "nowhere";
  const Words train =
      Words{"train", "configs/synthetic_micro.json", "--output", folder_ / "run"} + micro_on(good);
  struct Case {
    Words wrong;
    std::string section, field;
  };
  for (const Case& one :
       {Case{{"--set", "data.train.path=" + nowhere}, "data.train", "data.train.path"},
        Case{{"--set", "data.validation.path=" + nowhere},
             "data.validation",
             "data.validation.path"}}) {
    const Finished result = swin(train + one.wrong);
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_THAT(result.err, HasSubstr("swin: " + one.section + ": " + nowhere));
    EXPECT_THAT(result.err, EndsWith("; correct " + one.field + " (in the config, or --set " +
                                     one.field + "=…)\n"));
    if (one.field != "data.train.path") {
      EXPECT_THAT(result.err, Not(HasSubstr("data.train")));
    }
  }
  const Finished trained = swin(
      train + Words{"--set", "data.validation.path=" + good, "--set", "data.test.path=" + nowhere});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const std::string last = folder_ / "run/last.h5";
  const Finished tested = swin({"evaluate", last});
  EXPECT_EQ(tested.exit_code, 3);
  EXPECT_THAT(tested.err, HasSubstr("swin: data.test: " + nowhere));
  EXPECT_THAT(tested.err, HasSubstr("; correct data.test.path (in the config, or --set"));
  EXPECT_EQ(swin({"evaluate", last, "--set", "data.test.path=" + good}).exit_code, 0);
  const Finished given = swin({"evaluate", last, "--data", nowhere});
  EXPECT_EQ(given.exit_code, 3);
  EXPECT_THAT(given.err, HasSubstr(nowhere));
  EXPECT_THAT(given.err, EndsWith("; correct --data\n"));
  EXPECT_EQ(swin({"evaluate", last, "--data", good}).exit_code, 0);
  const Finished checked = swin({"data", "check", nowhere});
  EXPECT_THAT(checked.err, EndsWith("; correct the path\n"));
}

// A set of another kind than the path says, in every format: the section is named.
TEST_F(Messages, ASetThatCannotBeReadNamesItsSection) {
  write_images(folder_ / "good/ant", "1", 4);
  write_text(folder_ / "empty.csv", "");
  write_text(folder_ / "empty.tar", "");
  write_text(folder_ / "empty.h5", "");
  fs::create_directories(folder_ / "empty");
  const Words train = Words{"train", "configs/synthetic_micro.json", "--output", folder_ / "run"} +
                      micro_on(folder_ / "good");
  for (const auto& [format, path] :
       std::vector<std::pair<std::string, std::string>>{{"image_folder", "empty"},
                                                        {"manifest", "empty.csv"},
                                                        {"webdataset", "empty.tar"},
                                                        {"hdf5", "empty.h5"},
                                                        {"packed", "empty.h5"},
                                                        {"mnist", "empty"},
                                                        {"cifar10", "empty"}}) {
    const Finished result =
        swin(train + Words{"--set", "data.validation.format=" + format, "--set",
                           "data.validation.path=" + (folder_ / path).string()});
    EXPECT_EQ(result.exit_code, 3) << format << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("swin: data.validation: ")) << format;
    EXPECT_THAT(result.err, HasSubstr(path)) << format;
    EXPECT_THAT(result.err, Not(HasSubstr("data.train"))) << format;
  }
}

TEST_F(Messages, AFlagBeforeTheVerbIsShownBehindIt) {
  const std::vector<std::pair<Words, std::string>> table = {
      {{"--isa", "baseline", "info"}, "swin info --isa baseline"},
      {{"--threads=2", "info", "--json"}, "swin info --json --threads=2"},
      {{"--json", "config", "configs/synthetic_micro.json"},
       "swin config configs/synthetic_micro.json --json"},
      {{"--set", "model.name=\"vit\"", "config"}, "swin config --set 'model.name=\"vit\"'"},
      {{"--isa", "baseline"}, "swin VERB --isa baseline"}};
  for (const auto& [words, advice] : table) {
    const Finished result = swin(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, EndsWith("; write it as: " + advice + "\n"));
    // A shell runs it as it stands there.
    Child::Options shell;
    shell.runner = {"/bin/sh", "-c", "swin() { \"$0\" \"$@\"; }; " + advice};
    const Finished followed = swin({}, shell);
    const bool is_whole = advice.find("VERB") == std::string::npos && words.back() != "config";
    EXPECT_EQ(followed.exit_code, is_whole ? 0 : 2) << followed.err;
    EXPECT_THAT(followed.err, Not(HasSubstr("before a verb")));
  }
}

}  // namespace
}  // namespace swin::test
