// Shipped configs parse; files merge; a resolved config parses to itself; README, schema and code
// list the same fields.
#include "trainers/config/config.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "base/json.h"
#include "tasks/task_table.h"
#include "tests/support/places.h"
#include "tests/trainers/config_files.h"
#include "trainers/config/fields.h"
#include "trainers/config/optimizer_table.h"
#include "trainers/config/schedule_table.h"

namespace swin::trainers {
namespace {

const std::string kConfigs = swin::test::source_dir() + "/configs/";

std::vector<std::string> shipped() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kConfigs))
    if (entry.path().extension() == ".json") names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(ShippedConfigs, EachParsesAndResolvesToItself) {
  const std::vector<std::string> files = shipped();
  EXPECT_GE(files.size(), 10u);
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const base::Json resolved = to_json(load_config(file));
    EXPECT_EQ(to_json(parse_config(resolved)), resolved);
    EXPECT_EQ(difference(resolved, resolved), "");
    const base::Json read = base::parse_json(base::to_text(resolved, 2), "again");
    EXPECT_EQ(base::to_text(to_json(parse_config(read)), 2), base::to_text(resolved, 2));
  }
}

TEST(ShippedConfigs, SayWhatTheModelsAre) {
  const struct {
    const char* name;
    int64_t image, embed_dim, window;
    std::vector<int64_t> depths;
    double drop_path;
  } cases[] = {
      {"swin_tiny_224", 224, 96, 7, {2, 2, 6, 2}, 0.2},
      {"swin_small_224", 224, 96, 7, {2, 2, 18, 2}, 0.3},
      {"swin_base_224", 224, 128, 7, {2, 2, 18, 2}, 0.5},
      {"swin_large_224", 224, 192, 7, {2, 2, 18, 2}, 0.2},
      {"swin_base_384", 384, 128, 12, {2, 2, 18, 2}, 0.5},
      {"swin_large_384", 384, 192, 12, {2, 2, 18, 2}, 0.2},
      {"cifar10", 32, 96, 4, {2, 6, 4}, 0.1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Config config = load_config(kConfigs + c.name + ".json");
    EXPECT_EQ(config.model.image_size, (layers::Size2{c.image, c.image}));
    EXPECT_EQ(config.model.embed_dim, c.embed_dim);
    EXPECT_EQ(config.model.window_size, (layers::Size2{c.window, c.window}));
    EXPECT_EQ(config.model.depths, c.depths);
    EXPECT_EQ(config.model.drop_path_rate, c.drop_path);
    const std::optional<int64_t> resize =
        c.image == 224 ? std::optional<int64_t>(256) : std::nullopt;
    EXPECT_EQ(config.preprocess.resize, resize);
  }
  EXPECT_EQ(load_config(kConfigs + "swin_tiny_224.json").optimizer.lr_scale(1024), 2);
}

TEST(ShippedConfigs, NoCheckpointIsChosenOnTestImages) {
  for (const std::string& file : shipped()) {
    const Config config = load_config(file);
    const std::string& format = config.data.train.format;
    if (!config.data.validation || format == "image_folder" || format == "synthetic") continue;
    EXPECT_FALSE(config.data.validation->split == "test" && config.checkpoint.keep_best) << file;
  }
  const Config best = load_config(kConfigs + "fashion_mnist.json");
  EXPECT_TRUE(best.checkpoint.keep_best);
  EXPECT_EQ(best.data.validation->split, "train");
  EXPECT_EQ(best.data.train.fraction_end, best.data.validation->fraction_begin);
  EXPECT_EQ(best.data.test->split, "test");
}

TEST(Config, ReadmeListsEveryField) {
  std::ifstream file(kConfigs + "README.md");
  std::vector<std::string> listed;
  for (std::string line; std::getline(file, line);)
    if (line.rfind("| `", 0) == 0 && line.find(".json`") == std::string::npos)
      listed.push_back(line);
  std::vector<std::string> expected;
  for (const FieldDescription& field : describe_fields()) {
    EXPECT_FALSE(field.meaning.empty()) << field.path;
    expected.push_back("| `" + field.path + "` | " + field.type + " | " + field.default_text +
                       " | " + field.meaning + " | " + field.official + " |");
  }
  for (size_t i = 0; i < std::max(listed.size(), expected.size()); ++i)
    ASSERT_EQ(i < listed.size() ? listed[i] : "(no row)",
              i < expected.size() ? expected[i] : "(no field)")
        << "configs/README.md (left) and trainers/config/fields.cpp (right)";
}

TEST(Config, ResolvedConfigHasExactlyTheListedFields) {
  const Config config = memory_config(
      R"({"data": {"train": {"format": "synthetic"}, "validation": {}, "test": {}},
          "augment": {"random_resized_crop": {}}})");
  std::vector<std::string> resolved;
  for (const Origin& origin : origins(base::Json::object(), config))
    resolved.push_back(origin.path);
  std::vector<std::string> listed;  // without the fields of rows that are not chosen
  for (const Field& field : all_fields())
    if (field.rows.empty() || field.present(config)) listed.push_back(field.path);
  EXPECT_EQ(resolved, listed);
  EXPECT_LT(listed.size(), describe_fields().size());
  const base::Json json = to_json(config);
  for (const std::string& path : listed) {
    const base::Json* at = &json;
    for (size_t begin = 0; at && begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      at = at->find(path.substr(begin, end - begin));
      begin = end + 1;
    }
    EXPECT_NE(at, nullptr) << path;
  }
}

