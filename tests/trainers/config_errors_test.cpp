// Bad configs, each with its one-line error.
#include "tests/trainers/config_files.h"

namespace swin::trainers {
namespace {

struct BadConfig {
  std::string text, refusal;
};

std::string with_data(const std::string& rest) {
  return "{\n\"data\": {\"train\": {\"format\": \"synthetic\"}},\n" + rest + "\n}";
}

TEST(BadConfig, IsRefusedInOneLineThatSaysWhereAndWhat) {
  const ConfigFiles files;
  const std::vector<BadConfig> cases = {
      // JSON itself.
      {"", "x.json:1:1: found the end of the document, expected a value"},
      {"[1]", "x.json:1: found array, expected an object"},
      {"{\n\"model\": {},\n}", "x.json:3:1: found \"}\", expected valid JSON"},
      {"{\"trainer\": {\"seed\": 1,\n \"seed\": 2}}",
       "x.json:2:2: found \"trainer.seed\" a second time (first in line 1), expected each name "
       "once"},
      // Names.
      {with_data("\"trainer\": {\n\"batchsize\": 3}"),
       "x.json:4: trainer.batchsize: unknown field, expected one of batch_size, micro_batch_size, "
       "seed, clip_grad, precision, freeze, log_every_steps, evaluate_every_epochs, tensorboard; "
       "did you mean "
       "trainer.batch_size?"},
      {with_data("\"trainer\": {\"sede\": 3}"),
       "x.json:3: trainer.sede: unknown field, expected one of batch_size, micro_batch_size, seed, "
       "clip_grad, precision, freeze, log_every_steps, evaluate_every_epochs, tensorboard; did you "
       "mean "
       "trainer.seed?"},
      {with_data("\"optimizer\": {\"base_lr\": 3}"),
       "x.json:3: optimizer.base_lr: unknown field, expected one of name, lr, lr_reference_batch, "
       "betas, eps, momentum, nesterov, weight_decay, layer_decay, no_decay; did you mean "
       "optimizer.lr?"},
      {with_data("\"batch_size\": 3"),
       "x.json:3: batch_size: unknown field, expected one of model, task, data, augment, "
       "preprocess, optimizer, schedule, trainer, checkpoint, init, runtime; did you mean "
       "trainer.batch_size?"},
      {with_data("\"optimiser\": {}"),
       "x.json:3: optimiser: unknown field, expected one of model, task, data, augment, "
       "preprocess, optimizer, schedule, trainer, checkpoint, init, runtime; did you mean "
       "optimizer?"},
      {with_data("\"augment\": {\"zzz\": 1}"),
       "x.json:3: augment.zzz: unknown field, expected one of random_crop, horizontal_flip, "
       "scaled_decode, auto_augment, color_jitter, random_erasing, mixup, cutmix, mixup_prob, "
       "mixup_switch_prob, repeats, resize_ratio, max_class_ratio, photometric_distortion, "
       "short_sides, detection_crop, large_scale_jitter, random_resized_crop"},
      {with_data("\"augment\": {\"random_resized_crop\": {\"scale\": [1, 0.5]}}"),
       "x.json:3: augment.random_resized_crop.scale: found a smallest value above the largest; "
       "swap them"},
      {with_data("\"augment\": {\"random_resized_crop\": 3}"),
       "x.json:3: augment.random_resized_crop: found 3, expected an object or null"},
      {with_data("\"augment\": {\"auto_augment\": \"imagenet\"}"),
       "x.json:3: augment.auto_augment: found \"imagenet\", expected rand-…, cifar10 or null; the "
       "official recipe is \"rand-m9-mstd0.5-inc1\""},
      {with_data("\"augment\": {\"color_jitter\": [0.4, 0.4, 0.4, 0.6]}"),
       "x.json:3: augment.color_jitter: found a hue of 0.6, expected at most 0.5, half of the "
       "color circle"},
      {with_data("\"preprocess\": {\"resize\": 300, \"crop_pct\": 0.9}"),
       "x.json:3: preprocess.crop_pct: found both crop_pct and another resize, expected one of "
       "them; remove one, or set crop_pct to null"},
      {with_data("\"trainer.seed\": 3"),
       "x.json:3: \"trainer.seed\": found a name with a dot; nest objects: {\"trainer\": "
       "{\"batch_size\": 64}}"},
      // Types and ranges.
      {with_data("\"trainer\": 3"), "x.json:3: trainer: found 3, expected an object"},
      {with_data("\"trainer\": null"), "x.json:3: trainer: found null, expected an object"},
      {with_data("\"trainer\": {\"batch_size\": \"64\"}"),
       "x.json:3: trainer.batch_size: found \"64\", expected an integer from 1 to 1048576"},
      {with_data("\"trainer\": {\"batch_size\": 64.0}"),
       "x.json:3: trainer.batch_size: found 64.0, expected an integer from 1 to 1048576"},
      {with_data("\"trainer\": {\"batch_size\": 0}"),
       "x.json:3: trainer.batch_size: found 0, expected an integer from 1 to 1048576"},
      {with_data("\"trainer\": {\"batch_size\": null}"),
       "x.json:3: trainer.batch_size: found null, expected an integer from 1 to 1048576"},
      {with_data("\"trainer\": {\"clip_grad\": 0}"),
       "x.json:3: trainer.clip_grad: found 0, expected a number above 0, or null"},
      {with_data("\"model\": {\"ape\": 1}"),
       "x.json:3: model.ape: found 1, expected true or false"},
      {with_data("\"model\": {\"drop_path_rate\": 1}"),
       "x.json:3: model.drop_path_rate: found 1, expected a number of at least 0 and below 1"},
      {with_data("\"model\": {\"pad_mode\": \"mask\"}"),
       "x.json:3: model.pad_mode: found \"mask\", expected one of pad_then_roll, roll_then_pad, "
       "masked, assert"},
      {with_data("\"model\": {\"pad_mode\": \"masks\"}"),
       "x.json:3: model.pad_mode: found \"masks\", expected one of pad_then_roll, roll_then_pad, "
       "masked, assert"},
      {with_data("\"checkpoint\": {\"monitor\": \"top_1\"}"),
       "x.json:3: checkpoint.monitor: found \"top_1\", expected one of top1, top5, loss, "
       "balanced_accuracy, macro_precision, macro_f1, ece, mean_average_precision, micro_f1, "
       "mean_auroc, macro_recall, visible_mean_loss, mIoU, aAcc, mAcc, mDice, segm_AP, "
       "segm_AP50, segm_AP75, segm_AP_small, segm_AP_medium, segm_AP_large, segm_AR_1, segm_AR_10, "
       "segm_AR_100, segm_AR_small, segm_AR_medium, segm_AR_large, box_AP, box_AP50, box_AP75, "
       "box_AP_small, box_AP_medium, box_AP_large, box_AR_1, box_AR_10, box_AR_100, box_AR_small, "
       "box_AR_medium, box_AR_large; did you "
       "mean \"top1\"?"},
      {with_data("\"optimizer\": {\"momentum\": 0.8}"),
       "x.json:3: optimizer.momentum: found a field of sgd, expected none with optimizer.name "
       "\"adamw\"; remove it, or set optimizer.name"},
      {with_data("\"schedule\": {\"name\": \"multi_step\", \"min_lr\": 0}"),
       "x.json:3: schedule.min_lr: found a field of cosine, linear or polynomial, expected none "
       "with schedule.name \"multi_step\"; remove it, or set schedule.name"},
      {with_data("\"schedule\": {\"name\": \"multi_step\", \"milestones\": [0]}"),
       "x.json:3: schedule.milestones: found [0], expected a list of 0 to 64 numbers, each above 0 "
       "and at most 1073741824"},
      {with_data("\"model\": {\"name\": \"swim\"}"),
       "x.json:3: model.name: found \"swim\", expected one of swin, swin_v2, swin_mlp, vit; did "
       "you mean \"swin\"?"},
      {with_data("\"model\": {\"depths\": []}"),
       "x.json:3: model.depths: found [], expected a list of 1 to 8 integers, each from 1 to 1024"},
      {with_data("\"model\": {\"depths\": [2, 0]}"),
       "x.json:3: model.depths: found [2,0], expected a list of 1 to 8 integers, each from 1 to "
       "1024"},
      {with_data("\"model\": {\"window_size\": [4]}"),
       "x.json:3: model.window_size: found [4], expected n or [h, w], each an integer from 1 to "
       "1024"},
      {with_data("\"model\": {\"window_sizes\": [7, 7]}"),
       "x.json:3: model.window_sizes: found 2 entries, expected one for each of the 4 stages of "
       "model.depths"},
      {with_data("\"model\": {\"window_sizes\": [7, 7, [7, 0], 7]}"),
       "x.json:3: model.window_sizes: found [7,7,[7,0],7], expected a list of 1 to 8 n or [h, w], "
       "each an integer from 1 to 1024, or null"},
      {with_data("\"model\": {\"mlp_ratio\": [4, 4, 4]}"),
       "x.json:3: model.mlp_ratio: found 3 entries, expected one for each of the 4 stages of "
       "model.depths"},
      {with_data("\"model\": {\"name\": \"vit\", \"depths\": [2, 2], \"num_heads\": [2, 2]}"),
       "x.json:3: model.depths: found 2 stages, expected one: a vit has no stages"},
      {with_data("\"model\": {\"init_std\": \"fan_out\"}"),
       "x.json:3: model.init_std: found \"fan_out\", expected a number above 0 and at most 10, or "
       "\"fan_in\""},
      {with_data("\"optimizer\": {\"betas\": [0.9]}"),
       "x.json:3: optimizer.betas: found [0.9], expected a list of 2 numbers, each of at least 0 "
       "and below 1"},
      {with_data("\"optimizer\": {\"lr\": 1e999}"),
       "x.json:3:21: found number 1e999, expected one that fits a 64-bit real"},
      {with_data("\"optimizer\": {\"layer_decay\": 1.5}"),
       "x.json:3: optimizer.layer_decay: found 1.5, expected a number above 0 and at most 1"},
      {with_data("\"trainer\": {\"freeze\": \"layers.0.*\"}"),
       "x.json:3: trainer.freeze: found \"layers.0.*\", expected a list of strings"},
      {with_data("\"init\": {\"head\": \"rest\"}"),
       "x.json:3: init.head: found \"rest\", expected one of auto, keep, reset; did you mean "
       "\"reset\"?"},
      {with_data("\"init\": {\"allow_missing\": [1]}"),
       "x.json:3: init.allow_missing: found [1], expected a list of strings"},
      // Fields against each other.
      {with_data("\"init\": {\"class_index_file\": \"map.txt\"}"),
       "x.json:3: init.class_index_file: found a file but no init.checkpoint, expected the weights "
       "whose classes it selects; set init.checkpoint or give --init FILE"},
      {with_data("\"init\": {\"checkpoint\": \"a.h5\", \"class_index_file\": \"map.txt\",\n"
                 "\"head\": \"reset\"}"),
       "x.json:3: init.class_index_file: found a file and init.head \"reset\", expected a head "
       "that is kept; remove one"},
      {with_data("\"model\": {\"depths\": [2, 2],\n\"num_heads\": [3]}"),
       "x.json:4: model.num_heads: found 2 stages in model.depths and 1 in model.num_heads, "
       "expected equal numbers"},
      {with_data("\"model\": {\"depths\": [2, 2]}"),
       "x.json:3: model.depths: found 2 stages in model.depths and 4 in model.num_heads, expected "
       "equal numbers"},
      {with_data("\"model\": {\"num_heads\": [3, 6, 12, 25]}"),
       "x.json:3: model.num_heads: found 25 heads in stage 3, expected a divisor of its 768 "
       "channels (model.embed_dim · 2^3); use 24 or 32"},
      {with_data("\"model\": {\"embed_dim\": 100}"),
       "x.json:3: model.num_heads: found 3 heads in stage 0, expected a divisor of its 100 "
       "channels (model.embed_dim · 2^0); use 2 or 4"},
      {with_data("\"model\": {\"in_chans\": 2}"),
       "x.json:3: model.in_chans: found 2, expected 1 (gray) or 3 (RGB): images have no other"},
      {with_data("\"preprocess\": {\"mean\": [0.5]}"),
       "x.json:3: preprocess.mean: found 1 values, expected 3, one per channel (model.in_chans)"},
      {with_data("\"preprocess\": {\"std\": [0, 1, 1]}"),
       "x.json:3: preprocess.std: found [0,1,1], expected a list of 1 to 3 numbers, each above 0 "
       "and at most 1"},
      {with_data("\"preprocess\": {\"resize\": 200}"),
       "x.json:3: preprocess.resize: found 200, expected null or at least the short side of "
       "model.image_size, 224"},
      {with_data("\"schedule\": {\"epochs\": 3, \"steps\": 4}"),
       "x.json:3: schedule.steps: found both epochs and steps, expected one of them; set the other "
       "to null"},
      {with_data("\"schedule\": {\"epochs\": null}"),
       "x.json:3: schedule.epochs: found neither epochs nor steps, expected one of them"},
      {with_data("\"schedule\": {\"epochs\": 3, \"warmup_epochs\": 4}"),
       "x.json:3: schedule.warmup_epochs: found a warm-up of 4.0 epochs, expected at most "
       "schedule.epochs, 3"},
      {with_data("\"schedule\": {\"steps\": 3, \"warmup_steps\": 4}"),
       "x.json:3: schedule.warmup_steps: found a warm-up of 4 steps, expected at most "
       "schedule.steps, 3"},
      {with_data("\"optimizer\": {\"lr\": 1e-6}"),
       "x.json: schedule.min_lr: found 5e-06, expected at most optimizer.lr, 1e-06"},
      {with_data("\"trainer\": {\"batch_size\": 8, \"micro_batch_size\": 9}"),
       "x.json:3: trainer.micro_batch_size: found 9, expected at most trainer.batch_size, 8"},
      // Data.
      {"{\"model\": {}}",
       "x.json: data.train: missing, expected a data set to train on; add \"data\": {\"train\": "
       "{\"format\": …, \"path\": …}}"},
      {"{\"data\": {\"train\": {}}}",
       "x.json:1: data.train.format: missing, expected one of image_folder, cifar10, cifar100, "
       "mnist, hdf5, manifest, webdataset, packed, synthetic, label_maps, ade20k, cityscapes, "
       "coco, "
       "instance_masks, voc, yolo, fashion_scenes"},
      {"{\"data\": {\"train\": {\"format\": \"cifar\"}}}",
       "x.json:1: data.train.format: found \"cifar\", expected one of image_folder, cifar10, "
       "cifar100, mnist, hdf5, manifest, webdataset, packed, synthetic, label_maps, ade20k, "
       "cityscapes, coco, "
       "instance_masks, voc, yolo, fashion_scenes"},
      {"{\"data\": {\"train\": {\"format\": \"cifar10\"}}}",
       "x.json:1: data.train.path: missing, expected the folder of the cifar10 data set"},
      {"{\"data\": {\"train\": {\"format\": \"synthetic\", \"path\": \"x\"}}}",
       "x.json:1: data.train.path: found \"x\", expected none: synthetic reads no file"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"samples\": 5}}}",
       "x.json:1: data.train.samples: found 5, expected null: only a generated set has a size to "
       "choose; use data.train.fraction"},
      {"{\"data\": {\"train\": {\"format\": \"image_folder\", \"path\": \"x\", \"split\": "
       "\"train\"}}}",
       "x.json:1: data.train.split: found \"train\", expected null: format image_folder has no "
       "splits; set data.train.path to that of the split, or use data.train.fraction"},
      {"{\"data\": {\"train\": {\"format\": \"hdf5\", \"path\": \"x.h5\"}}, \"task\": {\"name\": "
       "\"multi_label_classification\"}, \"checkpoint\": {\"monitor\": \"top1\"}}",
       "x.json:1: checkpoint.monitor: found \"top1\", expected a metric of "
       "multi_label_classification: mean_average_precision, micro_f1, loss, mean_auroc, "
       "macro_precision, macro_recall or macro_f1"},
      {"{\"data\": {\"train\": {\"format\": \"ade20k\", \"path\": \"x\", \"split\": null}}}",
       "x.json:1: data.train.split: found null, expected \"train\", \"validation\" or \"test\""},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"split\": "
       "\"validation\"}}}",
       "x.json:1: data.train.split: found \"validation\", expected \"train\" or \"test\""},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"images\": \"y\"}}}",
       "x.json:1: data.train.images: found \"y\", expected null: mnist says itself where its "
       "images "
       "are"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\"}, \"colors\": [[1, 2]]}}",
       "x.json:1: data.colors: found [[1,2]], expected a list of at most 4096 [red, green, blue], "
       "each from 0 to 255"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"split\": null}}}",
       "x.json:1: data.train.split: found null, expected \"train\" or \"test\""},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"fraction\": 1.5}}}",
       "x.json:1: data.train.fraction: found 1.5, expected a fraction above 0 and at most 1, or "
       "[begin, end] with 0 ≤ begin < end ≤ 1"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"fraction\": [0.5, "
       "0.5]}}}",
       "x.json:1: data.train.fraction: found [0.5,0.5], expected a fraction above 0 and at most 1, "
       "or [begin, end] with 0 ≤ begin < end ≤ 1"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"fraction\": 0.9},\n"
       "\"validation\": {\"split\": \"train\", \"path\": \"./x/\", \"fraction\": 0.2}}}",
       "x.json:2: data.validation.fraction: found images of data.train in data.validation, "
       "expected disjoint sets; give both a fraction, for example 0.9 and 0.1, or another split or "
       "path"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\", \"fraction\": 0.9},\n"
       "\"validation\": {\"split\": \"train\", \"seed\": 1, \"fraction\": 0.1}}}",
       "x.json:2: data.validation.seed: found 1, expected 0 as in data.train: fractions are "
       "disjoint only with equal seeds"},
      {"{\"data\": {\"train\": {\"format\": \"image_folder\", \"path\": \"x\"},\n\"validation\": "
       "{}}}",
       "x.json:2: data.validation: found images of data.train in data.validation, expected "
       "disjoint sets; give both a fraction, for example 0.9 and 0.1, or another split or path"},
      {"{\"data\": {\"train\": {\"format\": \"mnist\", \"path\": \"x\"}, \"validation\": 3}}",
       "x.json:1: data.validation: found 3, expected an object or null"},
      // Extends.
      {"{\n\"extends\": 3}", "x.json:2: extends: found 3, expected a file name or a list of them"},
      {"{\n\"extends\": [\"x.json\"]}",
       "x.json:2: extends: found a cycle: x.json extends itself; remove one of the extends"},
      {"{\n\"extends\": \"none.json\"}",
       "x.json:2: extends: none.json: found no such file, expected a JSON config; extends is "
       "relative to the file that contains it"},
      {"{\n\"$schema\": 3}",
       "x.json:2: $schema: unknown field, expected one of model, task, data, augment, preprocess, "
       "optimizer, schedule, trainer, checkpoint, init, runtime"},
  };
  for (const BadConfig& c : cases)
    EXPECT_EQ(files.refusal(files.write("x.json", c.text)), c.refusal);
}

