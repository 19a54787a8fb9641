// swin explain: the folder that it writes, its JSON, and each exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;

TEST(Explain, WritesAPageItsPartsAndSaysWhatIsWrong) {
  const TemporaryDirectory folder;
  const std::string run = folder / "run", last = run + "/last.h5", out = folder / "drawn <b>",
                    bag = "docs/demo_images/bag.png";
  json_of(Words{"train", "configs/synthetic_micro.json", "--output", run} + one_step());
  const Words explain = {"explain", last, bag, "--output", out};

  const base::Json json = json_of(explain);
  expect_keys(json, {"image", "model", "size", "input", "stages", "shift", "attention",
                     "relative_position_bias", "scores", "class_map", "missing", "pictures"});
  for (const base::Json& picture : json.at("pictures").items())
    EXPECT_EQ(read_text(out + "/" + picture.as_string()).substr(1, 3), "PNG")
        << picture.as_string();
  EXPECT_EQ(base::parse_json(read_text(out + "/explain.json"), "file"), json);
  const std::string page = read_text(out + "/explain.html");
  EXPECT_THAT(page, HasSubstr("<img"));
  EXPECT_THAT(page, HasSubstr("Cyclic shift, regions and mask"));
  for (const char* outside : {"<script", "src=\"http", "href=\"http"})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  EXPECT_THAT(swin(explain).out, HasSubstr("explain.html"));
  EXPECT_EQ(read_text(out + "/explain.html"), page);

  struct Wrong {
    Words words;
    int exit_code;
    const char* says;
  };
  const std::vector<Wrong> table = {
      {explain + Words{"--stage", "2"}, 2, "--stage: found 2, expected 0 to 1, the stages"},
      {explain + Words{"--block", "9"}, 2, "--block: found 9, expected 0 to 1, the blocks of"},
      {explain + Words{"--head", "1"}, 2, "--head: found 1, expected 0, the heads of stage 0"},
      {explain + Words{"--token", "6,0"}, 2, "expected a row from 0 to 5 and a column from 0 to 5"},
      {explain + Words{"--pixel", "0,99"}, 2, "what the model sees of this image"},
      {explain + Words{"--class", "cirle"}, 2, "did you mean circle?"},
      {{"explain", last, folder / "none.png", "--output", out}, 3, "none.png"},
      {{"explain", bag, bag, "--output", out}, 4, "bag.png"},
      {{"explain", last, bag, "--output", bag}, 5, "bag.png"},
  };
  for (const Wrong& wrong : table) {
    const Finished result = swin(wrong.words);
    EXPECT_EQ(result.exit_code, wrong.exit_code) << wrong.says;
    EXPECT_THAT(result.err, HasSubstr(wrong.says));
  }
}

}  // namespace
}  // namespace swin::test