TEST(Config, FieldsOfARowAreThereWhereItIsChosen) {
  const Config sgd = memory_config(kSynthetic, {"optimizer.name=sgd", "optimizer.momentum=0.5"});
  EXPECT_EQ(sgd.optimizer.own.number("momentum"), 0.5);
  EXPECT_TRUE(sgd.optimizer.own.boolean("nesterov"));  // the default
  const base::Json json = to_json(sgd).at("optimizer");
  EXPECT_EQ(json.find("betas"), nullptr);
  EXPECT_TRUE(json.at("nesterov").as_bool());
  EXPECT_EQ(to_json(parse_config(to_json(sgd))), to_json(sgd));
  // Another name drops what only the old one has; a field that both have stays.
  const char* base = R"({"data": {"train": {"format": "synthetic"}},
                         "optimizer": {"betas": [0.5, 0.6], "weight_decay": 0.25},
                         "schedule": {"min_lr": 1e-6}})";
  const Config other = memory_config(base, {"optimizer.name=sgd", "schedule.name=linear"});
  EXPECT_EQ(other.optimizer.own.find("betas"), nullptr);
  EXPECT_EQ(other.optimizer.weight_decay, 0.25);
  EXPECT_EQ(other.schedule.own.number("min_lr"), 1e-6);
  // On one command line nothing is dropped, in whichever order it is given.
  for (const std::vector<std::string>& sets :
       {std::vector<std::string>{"optimizer.betas=[0.5,0.6]", "optimizer.name=sgd"},
        {"optimizer.name=sgd", "optimizer.betas=[0.5,0.6]"}})
    EXPECT_THROW(memory_config(kSynthetic, sets), base::UsageError);
}

// One field of the table serves all rows that have a field of its name.
template <class Rows>
void expect_equal_fields(const Rows& rows) {
  for (const base::ConfigRow& a : rows)
    for (const base::ConfigRow& b : rows)
      for (const base::RowField& field : a.fields) {
        const base::RowField* other = b.find(field.name);
        if (!other) continue;
        EXPECT_EQ(field.kind, other->kind) << field.name;
        EXPECT_EQ(field.initial, other->initial) << field.name;
        EXPECT_EQ(field.minimum, other->minimum) << field.name;
        EXPECT_EQ(field.maximum, other->maximum) << field.name;
        EXPECT_STREQ(field.meaning, other->meaning) << field.name;
      }
}

TEST(Config, FieldsOfOneNameAreEqualInAllRows) {
  expect_equal_fields(optimizer_rows());
  expect_equal_fields(schedule_rows());
  expect_equal_fields(tasks::task_rows());
}

TEST(Config, SchemaDescribesEveryFieldAndNoOther) {
  const base::Json schema = config_schema();
  EXPECT_EQ(schema.at("$schema").as_string(), "http://json-schema.org/draft-07/schema#");
  size_t leaves = 0;
  const std::function<void(const base::Json&, const std::string&)> visit =
      [&](const base::Json& node, const std::string& path) {
        EXPECT_FALSE(node.at("additionalProperties").as_bool()) << path;
        for (const auto& [name, child] : node.at("properties").members()) {
          if (child.find("properties")) {
            visit(child, path + name + ".");
          } else if (!path.empty()) {
            ++leaves;
            EXPECT_TRUE(child.find("description")) << path + name;
            EXPECT_TRUE(child.find("type") || child.find("enum") || child.find("anyOf"))
                << path + name;
          }
        }
      };
  visit(schema, "");
  EXPECT_EQ(leaves, describe_fields().size());
  const base::Json& seed = schema.at("properties").at("trainer").at("properties").at("seed");
  EXPECT_EQ(seed.at("type").as_string(), "integer");
  EXPECT_EQ(seed.at("minimum").as_int(), 0);
  EXPECT_EQ(seed.at("default").as_int(), 0);
}

