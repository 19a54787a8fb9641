// The page of runs, from folders that are written here by hand.
#include "trainers/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>
#include <string>

#include "base/errors.h"
#include "data/decode/decode.h"
#include "tests/support/temporary_directory.h"
#include "tests/trainers/run_support.h"
#include "trainers/report/report_parts.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::micro_config;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using testing::TemporaryDirectory;

const std::string kBad = "<script>alert(1)</script>&\"'";
const std::string kShown = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;";

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  test::write_text(path.string(), text);
}

/// A run of two epochs with one evaluation, whose class and file names hold HTML.
void make_run(const fs::path& run, const std::string& name = "boot") {
  write(run / "config.json", base::to_text(to_json(micro_config()), 2));
  write(run / "run.json", R"({"host": "h", "command": "swin train", "times": {"started":
    "2026-11-30T10:00:00Z"}, "result": {"steps": 4, "seconds": 65, "images_per_second": 120.5},
    "exit_code": 0})");
  write(run / "log.jsonl",
        R"({"step":1,"epoch":1,"loss":2.5,"part":1.5,"lr":0.1,"grad_norm":3,"images_per_second":9})"
        "\n"
        R"({"step":2,"epoch":1,"loss":null,"part":1.25,"lr":0.05,"grad_norm":2})"
        "\n"
        R"({"epoch":1,"top1":0.5,"top5":1,"loss":2,"evaluate_seconds":1,"bad_images":0})"
        "\n"
        R"({"epoch":2,"top1":0.25,"top5":1,"loss":3,"bad_images":0})"
        "\n");
  base::Json json = base::parse_json(R"({"step": 4, "epoch": 2, "set": "data.validation",
    "images": 12, "bad_images": 1, "metrics": {"top1": 0.25, "loss": 3, "ece": 0.125},
    "classes": ["", "bag"],
    "per_class": [{"class_name": "", "precision": 0.75, "support": 8},
                  {"class_name": "bag", "precision": -1, "support": 4}],
    "confusion_matrix": {"entries": [[0, 0, 7], [0, 1, 1], [1, 0, 4]]},
    "calibration": {"ece": 0.125, "bins": [{"lower": 0, "upper": 1, "count": 12,
                                             "confidence": 0.5, "accuracy": 0.25}]},
    "worst": [{"file": "", "caption": "", "picture": "worst/01.png"},
              {"file": "lost.png", "caption": "lost", "picture": "worst/02.png"}],
    "answers": [{"file": "a.png", "caption": "answer", "picture": "answers/01.png"}]})",
                                     "evaluation");
  json["classes"].items()[0] = name;
  json["worst"].items()[0]["file"] = name + ".png";
  json["worst"].items()[0]["caption"] = "bag, taken for " + name;
  write(run / "evaluation/evaluation.json", base::to_text(json));
  const data::Image image{1, 2, 3, {255, 0, 0, 0, 255, 0}};
  fs::create_directories(run / "evaluation/worst");
  fs::create_directories(run / "evaluation/answers");
  data::write_png((run / "evaluation/worst/01.png").string(), image);
  data::write_png((run / "evaluation/answers/01.png").string(), image);
}

