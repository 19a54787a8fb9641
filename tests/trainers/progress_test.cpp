#include "trainers/report/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "tests/support/screen.h"
#include "tests/support/terminal.h"
#include "trainers/report/evaluation_report.h"

namespace swin::trainers {
namespace {

using swin::test::Screen;
using swin::test::Terminal;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Lines = std::vector<std::string>;

/// The output of a Progress to a pipe, which is not a terminal.
template <class Function>
std::string written(bool quiet, Function function) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  {
    Progress progress(
        {.quiet = quiet, .file_descriptor = ends[1], .plain_seconds = 1e9, .monitor = "segm_AP"});
    function(progress);
  }
  close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

StepReport at(int64_t step) {
  return {.step = step,
          .total_steps = 10,
          .epoch = (step - 1) / 8 + 1,
          .total_epochs = 2,
          .losses = {{"loss", 1.25 - 0.1 * static_cast<double>(step - 1)}},
          .learning_rate = 0.001,
          .batch_size = 3806,
          .images = 456'700,
          .seconds = 1000,
          .data_wait_seconds = 12.3,
          .steps_per_epoch = 8};
}

EpochReport measured(const tasks::Metrics& metrics, bool new_best = false) {
  return {.epoch = 1, .total_epochs = 2, .metrics = metrics, .new_best = new_best};
}

/// What COCO's evaluation gives: 12 numbers of masks, 12 of boxes.
tasks::Metrics detector_metrics() {
  tasks::Metrics metrics;
  double value = 0.5;
  for (const char* kind : {"segm_", "box_"})
    for (const char* name : {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1",
                             "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"})
      metrics.emplace_back(std::string(kind) + name, value -= 0.01);
  return metrics;
}

/// A terminal and what it shows.
class OnTerminal : public ::testing::Test {
 protected:
  OnTerminal() {
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
  }
  /// The rows of a terminal after `function`, all that ever was on it.
  template <class Function>
  Lines rows_after(unsigned short columns, Function function, const std::string& monitor = "top1") {
    Terminal terminal(columns);
    Screen screen(columns);
    {
      Progress progress({.file_descriptor = terminal.descriptor(), .monitor = monitor});
      function(progress);
    }
    screen.feed(terminal.written());
    return screen.rows();
  }
};

TEST(Progress, PlainLinesWithoutEscapesWhereThereIsNoTerminal) {
  const std::string text = written(false, [](Progress& progress) {
    for (int64_t step = 1; step <= 10; ++step) progress.step(at(step));
    progress.note("done");
  });
  EXPECT_EQ(
      text,
      "epoch 1/2  step 1/10  loss 1.2500  lr 0.001  457 images/s  1m 15s left  data wait 1.2%\n"
      "epoch 2/2  step 10/10  loss 0.3500  lr 0.001  457 images/s  0s left  data wait "
      "1.2%\ndone\n");
}

TEST(Progress, APlainEvaluationIsOneShortLineOfTheMainMetrics) {
  const std::string text = written(
      false, [](Progress& progress) { progress.evaluated(measured(detector_metrics(), true)); });
  EXPECT_EQ(text,
            "epoch 1/2  segm_AP 0.49  segm_AP50 0.48  box_AP 0.37  segm_AP75 0.47  box_AP50 0.36  "
            "segm_AP_small 0.46  (best)\n");
}

TEST(Progress, TheMonitoredMetricIsTheFirst) {
  const tasks::Metrics few = {{"top1", 0.5}, {"top5", 0.9}, {"loss", 1}};
  EXPECT_EQ(main_metrics(few, "loss"), (tasks::Metrics{{"loss", 1}, {"top1", 0.5}, {"top5", 0.9}}));
  EXPECT_EQ(main_metrics(few, "top1", 1), (tasks::Metrics{{"top1", 0.5}, {"top5", 0.9}}));
  EXPECT_EQ(main_metrics(few, "absent"), few);
  EXPECT_EQ(main_metrics({}, "top1"), tasks::Metrics());
}

TEST(Progress, APassOverImagesIsShownOnTerminalsOnly) {
  const std::string text = written(false, [](Progress& progress) {
    for (int64_t done = 0; done <= 10; ++done) progress.images("checking", done, 10);
  });
  EXPECT_EQ(text, "");
}

TEST_F(OnTerminal, APassOverImagesEndsFull) {
  Terminal terminal;
  for (const bool quiet : {false, true}) {
    {
      Progress progress({.quiet = quiet, .file_descriptor = terminal.descriptor()});
      progress.images("checking", 3, 10);  // drawn at once
      progress.images("checking", 10, 10);
    }
    const std::string text = terminal.written();
    if (quiet) {
      EXPECT_EQ(text, "");
      continue;
    }
    EXPECT_EQ(text.substr(0, text.find('\r', 1)), "\r████░░░░░░░░░░░░  checking 3/10");
    EXPECT_THAT(text, HasSubstr("\r\033[J████████████████  checking 10/10  "));
    EXPECT_THAT(text, testing::EndsWith(" images/s  0s left\r\n"));
  }
}

TEST_F(OnTerminal, ThreeLinesOfARunAreDrawnInPlaceAtAnyWidth) {
  const auto run = [](Progress& progress) {
    progress.note("data.train: 38,060 images");
    for (int64_t step = 1; step <= 10; ++step) progress.step(at(step));  // draws 1 and 10
  };
  EXPECT_THAT(rows_after(200, run),
              ElementsAre("data.train: 38,060 images",
                          "epoch 2/2  ████████████████████████ 100%  2/2    457 images/s  data "
                          "wait 1.2%",
                          "run        ████████████████████████ 100%  10/10  0s left",
                          "loss       0.3500  █▇▆▆▅▄▃▃▂▁  lr 0.001"));
  EXPECT_THAT(rows_after(80, run),
              ElementsAre("data.train: 38,060 images",
                          "epoch 2/2  ████████████ 100%  2/2    457 images/s  data wait 1.2%",
                          "run        ████████████ 100%  10/10  0s left",
                          "loss       0.3500  █▇▆▆▅▄▃▃▂▁  lr 0.001"));
  EXPECT_THAT(rows_after(40, run),
              ElementsAre("data.train: 38,060 images", "epoch 2/2 ████ 100% 457 images/s",
                          "run       ████ 100% 0s left", "loss      0.3500 █▇▅▄▂▁ lr 0.001"));
}

TEST_F(OnTerminal, NoLineWrapsInATerminalOfAnyWidth) {
  for (const unsigned short columns : {1, 2, 7, 11, 20, 33, 59, 60, 61, 100}) {
    const Lines rows = rows_after(columns, [&](Progress& progress) {
      StepReport report = at(1);
      report.total_steps = 1'234'567;
      report.total_epochs = 300;
      progress.step(report);
      progress.evaluated(measured(detector_metrics()));
      report.step = report.total_steps;
      progress.step(report);
    });
    // One line of the evaluation, broken by the terminal, then a table of 7 lines and 3 of the run.
    const std::string note =
        "epoch 1/2  segm_AP 0.49  box_AP 0.37  segm_AP50 0.48  box_AP50 0.36  segm_AP75 0.47  "
        "box_AP75 0.35";
    EXPECT_LE(rows.size(), note.size() / columns + 1 + 10) << columns;
  }
}

TEST_F(OnTerminal, WhatNoLongerFitsIsErasedWhenTheTerminalBecomesNarrower) {
  Terminal terminal(80);
  Screen screen(80);
  Progress progress({.file_descriptor = terminal.descriptor(), .monitor = "top1"});
  progress.note("a line that stays");
  progress.step(at(1));
  screen.feed(terminal.written());
  screen.resize(30);
  terminal.resize(30);
  progress.step(at(10));
  screen.feed(terminal.written());
  EXPECT_THAT(screen.rows(),
              ElementsAre("a line that stays", "epoch 2/2 ████ 100%", "run       ████ 100% 0s left",
                          "loss      0.3500 █▁ lr 0.001"));
}

TEST_F(OnTerminal, MessagesStayAboveAndTheBarsReturnBelow) {
  EXPECT_THAT(rows_after(80,
                         [](Progress& progress) {
                           progress.step(at(10));
                           progress.warning("swin: warning: one");
                           progress.note("two");
                         }),
              ElementsAre("swin: warning: one", "two", HasSubstr("epoch 2/2"), HasSubstr("run"),
                          HasSubstr("loss")));
}

TEST_F(OnTerminal, TheLatestEvaluationIsATable) {
  const auto run = [](Progress& progress) {
    progress.resumed({.latest = {{"top1", 0.75}, {"loss", 1.5}}, .best = 0.875});
    progress.step(at(8));
    progress.evaluated(measured({{"loss", 1.5}, {"top1", 0.5}, {"ece", std::nan("")}}));
    progress.step(at(10));
    progress.evaluated(measured({{"loss", 1.25}, {"top1", 0.9375}, {"ece", 0.5}}, true));
  };
  for (const unsigned short columns : {40, 80}) {
    const Lines rows = rows_after(columns, run);
    ASSERT_EQ(rows.size(), columns == 40 ? 10u : 9u);  // 40 columns break an evaluation
    EXPECT_EQ(Lines(rows.end() - 7, rows.end() - 3),
              (Lines{"epoch 1    now   before   best", "top1    0.9375 ↑ 0.5000 0.9375",
                     "loss    1.2500 ↓ 1.5000", "ece     0.5000        -"}));
  }
  const Lines first = rows_after(80, [](Progress& progress) {
    progress.resumed({.latest = {{"top1", 0.75}}, .best = 0.875});
    progress.step(at(10));
    progress.evaluated(measured({{"top1", 0.5}, {"loss", 1.5}}));
  });
  EXPECT_THAT(first, ElementsAre("epoch 1/2  top1 0.5  loss 1.5", "epoch 1    now   before   best",
                                 "top1    0.5000 ↓ 0.7500 0.8750", "loss    1.5000",
                                 HasSubstr("epoch 2/2"), HasSubstr("run"), HasSubstr("loss")));
}

TEST_F(OnTerminal, ANarrowTableLeavesOutColumnsAndNeverCutsANumber) {
  EpochReport report = measured({{"segm_AP", 0.3594}, {"segm_AP50", 0.5}});
  report.epoch = 12;
  const auto table = [&](int64_t columns) {
    return evaluation_table(report, "segm_AP",
                            {.latest = {{"segm_AP", 0.25}, {"segm_AP50", 0.5}}, .best = 0.375},
                            columns);
  };
  EXPECT_EQ(table(32), (Lines{"epoch 12     now   before   best",
                              "segm_AP   0.3594 ↑ 0.2500 0.3750", "segm_AP50 0.5000 = 0.5000"}));
  EXPECT_EQ(table(31), (Lines{"epoch 12     now   before", "segm_AP   0.3594 ↑ 0.2500",
                              "segm_AP50 0.5000 = 0.5000"}));
  EXPECT_EQ(table(24), (Lines{"epoch 12     now", "segm_AP   0.3594 ↑", "segm_AP50 0.5000 ="}));
  EXPECT_EQ(table(17), (Lines{"epoch 12     now", "segm_AP   0.3594", "segm_AP50 0.5000"}));
  EXPECT_EQ(table(14), (Lines{"           now", "segm_AP 0.3594", "se…AP50 0.5000"}));
  EXPECT_EQ(table(6), (Lines{"   now", "0.3594", "0.5000"}));
  EXPECT_EQ(table(5), (Lines{"   no", "", ""}));
}

TEST_F(OnTerminal, ValuesOfAFewClassesAreALineIfItFits) {
  EvaluationReport evaluation;
  evaluation.class_names = {"red blood cell", "bad\033[2Jname"};
  evaluation.per_class = {{{"precision", 0.25}, {"f1", 0.5}}, {{"precision", 1}, {"f1", NAN}}};
  EpochReport report = measured({{"top1", 0.5}});
  report.evaluation = &evaluation;
  const auto table = [&](int64_t columns, const std::string& monitor = "top1") {
    return evaluation_table(report, monitor, {}, columns);
  };
  EXPECT_EQ(table(79).back(), "class f1  red blood cell 0.50  bad?[2Jname -");
  EXPECT_EQ(table(79, "precision").back(),
            "class precision  red blood cell 0.25  bad?[2Jname 1.00");
  EXPECT_EQ(table(39).size(), 2u);
  evaluation.class_names.assign(11, "a");
  evaluation.per_class.assign(11, {{"f1", 0.5}});
  EXPECT_EQ(table(199).size(), 2u);
}

TEST_F(OnTerminal, ColorsAreLeftOutWhereNoColorSaysSo) {
  for (const char* no_color : {"", "1"}) {
    setenv("NO_COLOR", no_color, 1);
    Terminal terminal;
    Progress progress({.file_descriptor = terminal.descriptor()});
    progress.step(at(1));
    EXPECT_EQ(terminal.written().find("\033[36m") == std::string::npos, *no_color != '\0');
  }
}

TEST_F(OnTerminal, ADumbTerminalGetsPlainLines) {
  setenv("TERM", "dumb", 1);
  Terminal terminal;
  Progress progress({.file_descriptor = terminal.descriptor()});
  progress.step(at(1));
  progress.evaluated(measured({{"top1", 0.5}}));
  EXPECT_THAT(terminal.written(), testing::AllOf(HasSubstr("epoch 1/2  step 1/10"),
                                                 HasSubstr("top1 0.5"), Not(HasSubstr("\033"))));
}

TEST(Progress, QuietShowsWarningsOnly) {
  const std::string text = written(true, [](Progress& progress) {
    progress.step(at(1));
    progress.evaluated(measured({{"top1", 0.5}}));
    progress.note("nothing");
    progress.warning("careful");
  });
  EXPECT_EQ(text, "careful\n");
}

TEST(Progress, RecentMeansAreThoseOfHundredthsOfTheRun) {
  RecentMeans means;
  for (int64_t step = 1; step <= 30; ++step) means.add(step, 1000, static_cast<double>(step));
  EXPECT_EQ(means.last(2), (std::vector<double>{15.5, 25.5}));
  EXPECT_EQ(means.last(9), (std::vector<double>{5.5, 15.5, 25.5}));
}

TEST(Progress, Sparklines) {
  EXPECT_EQ(sparkline({0, 1, 7, 3.4}), "▁▂█▄");
  EXPECT_EQ(sparkline({2, 2}), "▁▁");
  EXPECT_EQ(sparkline({}), "");
}

TEST(Progress, ColumnsOfText) {
  EXPECT_EQ(columns_of("a█é"), 3);
  EXPECT_EQ(columns_of("犬x"), 3);
  EXPECT_EQ(cut_to("犬x", 2), "犬");
  EXPECT_EQ(cut_to("犬x", 1), "");
  EXPECT_EQ(cut_to("\xF0\x9F", 9), "\xF0\x9F");  // cut in a character
  EXPECT_EQ(cut_between_numbers("loss 0.3594", 8), "loss ");
  EXPECT_EQ(cut_between_numbers("loss 0.3594 lr", 11), "loss 0.3594");
  EXPECT_EQ(cut_between_numbers("12.5", 3), "");
  EXPECT_EQ(cut_between_numbers("checking 3", 5), "check");
}

TEST(Progress, Durations) {
  EXPECT_EQ(duration_text(12), "12s");
  EXPECT_EQ(duration_text(185), "3m 05s");
  EXPECT_EQ(duration_text(3720), "1h 02m");
  EXPECT_EQ(duration_text(-1), "?");
}

}  // namespace
}  // namespace swin::trainers