TEST(Config, DefaultsAreTheOfficialOnes) {
  const Config config = memory_config(kSynthetic);
  EXPECT_EQ(config.model.embed_dim, 96);
  EXPECT_EQ(config.optimizer.lr, 5e-4);
  EXPECT_EQ(config.optimizer.own.number("eps"), 1e-8);
  EXPECT_EQ(config.trainer.clip_grad, 5.0);
  EXPECT_EQ(config.schedule.epochs, 300);
  EXPECT_EQ(config.preprocess.resize, 256);
  EXPECT_EQ(config.preprocess.mean, (std::vector<double>{0.485, 0.456, 0.406}));
  EXPECT_EQ(memory_config(kSynthetic, {"model.image_size=192"}).preprocess.resize, 219);
  EXPECT_EQ(memory_config(kSynthetic, {"model.image_size=256"}).preprocess.resize, 292);
  EXPECT_EQ(memory_config(kSynthetic, {"model.image_size=32"}).preprocess.resize, std::nullopt);
  EXPECT_EQ(memory_config(kSynthetic, {"preprocess.resize=null"}).preprocess.resize, std::nullopt);
  // As in timm: floor(224 / 0.9). The resolved config, which has both fields, parses.
  const Config timm = memory_config(kSynthetic, {"preprocess.crop_pct=0.9"});
  EXPECT_EQ(timm.preprocess.resize, 248);
  EXPECT_EQ(parse_config(to_json(timm)).preprocess.resize, 248);
  EXPECT_EQ(memory_config(kSynthetic, {"model.in_chans=1"}).preprocess.mean,
            (std::vector<double>{0.5}));
}

TEST(Config, EveryFormOfAValue) {
  const auto model = [](const std::string& set) { return memory_config(kSynthetic, {set}).model; };
  EXPECT_EQ(model("model.image_size=[32,64]").image_size, (layers::Size2{32, 64}));
  EXPECT_EQ(model("model.window_size=8").window_size, (layers::Size2{8, 8}));
  EXPECT_EQ(model("model.window_size=[4,8]").window_size, (layers::Size2{4, 8}));
  EXPECT_EQ(model("model.window_sizes=[7,7,[14,7],7]").window_of(2), (layers::Size2{14, 7}));
  EXPECT_EQ(model("model.window_sizes=null").window_of(2), (layers::Size2{7, 7}));
  EXPECT_EQ(model("model.mlp_ratio=[4,4,2,4]").hidden_of(2), 2 * 4 * 96);
  EXPECT_EQ(model("model.name=\"vit\"").dim_of(0), 768);
  EXPECT_EQ(model("model.name=\"vit\"").patch_size, 16);
  EXPECT_EQ(model("model.init_std=fan_in").init_std, std::nullopt);
  EXPECT_EQ(model("model.init_std=0.1").init_std, 0.1);
  EXPECT_EQ(model("model.init_std=1").init_std, 1.0);
  EXPECT_EQ(model("model.qk_scale=null").qk_scale, std::nullopt);
  EXPECT_EQ(model("model.qk_scale=0.5").qk_scale, 0.5);
  EXPECT_EQ(model("model.num_classes=7").num_classes, 7);
  EXPECT_EQ(model("model.num_classes=null").num_classes, 0);
  EXPECT_EQ(model("model.pad_mode=pad_then_roll").pad_mode, layers::PadMode::pad_then_roll);
  EXPECT_EQ(model("model.pad_mode=roll_then_pad").pad_mode, layers::PadMode::roll_then_pad);
  EXPECT_EQ(model("model.pad_mode=masked").pad_mode, layers::PadMode::masked);
  EXPECT_EQ(model("model.pad_mode=assert").pad_mode, layers::PadMode::reject);
  EXPECT_EQ(model("model.window_shrink=official").window_shrink, layers::WindowShrink::official);
  EXPECT_EQ(model("model.window_shrink=per_dimension").window_shrink,
            layers::WindowShrink::per_dimension);
  EXPECT_EQ(model("model.window_shrink=never").window_shrink, layers::WindowShrink::never);
}

TEST(Config, TheModelSectionAloneIsValidWhereNoDataIsNeeded) {
  const base::Json json = base::parse_json(
      R"({"model": {"embed_dim": 48, "depths": [2, 2], "num_heads": [3, 6]}})", "memory");
  const Config config = parse_config_without_data(json);
  EXPECT_EQ(config.model.embed_dim, 48);
  EXPECT_EQ(config.data.train.format, "");
  EXPECT_EQ(to_json(config).find("data"), nullptr);
  EXPECT_EQ(to_json(parse_config_without_data(to_json(config))), to_json(config));
  EXPECT_EQ(to_json(parse_config_without_data(to_json(config.model)).model), to_json(config.model));
  EXPECT_THROW(parse_config(json), base::UsageError);
}