std::string page_of(const ReportOptions& options) {
  return test::read_text(write_report(options).path);
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

TEST(Report, HasASectionForAllThatTheRunSays) {
  const TemporaryDirectory folder;
  const fs::path run = fs::path(folder.path()) / "Größe und Maß";
  make_run(run);
  const ReportResult result = write_report({.runs = {run.string()}, .output = {}});
  EXPECT_EQ(result.path, (run / "report.html").string());
  EXPECT_THAT(result.notes, ElementsAre("1 picture of evaluation/worst cannot be shown; "
                                        "worst/02.png is missing."));
  const std::string page = test::read_text(result.path);
  EXPECT_EQ(result.bytes, std::ssize(page));
  for (const char* part :
       {"<h1>Run Größe und Maß</h1>",
        "finished",
        "best top1 of epoch 1",
        "1m 05s",
        "Loss</text>",
        "Parts of the training loss",
        "top1 by epoch",
        "Learning rate",
        "Norm of the gradient",
        "Speed",
        "12 images of data.validation after step 4, epoch 2; 1 image could not be read",
        "<h3>Classes</h3>",
        ">0.7500</td>",
        "Confusion matrix",
        "bag → boot: 4",
        "Most confused",
        "error: 0.1250",
        "Accuracy by confidence",
        "<h2>Worst mistakes</h2>",
        "bag, taken for boot",
        "1 picture of evaluation/worst cannot be shown",
        "<h2>Answers</h2>",
        "no checkpoint here",
        "schedule.warmup_steps",
        "have their default",
        "swin train"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_EQ(count(page, "src=\"data:image/png;base64,"), 2u);
  EXPECT_EQ(count(page, "<img"), count(page, " alt=\""));
  EXPECT_THAT(page, Not(HasSubstr("NaN")));
}

TEST(Report, NamesThatHoldHtmlAreShownAndNothingIsOutside) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run & <b>";
  make_run(run, kBad);
  const std::string page = page_of({.runs = {run}, .output = {}});
  EXPECT_THAT(page, HasSubstr("<h1>Run run &amp; &lt;b&gt;</h1>"));
  EXPECT_GE(count(page, kShown), 6u);  // classes, matrix, pairs, picture and its alternative text
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  const std::string xmlns = "xmlns=\"http://www.w3.org/2000/svg\"";
  EXPECT_EQ(count(page, "://"), count(page, xmlns));
  std::string without_pictures = page;  // for the regular expression's stack
  for (size_t at; (at = without_pictures.find("base64,")) != std::string::npos;)
    without_pictures.erase(at, without_pictures.find('"', at) - at);
  EXPECT_FALSE(
      std::regex_search(without_pictures, std::regex("href|url\\(|<link|@import|<iframe")));
  EXPECT_EQ(count(page, "src="), count(page, "src=\"data:image/png;"));
}

TEST(Report, ARunThatIsTornOrOfAnOlderVersionGivesAPage) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  make_run(run);
  fs::remove_all(run / "evaluation");
  fs::remove(run / "run.json");
  const std::string log = test::read_text((run / "log.jsonl").string());
  write(run / "log.jsonl", "no JSON\n" + log + R"({"step":3,"epoch":2,"lo)");
  write(run / "init.json", "{\"file\": \"swin");
  const ReportResult result = write_report({.runs = {run.string()}, .output = {}});
  const std::string page = test::read_text(result.path);
  for (const char* part :
       {"does not say how it ended", "has no evaluation folder", "1 line of log.jsonl",
        "init.json is damaged (line 1", "run.json is missing"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(result.notes, SizeIs(2));
  EXPECT_THAT(page, Not(HasSubstr("swin evaluate")));  // there is nothing that it could evaluate
  write(run / "best.h5", "");
  EXPECT_THAT(page_of({.runs = {run.string()}, .output = {}}),
              HasSubstr("<code>swin evaluate RUN/best.h5 --output RUN/evaluation</code>"));
  const RunHistory history = read_history(run / "log.jsonl", base::Json());
  ASSERT_THAT(history.losses, SizeIs(2));
  EXPECT_THAT(history.losses[0].points, SizeIs(2));  // without the torn one
  EXPECT_TRUE(std::isnan(history.losses[0].points[1].second));
  // Both epochs after the last step that was logged, or at the steps of run.json.
  EXPECT_THAT(history.validation_loss.points, ElementsAre(Pair(2, 3)));
  const base::Json record = base::parse_json(R"({"steps_per_epoch": 3, "total_steps": 4})", "run");
  EXPECT_THAT(read_history(run / "log.jsonl", record).validation_loss.points,
              ElementsAre(Pair(3, 2), Pair(4, 3)));

  for (const char* damaged : {"", "[]", "{}", R"({"step": 1, "epoch": 1, "set": "s", "images": 1,
        "bad_images": 0, "metrics": {}, "confusion_matrix": {"entries": [[0, 9, 1]]}})"}) {
    write(run / "evaluation/evaluation.json", damaged);
    EXPECT_THAT(page_of({.runs = {run.string()}, .output = {}}),
                HasSubstr("evaluation/evaluation.json cannot be read"))
        << damaged;
  }
  fs::remove(run / "config.json");
  write(run / "log.jsonl", "");
  EXPECT_THAT(page_of({.runs = {run.string()}, .output = {}}), HasSubstr("nothing to draw"));
}

TEST(Report, WhatIsNoPictureOrNoLogIsSaid) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  make_run(run);
  write(run / "evaluation/worst/01.png", "no picture");
  fs::remove(run / "log.jsonl");
  fs::create_directory(run / "log.jsonl");
  fs::remove(run / "evaluation/answers/01.png");
  fs::create_directory(run / "evaluation/answers/01.png");
  const ReportResult result = write_report({.runs = {run.string()}, .output = {}});
  EXPECT_THAT(
      result.notes,
      ElementsAre("log.jsonl is no file, so there are no curves.",
                  AllOf(HasSubstr("2 pictures of evaluation/worst cannot be shown; the "
                                  "first one: "),
                        HasSubstr("worst/01.png: found ")),
                  HasSubstr("evaluation/answers cannot be shown; answers/01.png is no file")));
  EXPECT_THAT(test::read_text(result.path), Not(HasSubstr("to keep the page small")));
  fs::remove(run / "evaluation/evaluation.json");
  fs::create_directory(run / "evaluation/evaluation.json");
  EXPECT_THAT(page_of({.runs = {run.string()}, .output = {}}),
              HasSubstr("evaluation/evaluation.json is no file"));
}

TEST(Report, OnlyRegularFilesAreRead) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  fs::create_directories(run / "evaluation");
  std::ofstream(run / "config.json") << "{}";
  for (const char* name : {"run.json", "log.jsonl", "bad.jsonl", "evaluation/evaluation.json"})
    ASSERT_EQ(mkfifo((run / name).c_str(), 0600), 0);
  const ReportedRun read = read_reported_run(run, "run");
  EXPECT_THAT(read.notes, ::testing::IsSupersetOf(
                              {std::string("run.json is no regular file, so it was not read."),
                               std::string("log.jsonl is no file, so there are no curves.")}));
}

