// swin data: check and pack, and training from each format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"
#include "tests/support/terminal.h"

namespace swin::test {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

const std::string kImages = source_dir() + "/tests/data/images/";

class DataVerb : public testing::Test {
 protected:
  DataVerb() {
    for (const char* label : {"ant", "bee"}) {
      fs::create_directories(folder_ / ("set/" + std::string(label)));
      for (int i = 0; i < 4; ++i)
        fs::copy_file(kImages + (i % 2 ? "rgb.png" : "rgb_420.jpg"),
                      folder_ / ("set/" + std::string(label) + "/" + std::to_string(i) + ".jpg"));
    }
  }
  std::string set() const { return folder_ / "set"; }
  // Arguments of a training of two steps from a format.
  Words training(const std::string& format, const std::string& path,
                 const std::string& name) const {
    const std::string config = folder_ / (name + ".json");
    write_text(config,
               R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1],
                             "num_heads": [2], "window_size": 4},
                   "data": {"train": {"format": ")" +
                   format + R"(", "path": ")" + path +
                   R"(", "fraction": 0.5}, "validation": {"fraction": 0.5}},
                   "trainer": {"batch_size": 2}, "schedule": {"steps": 2, "warmup_epochs": 0}})");
    return {"train", config, "--quiet", "--output", folder_ / name};
  }
  TemporaryDirectory folder_;
};

TEST_F(DataVerb, CheckCountsAndFindsNothing) {
  const base::Json json = json_of({"data", "check", set(), "--json"});
  expect_keys(json, {"images", "bytes", "classes", "modes", "sizes", "bad", "duplicates",
                     "links_out", "passed_over", "warnings"});
  EXPECT_EQ(json.at("passed_over").size() + json.at("warnings").size(), 0u);
  EXPECT_EQ(json.at("images").as_int(), 8);
  EXPECT_EQ(json.at("classes").items()[1].at("name").as_string(), "bee");
  EXPECT_EQ(json.at("classes").items()[1].at("images").as_int(), 4);
  EXPECT_EQ(json.at("modes").at("PNG RGB").as_int(), 4);
  EXPECT_EQ(json.at("duplicates").size(), 2u);
  const Finished table = swin({"data", "check", set()});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, HasSubstr("8 images of 2 classes"));
  // The images are 43 wide and 37 high.
  EXPECT_THAT(table.out, HasSubstr("Sizes (width × height): 43 × 37 to 43 × 37, median 43 × 37"));
  EXPECT_EQ(json.at("sizes").at("median").items()[0].as_int(), 37);
}

TEST_F(DataVerb, CheckThatFindsBadFilesExitsThree) {
  write_text(folder_ / "set/ant/bad.jpg", "text");
  const base::Json json = json_of({"data", "check", set(), "--json"}, 3);
  ASSERT_EQ(json.at("bad").size(), 1u);
  EXPECT_EQ(json.at("bad").items()[0].at("path").as_string(), set() + "/ant/bad.jpg");
  const Finished table = swin({"data", "check", set()});
  EXPECT_EQ(table.exit_code, 3);
  EXPECT_THAT(table.out, HasSubstr("ant/bad.jpg: found a file that starts with"));
  EXPECT_THAT(table.err, HasSubstr("found 1 bad file, expected none"));
  // An empty class is no bad file; a set to measure may have it.
  fs::remove(folder_ / "set/ant/bad.jpg");
  fs::create_directories(folder_ / "set/empty");
  const Finished empty = swin({"data", "check", set()});
  EXPECT_EQ(empty.exit_code, 0);
  EXPECT_THAT(empty.out, HasSubstr("Classes without images: 1\n"));
  EXPECT_THAT(empty.err, HasSubstr("1 passed over, class folder without images: " + set()));
  EXPECT_EQ(swin({"data", "check", folder_ / "nowhere"}).exit_code, 3);
}

// Binary sets are recognized by the names of their files, by check and evaluate as by train.
TEST_F(DataVerb, CheckAndEvaluateKnowCifarAndMnist) {
  std::string records;
  for (int i = 0; i < 40; ++i) records += char(i % 10) + std::string(3072, char(20 * (i % 10)));
  const fs::path cifar = fs::path(folder_ / "cifar");
  fs::create_directories(cifar / "cifar-10-batches-bin");
  write_text(cifar / "cifar-10-batches-bin/data_batch_1.bin", records + records);
  write_text(cifar / "cifar-10-batches-bin/test_batch.bin", records);
  EXPECT_EQ(json_of({"data", "check", cifar, "--json"}).at("images").as_int(), 80);
  EXPECT_THAT(swin({"data", "pack", cifar, folder_ / "c.h5"}).err,
              HasSubstr("train from it as it is (format \"cifar10\")"));
  ASSERT_EQ(swin(training("cifar10", cifar, "binary")).exit_code, 0);
  EXPECT_EQ(json_of({"evaluate", folder_ / "binary/last.h5", "--data", cifar, "--json"})
                .at("images")
                .as_int(),
            40);
}