TEST(Config, FractionsOfOnePathAreDisjoint) {
  const auto data = [](const std::string& text) {
    return memory_config("{\"data\": " + text + "}").data;
  };
  DataConfig d = data(R"({"train": {"format": "mnist", "path": "x", "fraction": 0.75},
                          "validation": {"split": "train", "fraction": 0.25}})");
  EXPECT_EQ(d.train.fraction_begin, 0);
  EXPECT_EQ(d.train.fraction_end, 0.75);
  EXPECT_EQ(d.validation->fraction_begin, 0.75);
  EXPECT_EQ(d.validation->fraction_end, 1);
  EXPECT_EQ(d.validation->path, "x");
  d = data(R"({"train": {"format": "image_folder", "path": "x", "fraction": [0.1, 1], "seed": 3},
               "validation": {"fraction": [0, 0.1]}})");
  EXPECT_EQ(d.validation->fraction_end, 0.1);
  EXPECT_EQ(d.validation->seed, 3);
  EXPECT_EQ(d.validation->split, "");
  d = data(R"({"train": {"format": "synthetic"}, "validation": {}, "test": {"samples": 5}})");
  EXPECT_EQ(d.train.split, "train");
  EXPECT_EQ(d.validation->split, "test");
  EXPECT_EQ(d.validation->samples, 1000);
  EXPECT_EQ(d.test->samples, 5);
  EXPECT_TRUE(d.test->whole());
  // Sets whose splits are folders; where they may have none, all images are one set.
  d = data(R"({"train": {"format": "cityscapes", "path": "x"}, "validation": {}, "test": {}})");
  EXPECT_EQ(d.train.split, "train");
  EXPECT_EQ(d.validation->split, "validation");
  EXPECT_EQ(d.test->split, "test");
  d = data(R"({"train": {"format": "label_maps", "path": "x", "fraction": 0.8},
               "validation": {"fraction": 0.2}, "colors": [[1, 2, 3]]})");
  EXPECT_EQ(d.train.split, "");
  EXPECT_EQ(d.validation->split, "");
  EXPECT_EQ(d.colors.at(0)[2], 3);
  d = data(R"({"train": {"format": "fashion_scenes", "path": "x"}, "validation": {}})");
  EXPECT_EQ(d.train.samples, 1000);
}

TEST(Config, TildeIsTheHomeFolder) {
  const char* home = std::getenv("HOME");
  const std::string before = home ? home : "";
  setenv("HOME", "/home/student", 1);
  const Config config = memory_config(
      R"({"data": {"train": {"format": "mnist", "path": "~/sets"}, "validation": {"path": "~other"}},
          "runtime": {"output": "~"}})");
  if (home) setenv("HOME", before.c_str(), 1);
  EXPECT_EQ(config.data.train.path, "/home/student/sets");
  EXPECT_EQ(config.data.validation->path, "~other");
  EXPECT_EQ(config.runtime.output, "/home/student");
}

TEST(Extends, ObjectsMergeAndOtherValuesReplace) {
  const ConfigFiles files;
  files.write("base/a.json", R"({"data": {"train": {"format": "synthetic"}, "validation": {}},
                                 "model": {"depths": [2, 2], "num_heads": [3, 6], "embed_dim": 48},
                                 "trainer": {"clip_grad": 1}})");
  files.write("base/b.json", R"({"trainer": {"batch_size": 7, "seed": 1}})");
  const std::string file = files.write("c.json", R"(// of two bases
{"extends": ["base/a.json", "base/b.json"], "$schema": "config.schema.json",
 "model": {"depths": [4], "num_heads": [3]},
 "data": {"validation": null},
 "trainer": {"seed": 2,
             "clip_grad": null}})");
  const base::Json document = load_config_json(file, {"trainer.batch_size=9", "model.qk_scale=2"});
  const Config config = parse_config(document);
  EXPECT_EQ(config.model.depths, (std::vector<int64_t>{4}));
  EXPECT_EQ(config.model.embed_dim, 48);
  EXPECT_EQ(config.trainer.batch_size, 9);
  EXPECT_EQ(config.trainer.seed, 2);
  EXPECT_EQ(config.trainer.clip_grad, std::nullopt);
  EXPECT_FALSE(config.data.validation.has_value());
  EXPECT_TRUE(to_json(config).at("data").at("validation").is_null());

  std::vector<std::pair<std::string, std::string>> expected = {
      {"model.embed_dim", (files / "base/a.json").string() + ":2"},
      {"model.depths", file + ":3"},
      {"model.qk_scale", "--set"},
      {"trainer.batch_size", "--set"},
      {"trainer.clip_grad", file + ":6"},
      {"trainer.precision", "default"}};
  for (const Origin& origin : origins(document, config)) {
    for (auto& [path, expected_origin] : expected)
      if (path == origin.path) {
        EXPECT_EQ(origin.origin, expected_origin) << path;
        expected_origin = "seen";
      }
  }
  for (const auto& [path, state] : expected) EXPECT_EQ(state, "seen") << path;
}