TEST(Report, PicturesOfOtherFoldersAreNotTaken) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  make_run(run);
  data::write_png((run / "secret.png").string(), {1, 1, 3, {1, 2, 3}});
  std::string json = test::read_text((run / "evaluation/evaluation.json").string());
  json.replace(json.find("worst/01.png"), 12, "../secret.png");
  write(run / "evaluation/evaluation.json", json);
  EXPECT_EQ(count(page_of({.runs = {run.string()}, .output = {}}), "<img"), 1u);
}

TEST(Report, RunsAreCompared) {
  const TemporaryDirectory folder;
  const std::string one = folder / "one", two = folder / "two", output = folder / "compared.html";
  make_run(one);
  make_run(two);
  write(fs::path(two) / "config.json",
        base::to_text(to_json(micro_config({"optimizer.lr=0.25"})), 2));
  EXPECT_THAT(message_of<base::UsageError>([&] {
                write_report({.runs = {one, two}, .output = {}});
              }),
              HasSubstr("add --output"));
  const ReportResult result = write_report({.runs = {one, two}, .output = output});
  EXPECT_EQ(result.path, output);
  const std::string page = test::read_text(output);
  for (const char* part : {"2 runs compared", "Training loss", "top1 by epoch", ">one</text>",
                           ">two</text>", "optimizer.lr", ">0.25</td>"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, Not(HasSubstr("optimizer.weight_decay")));  // is equal

  // Where the first run has no validation loss, the second one is alone and keeps its color.
  const std::string log = R"({"step":1,"epoch":1,"loss":2.5,"images_per_second":9})";
  write(fs::path(one) / "log.jsonl", log + "\n");
  const std::string alone = page_of({.runs = {one, two}, .output = output});
  const std::string chart = alone.substr(alone.find("<title>Validation loss"));
  EXPECT_THAT(chart.substr(0, chart.find("</svg>")),
              AllOf(HasSubstr("<path class=\"line1\" stroke-width"), HasSubstr(">two</text>"),
                    Not(HasSubstr("<path class=\"line0"))));
  // The speed is that of the whole training, as on the page of one run.
  EXPECT_EQ(count(alone, "<td class=\"number\">121</td>"), 2u);
  EXPECT_THAT(page_of({.runs = {one}, .output = {}}), HasSubstr("<b>121</b>images/s in training"));

  const std::string same = folder / "other/one";  // names of folders that are equal: paths
  make_run(same);
  EXPECT_THAT(page_of({.runs = {one, same}, .output = output}), HasSubstr("other/one</text>"));
}

TEST(Report, OriginsOfTheConfigAreThoseOfTheRecord) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  make_run(run);
  const std::string before = page_of({.runs = {run.string()}, .output = {}});
  EXPECT_THAT(before, HasSubstr("does not say where its values come from"));
  const std::regex lr(R"(<tr><td class="name short">optimizer\.lr</td><td class="wide">0\.002</td>)"
                      R"(<td class="name short">set</td></tr>)");
  EXPECT_TRUE(std::regex_search(before, lr));
  write(run / "run.json", R"({"config_origins": {"optimizer.lr": "a.json:7"}})");
  const std::string page = page_of({.runs = {run.string()}, .output = {}});
  EXPECT_THAT(page, HasSubstr(">a.json:7</td>"));
  EXPECT_THAT(page, HasSubstr(">the run itself</td>"));  // of what has no origin and is no default
  EXPECT_THAT(page, Not(HasSubstr("does not say where")));
}