TEST_F(DataVerb, CheckListsWhatIsPassedOver) {
  EXPECT_THAT(swin({"data", "check", set()}).out, testing::Not(HasSubstr("Passed over")));
  fs::create_symlink("nowhere.png", folder_ / "set/ant/gone.png");
  fs::create_symlink(kImages + "rgb.png", folder_ / "set/ant/out.png");
  for (int i = 0; i < 5; ++i)
    write_text(folder_ / ("set/bee/" + std::to_string(i) + ".txt"), "a bee");
  write_text(folder_ / "set/bee/\x1b[31m.txt", "a bee");
  const Finished table = swin({"data", "check", set()});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, HasSubstr("9 images of 2 classes"));
  EXPECT_THAT(table.out, HasSubstr("Passed over, broken link: 1\n  " + set() +
                                   "/ant/gone.png\nPassed over, no image (.txt): 6\n  " + set() +
                                   "/bee/ [31m.txt\n  " + set() + "/bee/0.txt\n"));
  EXPECT_THAT(table.err, HasSubstr(": 9 images of 2 classes\n"));
  EXPECT_THAT(table.err, HasSubstr(": 1 passed over, broken link: "));
  EXPECT_THAT(table.err, HasSubstr(": 6 passed over, no image (.txt): "));
  EXPECT_THAT(table.err, HasSubstr(" and 3 more\n"));
  EXPECT_EQ((table.out + table.err).find('\x1b'), std::string::npos);
  EXPECT_EQ(swin({"data", "check", set(), "--quiet"}).err, "");
  const base::Json json = json_of({"data", "check", set(), "--json"});
  ASSERT_EQ(json.at("links_out").size(), 1u);
  EXPECT_EQ(json.at("links_out").items()[0].as_string(), set() + "/ant/gone.png");
  ASSERT_EQ(json.at("passed_over").size(), 2u);
  EXPECT_EQ(json.at("passed_over").items()[1].at("count").as_int(), 6);
  EXPECT_EQ(json.at("passed_over").items()[1].at("names").items()[5].as_string(),
            set() + "/bee/4.txt");
  // The same from pack, which packs what is left.
  const std::string output = folder_ / "set.h5";
  const Finished packed = swin({"data", "pack", set(), output});
  EXPECT_EQ(packed.err, table.err);
  EXPECT_THAT(packed.out, HasSubstr("Packed 9 images of 2 classes"));
  const base::Json pack = json_of({"data", "pack", set(), output, "--json"});
  EXPECT_EQ(pack.at("passed_over"), json.at("passed_over"));
}

TEST_F(DataVerb, ASlipInThePathIsWarnedOf) {
  fs::create_directories(folder_ / "photos");
  fs::rename(set(), folder_ / "photos/train");
  fs::copy(folder_ / "photos/train", folder_ / "photos/val", fs::copy_options::recursive);
  for (const char* flag : {"--quiet", "--json"}) {
    const Finished check = swin({"data", "check", folder_ / "photos", flag});
    EXPECT_EQ(check.exit_code, 0);
    EXPECT_THAT(check.err, testing::AllOf(HasSubstr("swin: warning: "),
                                          HasSubstr("found classes named train and val"),
                                          HasSubstr("photos/train, ")));
  }
  const base::Json json = json_of({"data", "check", folder_ / "photos", "--json"});
  EXPECT_EQ(json.at("warnings").size(), 1u);
  EXPECT_EQ(swin({"data", "check", folder_ / "photos/train", "--quiet"}).err, "");
}

// The progress bar is only shown on stderr, and only if that is a terminal.
TEST_F(DataVerb, CheckAndPackShowABarOnATerminalOnly) {
  const std::string packed = folder_ / "bar.h5";
  for (const Words& words : {Words{"data", "check", set()}, Words{"data", "pack", set(), packed}}) {
    const Finished plain = swin(words);
    EXPECT_EQ(plain.exit_code, 0);
    EXPECT_EQ(plain.err, set() + ": 8 images of 2 classes\n");
    Terminal terminal;
    Child::Options options;
    options.stderr_path = terminal.path();
    options.environment = {{"TERM", "xterm"}, {"NO_COLOR", "1"}};
    EXPECT_EQ(swin(words, options).out, plain.out);
    EXPECT_THAT(terminal.written(), HasSubstr(words[1] + "ing 8/8"));
    for (const char* silent : {"--quiet", "--json"}) {
      EXPECT_EQ(swin(words + Words{silent}, options).exit_code, 0);
      EXPECT_EQ(terminal.written(), "") << silent;
    }
    options.environment = {{"TERM", "dumb"}};
    swin(words, options);
    EXPECT_EQ(terminal.written(), set() + ": 8 images of 2 classes\r\n");
  }
}

