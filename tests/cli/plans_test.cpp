// Every config of the project resolves, and swin plan gives the published figures: many starts of
// the program.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"
#include "tests/support/published_models.h"

namespace swin::test {
namespace {

using base::Json;

TEST(Plans, EveryConfigOfTheProjectResolves) {
  int configs = 0;
  for (const char* folder : {"/configs", "/benchmarks/workloads"})
    for (const auto& entry : std::filesystem::directory_iterator(source_dir() + folder)) {
      if (entry.path().extension() != ".json") continue;
      const std::string file = entry.path().string();
      const Finished result =
          swin(std::string(folder) == "/configs" ? Words{"config", file, "--json"}
                                                 : Words{"plan", file, "--json"});
      EXPECT_EQ(result.exit_code, 0) << file << ": " << result.err;
      ++configs;
    }
  EXPECT_GE(configs, 14);
}

TEST(Plans, OfThePublishedModels) {
  const TemporaryDirectory folder;
  for (const PublishedModel& model : published_models()) {
    SCOPED_TRACE(model.label);
    const layers::ModelConfig config = model.config();
    Json section = Json::object();
    section["name"] = model.name;
    section["image_size"] = model.image;
    section["window_size"] = model.window;
    section["embed_dim"] = model.dim;
    section["depths"] = Json::array_of(config.depths);
    section["num_heads"] = Json::array_of(config.num_heads);
    if (!model.pretrained_windows.empty())
      section["pretrained_window_sizes"] = Json::array_of(model.pretrained_windows);
    section["num_classes"] = 1000;
    Json document = Json::object();
    document["model"] = section;
    write_text(folder / "model.json", base::to_text(document));
    const Json plan = json_of({"plan", folder / "model.json"});
    expect_keys(plan, {"parameters", "macs", "stages", "peak_memory_bytes",
                       "inference_memory_bytes", "packed_bytes"});
    EXPECT_EQ(plan.at("parameters").as_int(), model.parameters);
    EXPECT_NEAR(plan.at("macs").as_real() / 1e9, model.giga_macs, 5e-4);
    ASSERT_EQ(plan.at("stages").size(), 4u);
    int64_t parameters = plan.at("patch_embed").at("parameters").as_int() +
                         plan.at("head").at("parameters").as_int();
    for (const Json& stage : plan.at("stages").items())
      parameters += stage.at("parameters").as_int();
    EXPECT_EQ(parameters, model.parameters);
  }
}

}  // namespace
}  // namespace swin::test
