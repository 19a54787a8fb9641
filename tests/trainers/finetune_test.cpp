// Fine-tuning from end to end: a run starts with the weights of another one, some of them frozen,
// with a learning rate per layer, and resumes bit for bit.
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/tape/op.h"
#include "base/errors.h"
#include "base/pool.h"
#include "files/checkpoint_file.h"
#include "files/safetensors.h"
#include "tests/support/places.h"
#include "tests/trainers/run_support.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/run/initialize.h"
#include "trainers/run/stored_model.h"
#include "weights/dialects_derived.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

/// Config of the first run: other windows, RGB images, the ten classes of the synthetic set.
Config pretraining(const std::vector<std::string>& sets = {}) {
  std::vector<std::string> all = {"model.image_size=16", "model.window_size=4"};
  all.insert(all.end(), sets.begin(), sets.end());
  return micro_config(all);
}

/// An image folder with five classes of gray images.
fs::path folder_of_five(const TemporaryDirectory& directory) {
  const fs::path source = fs::path(swin::test::source_dir()) / "docs" / "demo_images";
  std::vector<fs::path> images;
  for (const auto& entry : fs::directory_iterator(source)) images.push_back(entry.path());
  std::sort(images.begin(), images.end());
  const fs::path folder = directory / "five";
  for (size_t i = 0; i < 30; ++i) {
    const fs::path to = folder / std::string(1, static_cast<char>('a' + i % 5));
    fs::create_directories(to);
    fs::copy_file(images[i % images.size()], to / (std::to_string(i) + ".png"));
  }
  return folder;
}

Config finetuning(const fs::path& folder, const fs::path& init,
                  const std::vector<std::string>& sets = {}) {
  base::Json document = base::parse_json(R"({
    "model": {"image_size": 28, "patch_size": 2, "in_chans": 1, "embed_dim": 8, "depths": [2, 1],
              "num_heads": [1, 2], "window_size": 7, "mlp_ratio": 2, "drop_rate": 0.1,
              "attn_drop_rate": 0.1, "drop_path_rate": 0.2},
    "data": {"train": {"format": "image_folder", "path": "", "fraction": 0.8},
             "validation": {"fraction": 0.2}},
    "preprocess": {"resize": null},
    "optimizer": {"lr": 0.002, "layer_decay": 0.75},
    "schedule": {"steps": 4, "warmup_steps": 1, "warmup_lr": 2e-5, "min_lr": 0},
    "trainer": {"batch_size": 8, "log_every_steps": 1, "freeze": ["patch_embed.*", "layers.0.*"]}
  })",
                                         "finetune.json");
  std::vector<std::string> all = {"data.train.path=" + folder.string(),
                                  "init.checkpoint=" + init.string()};
  all.insert(all.end(), sets.begin(), sets.end());
  apply_sets(document, all);
  return parse_config(document);
}

std::vector<float> array(const fs::path& run, const std::string& name) {
  const files::CheckpointFile file(run / "last.h5");
  std::vector<float> values(static_cast<size_t>(*files::num_elements_of(file.shape_of(name))));
  file.read_float32(name, values);
  return values;
}

std::map<std::string, std::string> actions(const fs::path& run) {
  std::map<std::string, std::string> by_name;
  const base::Json report = base::parse_json(read_text(run / "init.json"), "init.json");
  for (const base::Json& row : report.at("tensors").items())
    by_name[row.at("name").as_string()] = row.at("action").as_string();
  return by_name;
}