TEST_F(DataVerb, WrongWordsExitTwo) {
  for (const Words& words : {Words{"data"}, Words{"data", "chek", "x"}, Words{"data", "check"},
                             Words{"data", "pack", "x"}, Words{"data", "check", "x", "y"}})
    EXPECT_EQ(swin(words).exit_code, 2) << words.back();
}

// The shell expands a range of shards that is not quoted: the output would be a shard.
TEST_F(DataVerb, PackOverwritesPackedSetsOnly) {
  write_text(folder_ / "s-1.tar", "a shard");
  const Finished shard = swin({"data", "pack", set(), folder_ / "s-1.tar"});
  EXPECT_EQ(shard.exit_code, 2);
  EXPECT_THAT(shard.err, HasSubstr("expected a name that ends in .h5"));
  EXPECT_EQ(read_text(folder_ / "s-1.tar"), "a shard");
  EXPECT_THAT(swin({"data", "check", set(), folder_ / "s-1.tar"}).err,
              HasSubstr("quote a range of shards: 'shard-{000..012}.tar'"));
  const std::string output = folder_ / "set.h5";
  write_text(output, "other data");
  const Finished other = swin({"data", "pack", set(), output});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("set.h5: found a file that is not a packed data set"));
  EXPECT_EQ(read_text(output), "other data");
  fs::remove(output);
  EXPECT_EQ(swin({"data", "pack", set(), output}).exit_code, 0);
  EXPECT_EQ(swin({"data", "pack", set(), output}).exit_code, 0);
}

TEST_F(DataVerb, CheckNamesClassesWithoutImages) {
  write_text(folder_ / "set/classes.txt", "ant\nbee\nwasp\n");
  write_text(folder_ / "set/list.csv", "path,label\nant/0.jpg,ant\nbee/1.jpg,bee\n");
  const Finished check = swin({"data", "check", folder_ / "set/list.csv"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_THAT(check.out, HasSubstr("wasp        0\n\nClasses without images: 1\n"));
  EXPECT_THAT(swin({"data", "check", set()}).out, testing::Not(HasSubstr("without images")));
}

TEST_F(DataVerb, APackedSetTrainsAsItsFolderDoes) {
  const base::Json json = json_of({"data", "pack", set(), folder_ / "set.h5", "--json"});
  EXPECT_EQ(json.at("images").as_int(), 8);
  EXPECT_EQ(json_of({"data", "check", folder_ / "set.h5", "--json"}).at("images").as_int(), 8);
  std::string list = "path,label\n";
  for (const char* label : {"ant", "bee"})
    for (int i = 0; i < 4; ++i) {
      const std::string path = std::string(label) + "/" + std::to_string(i) + ".jpg";
      list += path + "," + label + "\n";
    }
  write_text(folder_ / "set/list.csv", list);
  std::vector<double> losses;
  const std::pair<const char*, std::string> formats[] = {{"image_folder", set()},
                                                         {"packed", folder_ / "set.h5"},
                                                         {"manifest", folder_ / "set/list.csv"}};
  for (const auto& [format, path] : formats) {
    const Finished run = swin(training(format, path, format));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    losses.push_back(json_of({"evaluate", folder_ / (std::string(format) + "/last.h5"), "--json"})
                         .at("loss")
                         .as_real());
  }
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
  // A checkpoint knows its classes by name, whatever data it is measured on.
  EXPECT_EQ(json_of({"evaluate", folder_ / "image_folder/last.h5", "--data",
                     folder_ / "set/list.csv", "--json"})
                .at("images")
                .as_int(),
            8);
}

TEST_F(DataVerb, OtherClassesInTheValidationAreNamed) {
  fs::create_directories(folder_ / "other/ant");
  fs::create_directories(folder_ / "other/wasp");
  for (const char* label : {"ant", "wasp"})
    fs::copy_file(kImages + "rgb.png", folder_ / ("other/" + std::string(label) + "/1.png"));
  Words words = training("image_folder", set(), "run");
  words.insert(words.end(),
               {"--set", "data.validation.path=\"" + (folder_ / "other").string() + "\"", "--set",
                "data.validation.fraction=1"});
  const Finished run = swin(words);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("found the class wasp, expected those of data.train (ant, bee)"));
  // The remedy, followed.
  ASSERT_THAT(run.err, HasSubstr("--set data.ignore_unknown_classes=true"));
  std::erase(words, "--quiet");
  words.insert(words.end(), {"--set", "data.ignore_unknown_classes=true"});
  const Finished without = swin(words);
  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_THAT(without.err, HasSubstr("data.validation: left out 1 image of 1 class"));
  EXPECT_THAT(without.err, HasSubstr("data.validation: no image of 1 of 2 classes (bee)"));
}

}  // namespace
}  // namespace swin::test
