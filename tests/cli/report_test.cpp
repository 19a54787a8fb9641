// swin report: the page of a run that it writes, its JSON, and each exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(Report, WritesAPageAndSaysWhere) {
  const TemporaryDirectory folder;
  const std::string run = folder / "Maß & Größe", page = run + "/report.html";
  json_of(Words{"train", "configs/synthetic_micro.json", "--output", run} + one_step());
  const Finished result = swin({"report", run});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, MatchesRegex("Report: .*/report.html \\([0-9.]+ KB\\)\n"));
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(read_text(page), HasSubstr("<h1>Run Maß &amp; Größe</h1>"));
  EXPECT_THAT(read_text(page), HasSubstr("finished"));
  EXPECT_THAT(read_text(page), HasSubstr(">--set</td>"));  // the origin of schedule.steps
  EXPECT_THAT(read_text(page), HasSubstr(">configs/synthetic_micro.json:"));

  const std::string other = folder / "other.html";
  const base::Json json = json_of({"report", run, run, "--output", other});
  expect_keys(json, {"report", "runs", "bytes", "notes"});
  EXPECT_EQ(json.at("report").as_string(), other);
  EXPECT_THAT(read_text(other), HasSubstr("2 runs compared"));
}

TEST(Report, ErrorsAreOneLine) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run";
  json_of(Words{"train", "configs/synthetic_micro.json", "--output", run} + one_step());
  const auto refused = [](const Words& words, int exit_code, const std::string& says) {
    const Finished result = swin(words);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"));
    EXPECT_THAT(result.err, HasSubstr(says));
    EXPECT_EQ(result.out, "");
  };
  refused({"report"}, 2, "found no RUN");
  refused({"report", folder / "none"}, 2, "found no such folder");
  refused({"report", folder.path()}, 2, "swin runs " + folder.path().string());
  refused({"report", run, run}, 2, "add --output FILE.html");
  refused({"report", run, "--output", run}, 2, "ends in .html");
  refused({"report", run, "--output", folder / "none/page.html"}, 5, "page.html");
}

}  // namespace
}  // namespace swin::test