TEST(FineTune, StartsWithTheWeightsOfAnotherModelAndResumesBitForBit) {
  const TemporaryDirectory directory;
  const fs::path folder = folder_of_five(directory), first = directory / "first";
  train(options_of(pretraining(), first));
  const Config config = finetuning(folder, first / "last.h5");

  const fs::path whole = directory / "whole";
  TrainOptions options = options_of(config, whole);
  options.quiet = false;
  ::testing::internal::CaptureStderr();
  const TrainResult result = train(options);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(result.steps, 4);
  EXPECT_NE(said.find("44 loaded, 3 resized, 1 adapted, 2 re-initialised"), std::string::npos)
      << said;
  EXPECT_NE(said.find("resized layers.0.blocks.1.attn.relative_position_bias_table: windows of "
                      "4 × 4 → 7 × 7, bicubic"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("re-initialised head.weight: 10 classes in the file, 5 here"),
            std::string::npos)
      << said;
  auto what = actions(whole);
  EXPECT_EQ(what["patch_embed.proj.weight"], "adapted");
  EXPECT_EQ(what["layers.1.blocks.0.attn.relative_position_bias_table"], "resized");
  EXPECT_EQ(what["head.bias"], "re-initialised");
  EXPECT_EQ(what["norm.weight"], "loaded");

  // Frozen parameters and their slots are unchanged; the others are trained.
  EXPECT_EQ(array(whole, "model/layers.0.blocks.1.mlp.fc1.weight"),
            array(first, "model/layers.0.blocks.1.mlp.fc1.weight"));
  EXPECT_NE(array(whole, "model/layers.1.blocks.0.mlp.fc1.weight"),
            array(first, "model/layers.1.blocks.0.mlp.fc1.weight"));
  const auto slot = array(whole, "optimizer/exp_avg/layers.0.blocks.0.attn.qkv.weight");
  EXPECT_EQ(std::count(slot.begin(), slot.end(), 0.f), static_cast<long>(slot.size()));

  // A resumed run does not read the file.
  const fs::path stopped = directory / "stopped";
  options = options_of(config, stopped);
  AfterStep after_step([](int64_t step) {
    if (step == 2) raise(SIGUSR1);
  });
  options.listeners = {&after_step};
  EXPECT_EQ(train(options).steps, 2);
  fs::rename(first, directory / "moved");
  const std::string report = read_text(stopped / "init.json");
  EXPECT_EQ(train(options_of(config, stopped)).steps, 4);
  EXPECT_TRUE(checkpoint_bytes(stopped, 4) == checkpoint_bytes(whole, 4));
  EXPECT_EQ(read_text(stopped / "init.json"), report);
}

TEST(FineTune, InitIsPartOfARunsIdentity) {
  const TemporaryDirectory directory;
  const fs::path first = directory / "first", run = directory / "run";
  train(options_of(micro_config(), first));
  const std::string init = "init.checkpoint=" + (first / "last.h5").string();
  TrainOptions options = options_of(micro_config({init}), run);
  AfterStep after_step([](int64_t step) {
    if (step == 2) raise(SIGUSR1);
  });
  options.listeners = {&after_step};
  EXPECT_EQ(train(options).steps, 2);
  EXPECT_NE(message_of<base::UsageError>([&] {
              train(options_of(micro_config(), run));
            }).find("init.checkpoint is null, was "),
            std::string::npos);
  EXPECT_NE(message_of<base::UsageError>([&] {
              train(options_of(micro_config({init, "trainer.freeze=[\"norm.*\"]"}), run));
            }).find("trainer.freeze is [\"norm.*\"], was []"),
            std::string::npos);
}

TEST(FineTune, TakesTheWeightsOfACheckpointThatFits) {
  const TemporaryDirectory directory;
  train(options_of(micro_config(), directory / "a"));
  const std::string init = "init.checkpoint=" + (directory / "a" / "last.h5").string();
  train(options_of(micro_config({"optimizer.lr=1e-30", "schedule.warmup_lr=0", init}),
                   directory / "b"));
  EXPECT_EQ(array(directory / "a", "model/head.bias"), array(directory / "b", "model/head.bias"));
  EXPECT_NE(array(directory / "b", "model/head.bias")[0], 0);

  const auto refuse = [&](const std::vector<std::string>& sets) {
    return message_of<base::WeightError>(
        [&] { train(options_of(micro_config(sets), directory / "c")); });
  };
  EXPECT_NE(refuse({"model.embed_dim=16", init}).find("last.h5: found patch_embed.proj.weight"),
            std::string::npos);
  EXPECT_NE(refuse({"init.checkpoint=" + (directory / "absent.h5").string()}).find("absent.h5"),
            std::string::npos);
  EXPECT_NE(refuse({"model.name=swin_v2", init}).find("expected a swin_v2"), std::string::npos);
}

TEST(FineTune, AClassIndexFileChoosesRowsOfTheHead) {
  const TemporaryDirectory directory;
  const fs::path folder = folder_of_five(directory), first = directory / "first";
  train(options_of(pretraining(), first));
  const auto write = [&](const std::string& text) {
    std::ofstream(directory / "map.txt") << text;
    return "init.class_index_file=" + (directory / "map.txt").string();
  };
  const std::vector<std::string> still = {"optimizer.lr=1e-30", "schedule.warmup_lr=0"};
  std::vector<std::string> sets = still;
  sets.push_back(write("9\n0\r\n4\n4\n7\n\n"));
  train(options_of(finetuning(folder, first / "last.h5", sets), directory / "run"));
  const auto theirs = array(first, "model/head.bias"),
             ours = array(directory / "run", "model/head.bias");
  EXPECT_EQ(ours, (std::vector<float>{theirs[9], theirs[0], theirs[4], theirs[4], theirs[7]}));

  const auto refusal = [&](const std::string& text) {
    const std::string set = write(text);
    return message_of<base::UsageError>([&] {
      train(options_of(finetuning(folder, first / "last.h5", {set}), directory / "other"));
    });
  };
  EXPECT_NE(refusal("1\n2\n").find("map.txt: found 2 lines, expected one for each of the 5"),
            std::string::npos);
  EXPECT_NE(refusal("1\ntwo\n").find("map.txt:2: found \"two\", expected an integer"),
            std::string::npos);
  EXPECT_NE(refusal("1\n\n3\n").find("map.txt:2: found \"\""), std::string::npos);
  EXPECT_NE(refusal("1\n-2\n").find("map.txt:2: found \"-2\""), std::string::npos);
  EXPECT_NE(refusal("1 2\n").find("map.txt:1: found \"1 2\""), std::string::npos);
  EXPECT_NE(refusal("0\n1\n2\n3\n10\n").find("map.txt:5: found class 10, expected one from 0 to 9"),
            std::string::npos);
  EXPECT_NE(refusal("").find("found an empty file"), std::string::npos);
  fs::remove(directory / "map.txt");
  EXPECT_NE(message_of<base::UsageError>([&] {
              read_class_index(directory / "map.txt");
            }).find("found no such file"),
            std::string::npos);
}

TEST(FineTune, SwinV2KeepsTheWindowsItsWeightsWereTrainedWith) {
  const TemporaryDirectory directory;
  const fs::path first = directory / "first", run = directory / "run";
  train(options_of(micro_config({"model.name=swin_v2"}), first));
  // 16 px are maps of 8 and 4 tokens under windows of 4; 32 px are 16 and 8 under 8.
  const std::string init = "init.checkpoint=" + (first / "last.h5").string();
  const std::vector<std::string> sets = {"model.name=swin_v2", "model.image_size=32",
                                         "model.window_size=8", init};
  TrainOptions options = options_of(micro_config(sets), run);
  AfterStep after_step([](int64_t step) {
    if (step == 2) raise(SIGUSR1);
  });
  options.listeners = {&after_step};
  EXPECT_EQ(train(options).steps, 2);
  EXPECT_EQ(load_model(run / "last.h5").config.model.pretrained_window_sizes,
            (std::vector<int64_t>{4, 4}));
  // A resumed run takes them from its checkpoint: the file is gone.
  fs::remove_all(first);
  EXPECT_EQ(train(options_of(micro_config(sets), run)).steps, 4);
}

TEST(FineTune, ASwinV2FileWithoutItsWindowsGivesAWarning) {
  const TemporaryDirectory directory;
  const Config config = micro_config({"model.name=swin_v2", "model.num_classes=10"});
  const layers::Model model(config.model, 4, false);
  std::vector<files::NamedArray> arrays;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const layers::ParameterEntry& entry = model.parameters()[i];
    std::vector<int64_t> shape;
    for (int dim = 0; dim < entry.shape.rank(); ++dim) shape.push_back(entry.shape[dim]);
    arrays.push_back(
        files::NamedArray::of(entry.name, shape,
                              std::span<const float>(model.parameters().slab() + entry.offset,
                                                     static_cast<size_t>(entry.numel()))));
  }
  const fs::path file = directory / "v2.safetensors";
  files::write_safetensors(file, arrays);
  const auto said = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> all = {"model.name=swin_v2", "init.checkpoint=" + file.string()};
    all.insert(all.end(), sets.begin(), sets.end());
    ::testing::internal::CaptureStderr();
    train(options_of(micro_config(all), directory / std::to_string(sets.size())));
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_NE(said({}).find("found no record of the windows these weights were trained with"),
            std::string::npos);
  EXPECT_EQ(said({"model.pretrained_window_sizes=[4,4]"}), "");
  EXPECT_EQ(array(directory / "1", "model/norm.weight").size(), 16u);

  // The coordinates in a file tell its windows.
  const auto coordinates = weights::relative_coords_table({2, 2}, 0);
  for (const char* stage : {"0", "1"})
    arrays.push_back(files::NamedArray::of(
        "layers." + std::string(stage) + ".blocks.0.attn.relative_coords_table", {1, 3, 3, 2},
        std::span<const float>(coordinates)));
  files::write_safetensors(file, arrays);
  EXPECT_EQ(said({"trainer.log_every_steps=2", "trainer.clip_grad=4"}), "");
  EXPECT_EQ(load_model(directory / "2" / "last.h5").config.model.pretrained_window_sizes,
            (std::vector<int64_t>{2, 2}));
}

