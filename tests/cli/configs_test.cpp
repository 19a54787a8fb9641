// What the comment at the top of a config tells to run is run, as it stands there, with a smaller
// model and little data.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "data/decode/decode.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

namespace fs = std::filesystem;

const std::string kConfigs = source_dir() + "/configs/";

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kConfigs))
    if (entry.path().extension() == ".json") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// The lines of the comment before the first brace, without "//".
std::vector<std::string> comment_of(const std::string& config) {
  std::vector<std::string> lines;
  std::istringstream text(read_text(kConfigs + config));
  for (std::string line; std::getline(text, line) && line.starts_with("//");)
    lines.push_back(line.substr(2));
  return lines;
}

Words words_of(const std::string& line) {
  std::istringstream text(line);
  return {std::istream_iterator<std::string>(text), {}};
}

std::string without_full_stop(std::string word) {
  if (word.ends_with('.')) word.pop_back();
  return word;
}

// The commands of a comment, without the program's name: lines that begin with "  swin", each with
// the deeper lines below it, and one of all the flags that the other lines mention.
std::vector<Words> commands_of(const std::string& config) {
  std::vector<Words> commands;
  Words prose;
  bool in_command = false;
  for (const std::string& line : comment_of(config)) {
    const Words words = words_of(line);
    if (line.starts_with("   swin ")) {
      commands.emplace_back(words.begin() + 1, words.end());
      in_command = true;
    } else if (in_command && line.starts_with("     ")) {
      commands.back() = commands.back() + words;
    } else {
      in_command = false;
      prose = prose + words;
    }
  }
  Words flags;
  for (size_t i = 0; i + 1 < prose.size(); ++i)
    if (prose[i].starts_with("--"))
      flags = flags + Words{prose[i], without_full_stop(prose[i + 1])};
  if (!flags.empty()) commands.push_back(Words{"train", "configs/" + config} + flags);
  return commands;
}

// Any config, as a model of two small blocks that learns for one step.
const Words kSmall = {"--set", "model.image_size=16",     "--set", "model.patch_size=2",
                      "--set", "model.embed_dim=4",       "--set", "model.depths=[1,1]",
                      "--set", "model.num_heads=[1,2]",   "--set", "model.window_size=4",
                      "--set", "trainer.batch_size=2",    "--set", "trainer.micro_batch_size=null",
                      "--set", "schedule.steps=1",        "--set", "schedule.epochs=null",
                      "--set", "schedule.warmup_epochs=0"};

// A folder as the comments take it for granted: configs, data sets and weights are in their places.
class ConfigComments : public testing::Test {
 protected:
  ConfigComments() {
    fs::create_directory_symlink(kConfigs, folder_ / "configs");
    for (const char* set :
         {"photographs", "…/train", "…/test", "data/clothing10/train", "data/clothing10/val"})
      images(set);
    label_maps("labelled_photographs");
    fs::create_directories(folder_ / "data/cifar10");
    for (const char* batch : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                              "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
      std::string records;
      for (char label = 0; label < 10; ++label) records += label + std::string(3072, label);
      write_text(folder_ / "data/cifar10" / batch, records);
    }
  }
  void images(const std::string& set) const {
    for (const char* name : {"ant", "bee", "cat"}) {
      fs::create_directories(folder_ / set / name);
      for (int i = 0; i < 10; ++i)
        data::write_png(folder_ / set / name / (std::to_string(i) + ".png"),
                        data::Image{16, 16, 3, std::vector<uint8_t>(768, uint8_t(i))});
    }
  }
  void label_maps(const std::string& set) const {
    for (const char* kind : {"images", "masks"}) {
      fs::create_directories(folder_ / set / kind);
      for (int i = 0; i < 10; ++i) {
        data::Image image{16, 16, *kind == 'm' ? 1 : 3, {}};
        for (int64_t k = 0; k < 256 * image.channels; ++k)
          image.pixels.push_back(static_cast<uint8_t>(k % 2));
        data::write_png(folder_ / set / kind / (std::to_string(i) + ".png"), image);
      }
    }
  }
  Finished run(const Words& words) const {
    Child::Options options;
    options.working_folder = folder_.path();
    return swin(words, options);
  }
  void weights(const std::string& config, const std::string& file) const {
    const Finished made =
        run(Words{"train", "configs/" + config, "--output", "made"} + kSmall +
            Words{"--set", "init.checkpoint=null", "--set", "data.train.path=photographs", "--set",
                  "data.validation.path=photographs"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    fs::create_directories((folder_ / file).parent_path());
    fs::copy_file(folder_ / "made/last.h5", folder_ / file);
    fs::remove_all(folder_ / "made");
  }
  TemporaryDirectory folder_;
};

TEST_F(ConfigComments, TheirCommandsRun) {
  weights("finetune_folder.json", "swin_tiny_patch4_window7_224.pth");
  int commands = 0;
  const auto run_one = [&](const std::string& config, const Words& command) {
    const Finished result = run(command + kSmall + Words{"--quiet"});
    std::string text = "swin";
    for (const std::string& word : command) text += " " + word;
    EXPECT_EQ(result.exit_code, 0) << config << ": " << text << "\n" << result.err;
    ++commands;
  };
  for (const std::string& config : config_names())
    for (const Words& command : commands_of(config)) {
      // What starts from a run's result needs that run first.
      for (const std::string& word : command)
        if (word.starts_with("runs/") && !fs::exists(folder_ / word))
          run_one(config,
                  {"train", "configs/" + fs::path(word).parent_path().stem().string() + ".json"});
      fs::remove_all(folder_ / "runs" / fs::path(command[1]).stem());
      run_one(config, command);
    }
  EXPECT_GE(commands, 6);
}

}  // namespace
}  // namespace swin::test