TEST(Report, StaysSmall) {
  const TemporaryDirectory folder;
  const fs::path run = folder / "run";
  make_run(run);
  base::Json json = base::parse_json(test::read_text((run / "evaluation/evaluation.json").string()),
                                     "evaluation");
  base::Json& worst = json["worst"] = base::Json::array();
  data::Image noise{256, 256, 3, {}};
  uint32_t state = 1;
  for (int k = 0; k < 256 * 256 * 3; ++k)
    noise.pixels.push_back(static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24));
  data::write_png((run / "evaluation/worst/01.png").string(), noise);
  for (int k = 0; k < 50; ++k)
    worst.push_back(base::parse_json(
        R"({"file": "n.png", "caption": "noise", "picture": "worst/01.png"})", "picture"));
  write(run / "evaluation/evaluation.json", base::to_text(json));
  const ReportResult result = write_report({.runs = {run.string()}, .output = {}});
  EXPECT_LT(result.bytes, 10'000'000);
  EXPECT_GT(result.bytes, 8'000'000);
  EXPECT_THAT(
      test::read_text(result.path),
      HasSubstr("more pictures in evaluation/worst, left out here to keep the page small."));
}

TEST(Report, WhatIsNoRunIsNamed) {
  const TemporaryDirectory folder;
  const auto refused = [&](const std::string& run) {
    return message_of<base::UsageError>([&] { write_report({.runs = {run}, .output = {}}); });
  };
  EXPECT_THAT(refused(folder / "none"), HasSubstr("found no such folder"));
  EXPECT_THAT(refused(folder.path()), HasSubstr("swin runs " + folder.path().string()));
  write(fs::path(folder.path()) / "file", "");
  EXPECT_THAT(refused(folder / "file"), HasSubstr("found a file"));
  write(fs::path(folder.path()) / "new/lock", "");  // as a run is in the first moment
  fs::create_directory(folder / "new/checkpoints");
  EXPECT_THAT(refused(folder / "new"), AllOf(HasSubstr("found a run that has not started"),
                                             HasSubstr("swin train"), Not(HasSubstr("swin runs"))));
}

}  // namespace
}  // namespace swin::trainers