TEST(BadConfig, NamesTheFileOfTheValueAndNotTheOneThatExtendsIt) {
  const ConfigFiles files;
  files.write("sub/base.json", "{\n\n\"model\": {\"embed_dim\": \"96\"}}");
  const std::string file = files.write("x.json", "{\"extends\": \"sub/base.json\"}");
  EXPECT_EQ(files.refusal(file),
            "sub/base.json:3: model.embed_dim: found \"96\", expected an integer from 1 to 65536");
  files.write("a.json", "{\"extends\": \"b.json\"}");
  const std::string b = files.write("b.json", "{\"extends\": \"a.json\"}");
  EXPECT_EQ(files.refusal(b),
            "a.json:1: extends: found a cycle: b.json extends itself; remove one of the extends");
}

TEST(BadConfig, TooManyBasesAreRefused) {
  const ConfigFiles files;
  for (int i = 0; i < 12; ++i) {
    const std::string next = std::to_string(i + 1) + ".json";
    files.write(std::to_string(i) + ".json", "{\"extends\": [\"" + next + "\", \"" + next + "\"]}");
  }
  files.write("12.json", "{}");
  EXPECT_NE(files.refusal(files / "0.json").find("found more than 64 files"), std::string::npos);
}

TEST(BadConfig, MissingFileOrFolder) {
  const ConfigFiles files;
  EXPECT_EQ(files.refusal(files / "none.json"),
            "none.json: found no such file, expected a JSON config; see configs/ for examples");
  std::filesystem::create_directory(files / "folder");
  EXPECT_EQ(files.refusal(files / "folder"), "folder: found a directory, expected a JSON config");
}