TEST(Extends, OfEpochsAndStepsTheLaterWins) {
  const ConfigFiles files;
  const std::string epochs = files.write(
      "e.json",
      R"({"data": {"train": {"format": "synthetic"}}, "schedule": {"epochs": 3, "warmup_epochs": 1}})");
  const std::string steps = files.write(
      "s.json", R"({"extends": "e.json", "schedule": {"steps": 40, "warmup_steps": 4}})");
  const ScheduleConfig s = load_config(steps).schedule;
  EXPECT_EQ(s.epochs, std::nullopt);
  EXPECT_EQ(s.steps, 40);
  EXPECT_EQ(s.warmup_epochs, std::nullopt);
  EXPECT_EQ(s.total_steps(10), 40);
  EXPECT_EQ(s.total_warmup_steps(10), 4);
  EXPECT_EQ(load_config(epochs, {"schedule.steps=5"}).schedule.total_steps(100), 5);
  EXPECT_EQ(load_config(steps, {"schedule.epochs=2"}).schedule.total_steps(100), 200);
  const ScheduleConfig half = load_config(epochs, {"schedule.warmup_epochs=0.5"}).schedule;
  EXPECT_EQ(half.total_warmup_steps(101), 51);
  EXPECT_EQ(load_config(epochs, {"schedule.steps=5"}).schedule.total_warmup_steps(100), 5);
}

TEST(Set, TakesJsonElseAString) {
  const Config config = memory_config(
      kSynthetic, {"checkpoint.monitor=loss", "runtime.output=runs/a=b", "model.depths=[1,1]",
                   "model.num_heads=[3, 3]", "trainer={\"seed\": 4}", "trainer.batch_size=2",
                   "trainer.batch_size=3", "data.validation={}", "runtime.threads=2"});
  EXPECT_EQ(config.checkpoint.monitor, "loss");
  EXPECT_EQ(config.runtime.output, "runs/a=b");
  EXPECT_EQ(config.model.depths, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(config.trainer.seed, 4);
  EXPECT_EQ(config.trainer.batch_size, 3);
  EXPECT_TRUE(config.data.validation.has_value());
  EXPECT_EQ(config.runtime.threads, 2);
}

TEST(Augment, ParsesAndResolvesToItself) {
  const Config off = memory_config(kSynthetic);
  EXPECT_FALSE(off.augment.random_resized_crop || off.augment.auto_augment);
  EXPECT_TRUE(to_json(off).at("augment").at("random_resized_crop").is_null());
  const Config on = memory_config(
      kSynthetic, {"augment.random_resized_crop={\"scale\": [0.25, 1]}",
                   "augment.auto_augment=rand-m9-mstd0.5-inc1", "augment.color_jitter=0.4",
                   "augment.random_erasing=0.25", "augment.mixup=0.8", "augment.cutmix=1"});
  const Config again = parse_config(to_json(on));
  EXPECT_EQ(to_text(to_json(again)), to_text(to_json(on)));
  EXPECT_EQ(again.augment.random_resized_crop->scale, (std::array<double, 2>{0.25, 1}));
  EXPECT_EQ(again.augment.random_resized_crop->ratio, (std::array<double, 2>{3.0 / 4, 4.0 / 3}));
  EXPECT_EQ(again.augment.auto_augment, "rand-m9-mstd0.5-inc1");
  EXPECT_EQ(again.augment.color_jitter, std::vector<double>{0.4});
  EXPECT_EQ(memory_config(kSynthetic, {"augment.color_jitter=[0.1, 0.2, 0.3, 0.4]"})
                .augment.color_jitter.size(),
            4u);
  EXPECT_FALSE(memory_config(kSynthetic,
                             {"augment.random_resized_crop={}", "augment.random_resized_crop=null"})
                   .augment.random_resized_crop);
}

}  // namespace
}  // namespace swin::trainers
