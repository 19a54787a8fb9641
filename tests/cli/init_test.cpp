// swin train --init: from one run to another, through a file with another library's names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;

const std::string kMicro = "configs/synthetic_micro.json";

class Init : public testing::Test {
 protected:
  Finished train(const std::string& run, const Words& more) const {
    return swin(Words{"train", kMicro, "--output", folder_ / run, "--set", "schedule.steps=1",
                      "--set", "data.validation=null", "--set", "schedule.warmup_steps=0",
                      "--threads", "1"} +
                more);
  }
  base::Json report(const std::string& run) const {
    return base::parse_json(read_text(folder_ / (run + "/init.json")), "init.json");
  }
  TemporaryDirectory folder_;
};

TEST_F(Init, TakesAnotherLibrarysNames) {
  ASSERT_EQ(train("first", {}).exit_code, 0);
  const std::string checkpoint = folder_ / "first/last.h5", timm = folder_ / "timm.safetensors";
  ASSERT_EQ(swin({"convert", checkpoint, timm, "--dialect", "timm"}).exit_code, 0);

  const Finished straight = train("straight", {"--init", checkpoint});
  ASSERT_EQ(straight.exit_code, 0) << straight.err;
  const Finished around = train("around", {"--init", timm});
  ASSERT_EQ(around.exit_code, 0) << around.err;
  EXPECT_THAT(around.err, HasSubstr("(safetensors, timm names): "));
  EXPECT_EQ(report("around").at("dialect").as_string(), "timm");
  EXPECT_EQ(report("straight").at("counts").at("loaded"),
            report("around").at("counts").at("loaded"));
  // Equal weights train equally: the losses agree to the last digit.
  const auto loss = [&](const std::string& run) {
    const std::string log = read_text(folder_ / (run + "/log.jsonl"));
    return base::to_text(base::parse_json(log.substr(0, log.find('\n')), run).at("loss"));
  };
  EXPECT_EQ(loss("straight"), loss("around"));
  EXPECT_NE(loss("straight"), loss("first"));
}

TEST_F(Init, TheFlagSetsTheConfigsField) {
  ASSERT_EQ(train("first", {}).exit_code, 0);
  const std::string checkpoint = folder_ / "first/last.h5";
  ASSERT_EQ(train("flag", {"--init", checkpoint, "--set", "init.checkpoint=other.h5"}).exit_code,
            0);
  // The flag sets the config's field, so this is the same run, already finished.
  const Finished field = train("flag", {"--set", "init.checkpoint=" + checkpoint});
  EXPECT_EQ(field.exit_code, 0) << field.err;
  EXPECT_THAT(field.err, HasSubstr("is finished"));
  EXPECT_EQ(train("flag", {}).exit_code, 2);
}

TEST_F(Init, RefusesInOneLine) {
  const auto refused = [&](const Words& more, int code, const std::string& says) {
    const Finished result = train("run", more);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_THAT(result.err,
                testing::MatchesRegex("swin: [^\n]+: [^\n]+, expected [^\n]+; [^\n]+\n"));
    EXPECT_THAT(result.err, HasSubstr(says));
  };
  refused({"--init", folder_ / "none.safetensors"}, 4, "none.safetensors");
  refused({"--init", "tests/goldens/v1_square_window.safetensors"}, 4, "v1_square_window");
  refused({"--set", "trainer.freeze=[\"layer.0.*\"]"}, 2, "the nearest is \"layers.0.*\"");
  refused({"--set", "trainer.freeze=[\"*\"]"}, 2, "expected some left to train");
}

}  // namespace
}  // namespace swin::test