/// Bytes that the forward of a training step saves for its backward.
size_t saved_bytes(const std::vector<std::string>& frozen) {
  const Config config = micro_config({"model.num_classes=10"});
  const base::DryRun dry;
  layers::Model model(config.model, 0, true);
  freeze(model.parameters(), frozen);
  model.parameters().begin_step();
  const size_t before = base::pool_statistics().bytes_in_use;
  layers::Pass pass;
  pass.training = true;
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const autograd::Tensor logits = model.forward(autograd::Tensor({4, 16, 16, 3}), pass);
  return base::pool_statistics().bytes_in_use - before;
}

TEST(FineTune, FrozenFirstLayersSaveNoActivations) {
  const size_t all = saved_bytes({}), embedded = saved_bytes({"patch_embed.*"}),
               stage = saved_bytes({"patch_embed.*", "layers.0.*"}),
               head = saved_bytes({"patch_embed.*", "layers.*", "norm.*"});
  EXPECT_LT(embedded, all);
  EXPECT_LT(stage, embedded / 2);
  EXPECT_LT(head, stage / 10);
}

TEST(FineTune, TheHeadAloneCanBeTrained) {
  // The first step fails if a trainable parameter gets no gradient.
  const TemporaryDirectory directory;
  train(options_of(micro_config({"trainer.freeze=[\"patch_embed.*\",\"layers.*\",\"norm.*\"]"}),
                   directory / "run"));
  const layers::Model model(load_model(directory / "run" / "last.h5").config.model, 0, false);
  const layers::Model fresh(model.config(), 0, false);
  const layers::ParameterEntry* head = fresh.parameters().find("head.weight");
  const layers::ParameterEntry* norm = fresh.parameters().find("norm.weight");
  ASSERT_TRUE(head && norm);
  const auto first = [&](const layers::ParameterEntry* entry) {
    const float* data = fresh.parameters().slab() + entry->offset;
    return std::vector<float>(data, data + entry->numel());
  };
  EXPECT_EQ(array(directory / "run", "model/norm.weight"), first(norm));
  EXPECT_NE(array(directory / "run", "model/head.weight"), first(head));
}

}  // namespace
}  // namespace swin::trainers