TEST(BadSet, IsRefusedInOneLine) {
  const ConfigFiles files;
  const std::string file = files.write("x.json", with_data("\"trainer\": {\"seed\": 0}"));
  const struct {
    std::string set, refusal;
  } cases[] = {
      {"trainer.seed",
       "--set trainer.seed: found no value for a path, expected path.to.field=value; for example "
       "--set trainer.batch_size=64"},
      {"=3",
       "--set =3: found no value for a path, expected path.to.field=value; for example --set "
       "trainer.batch_size=64"},
      {"trainer..seed=3",
       "--set trainer..seed=3: found an empty name in the path, expected path.to.field=value"},
      {"a.b.c.d.e.f.g.h.i.j.k=3",
       "--set a.b.c.d.e.f.g.h.i.j.k=3: found too deep a path, expected path.to.field=value"},
      {"trainer.seed=x",
       "--set: trainer.seed: found \"x\", expected an integer from 0 to 4294967295"},
      {"trainer.seed.x=1",
       "--set: trainer.seed: found {\"x\":1}, expected an integer from 0 to 4294967295"},
      {"model.depths=[2,2",
       "--set: model.depths: found \"[2,2\", expected a list of 1 to 8 integers, each from 1 to "
       "1024"},
      {"trainer=3", "--set: trainer: found 3, expected an object"},
      {"trainer={\"seed\":1,\"seed\":2}",
       "--set: trainer: found \"{\\\"seed\\\":1,\\\"seed\\\":2}\", expected an object"},
      {"model.embed_dim=98",
       "--set: model.num_heads: found 3 heads in stage 0, expected a divisor of its 98 channels "
       "(model.embed_dim · 2^0); use 2 or 7"},
  };
  for (const auto& c : cases) EXPECT_EQ(files.refusal(file, {c.set}), c.refusal);
}

}  // namespace
}  // namespace swin::trainers
