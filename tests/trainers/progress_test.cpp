#include "trainers/report/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/support/terminal.h"

namespace swin::trainers {
namespace {

/// The output of a Progress to a pipe, which is not a terminal.
template <class Function>
std::string written(bool quiet, Function function) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  {
    Progress progress({.quiet = quiet, .file_descriptor = ends[1], .plain_seconds = 1e9});
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
          .epoch = 1,
          .total_epochs = 2,
          .losses = {{"loss", 1.25}},
          .learning_rate = 0.001,
          .batch_size = 3806,
          .images = 456'700,
          .seconds = 1000,
          .data_wait_seconds = 12.3};
}

TEST(Progress, PlainLinesWithoutEscapesWhereThereIsNoTerminal) {
  const std::string text = written(false, [](Progress& progress) {
    for (int64_t step = 1; step <= 10; ++step) progress.step(at(step));
    progress.note("done");
  });
  EXPECT_EQ(
      text,
      "epoch 1/2  step 1/10  loss 1.2500  lr 0.001  457 images/s  1m 15s left  data wait 1.2%\n"
      "epoch 1/2  step 10/10  loss 1.2500  lr 0.001  457 images/s  0s left  data wait "
      "1.2%\ndone\n");
}

TEST(Progress, APassOverImagesIsShownOnTerminalsOnly) {
  const std::string text = written(false, [](Progress& progress) {
    for (int64_t done = 0; done <= 10; ++done) progress.images("checking", done, 10);
  });
  EXPECT_EQ(text, "");
}

TEST(Progress, APassOverImagesOnATerminalEndsFull) {
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  swin::test::Terminal terminal;
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
    EXPECT_EQ(text.substr(0, text.find("\r\033[K", 1)), "\r\033[K████░░░░░░░░░░░░  checking 3/10");
    EXPECT_THAT(text, ::testing::HasSubstr("\r\033[K████████████████  checking 10/10  "));
    EXPECT_THAT(text, ::testing::EndsWith(" images/s  0s left\r\n"));
  }
}

TEST(Progress, QuietShowsWarningsOnly) {
  const std::string text = written(true, [](Progress& progress) {
    progress.step(at(1));
    progress.note("nothing");
    progress.warning("careful");
  });
  EXPECT_EQ(text, "careful\n");
}

TEST(Progress, Durations) {
  EXPECT_EQ(duration_text(12), "12s");
  EXPECT_EQ(duration_text(185), "3m 05s");
  EXPECT_EQ(duration_text(3720), "1h 02m");
  EXPECT_EQ(duration_text(-1), "?");
}

}  // namespace
}  // namespace swin::trainers
