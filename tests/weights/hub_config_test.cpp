// Class names and pre-processing in the JSON files of Hugging Face and timm.
#include "weights/hub_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/errors.h"

namespace swin::weights {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

HubConfig hub(const std::string& text) { return read_hub_config(text, "F/config.json"); }

Preprocess processed(const std::string& text) {
  return read_processor_config(text, "F/preprocessor_config.json");
}

void expect_refused(const std::function<void()>& read, const std::string& text) {
  try {
    read();
    ADD_FAILURE() << "not refused, expected " << text;
  } catch (const base::WeightError& error) {
    EXPECT_THAT(error.what(), HasSubstr(text));
    EXPECT_THAT(error.what(), HasSubstr("--c"));  // a way out: --classes or --config
  }
}

// ---- Names -------------------------------------------------------------------------------------

TEST(HubNames, Id2labelIsInTheOrderOfItsNumbers) {
  EXPECT_THAT(hub(R"({"id2label": {"2": "bee", "0": "cat", "10": "k", "1": "ant", "3": "d", "4":
      "e", "5": "f", "6": "g", "7": "h", "8": "i", "9": "j"}})")
                  .class_names,
              ElementsAre("cat", "ant", "bee", "d", "e", "f", "g", "h", "i", "j", "k"));
}

TEST(HubNames, Label2idAloneIsEnough) {
  EXPECT_THAT(hub(R"({"label2id": {"bee": 2, "猫": 0, "007": 1}})").class_names,
              ElementsAre("猫", "007", "bee"));
  EXPECT_THAT(hub(R"({"label2id": {"bee": "1", "ant": "0"}})").class_names,
              ElementsAre("ant", "bee"));  // numbers as texts
}

TEST(HubNames, TwoClassesMayShareAName) {
  const HubConfig config =
      hub(R"({"id2label": {"0": "crane", "1": "ant", "2": "crane"}, "label2id": {"crane": 2,
             "ant": 1}})");
  EXPECT_THAT(config.class_names, ElementsAre("crane", "ant", "crane"));
  EXPECT_THAT(config.notes, IsEmpty());
}

TEST(HubNames, WhereTheTwoDifferId2labelCountsAndANoteSaysSo) {
  const HubConfig config =
      hub(R"({"id2label": {"0": "ant", "1": "bee"}, "label2id": {"ant": 1, "bee": 0}})");
  EXPECT_THAT(config.class_names, ElementsAre("ant", "bee"));
  ASSERT_THAT(config.notes, SizeIs(1));
  EXPECT_THAT(config.notes[0], HasSubstr("label2id"));
}

TEST(HubNames, PlaceholdersAreNoNames) {
  EXPECT_THAT(hub(R"({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}})").class_names, IsEmpty());
  EXPECT_THAT(hub(R"({"id2label": {"0": "LABEL_1", "1": "LABEL_0"}})").class_names,
              ElementsAre("LABEL_1", "LABEL_0"));
  EXPECT_THAT(hub(R"({"id2label": null})").class_names, IsEmpty());
  EXPECT_THAT(hub(R"({"id2label": {}})").class_names, IsEmpty());
}

TEST(HubNames, HolesAndOtherFaultsAreRefused) {
  for (const auto& [text, found] : std::vector<std::pair<std::string, std::string>>{
           {R"({"id2label": {"0": "a", "2": "b"}})",
            "found the class \"2\", expected numbers from 0"},
           {R"({"id2label": {"1": "a", "2": "b"}})", "without a hole for 2 names"},
           {R"({"id2label": {"0": "a", "00": "b"}})", "found class 0 twice"},
           {R"({"id2label": {"a": "0"}})", "found the class \"a\""},
           {R"({"id2label": {"-1": "a"}})", "found the class \"-1\""},
           {R"({"id2label": {"0": 5}})", "found 5 as the name of class 0"},
           {R"({"id2label": {"0": ""}})", "as the name of class 0"},
           {R"({"id2label": "ant"})", "found id2label \"ant\""},
           {R"({"label2id": {"a": 0, "b": 0}})", "label2id: found class 0 twice"},
           {R"({"label2id": {"a": 0, "b": 2}})", "label2id: found the class 2"},
           {R"({"architecture": "x", "label_names": ["a", 1]})",
            "label_names: found 1 as the name"},
       })
    expect_refused([&, &json = text] { hub(json); }, found);
}

TEST(HubNames, TimmKeepsThemInFourPlaces) {
  for (const char* text :
       {R"({"architecture": "x", "label_names": ["10", "9"], "label_descriptions": {"9": "nine"},
            "pretrained_cfg": {}})",
        R"({"architecture": "x", "pretrained_cfg": {"label_names": ["10", "9"]}})",
        R"({"architecture": "x", "labels": ["10", "9"]})",
        R"({"architecture": "x", "pretrained_cfg": {"labels": ["10", "9"]}})"})
    EXPECT_THAT(hub(text).class_names, ElementsAre("10", "9")) << text;
}

// ---- timm --------------------------------------------------------------------------------------

TEST(TimmConfig, PretrainedCfgSaysHowImagesArePrepared) {
  const HubConfig config = hub(R"({"architecture": "swin_tiny_patch4_window7_224",
      "pretrained_cfg": {"input_size": [3, 32, 32], "interpolation": "bilinear", "crop_pct": 0.9,
      "crop_mode": "center", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}})");
  ASSERT_TRUE(config.preprocess);
  EXPECT_EQ(config.preprocess->input_size, (Size2{32, 32}));
  EXPECT_EQ(config.preprocess->crop_pct, 0.9);
  EXPECT_FALSE(config.preprocess->resize);
  EXPECT_EQ(config.preprocess->interpolation, "bilinear");
  EXPECT_THAT(config.preprocess->mean, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(config.preprocess->std, ElementsAre(0.4, 0.5, 0.6));
  EXPECT_EQ(config.image_size, (Size2{32, 32}));
  EXPECT_EQ(config.window_size, 7);
}

TEST(TimmConfig, FieldsAtTheTopLevelAndDefaults) {
  const Preprocess old =
      *hub(R"({"architecture": "x", "crop_pct": 1.0, "crop_mode": "squash"})").preprocess;
  ASSERT_TRUE(old.resize);  // straight
  EXPECT_FALSE(old.resize->short_side);
  EXPECT_EQ(old.interpolation, "bicubic");
  EXPECT_THAT(old.mean, ElementsAre(0.485, 0.456, 0.406));
  EXPECT_EQ(*hub(R"({"architecture": "x"})").preprocess->crop_pct, 0.875);
  EXPECT_EQ(*hub(R"({"architecture": "x", "crop_pct": 1})").preprocess->crop_pct, 1);
}

TEST(TimmConfig, SizesOfTheModel) {
  const HubConfig args = hub(R"({"architecture": "swinv2_tiny_window8_256", "model_args":
      {"img_size": [24, 48], "window_size": 3, "pretrained_window_sizes": [2, 0]},
      "pretrained_cfg": {"input_size": [3, 256, 256]}})");
  EXPECT_EQ(args.image_size, (Size2{24, 48}));
  EXPECT_EQ(args.window_size, 3);
  EXPECT_THAT(args.pretrained_window_sizes, ElementsAre(2, 0));
  const HubConfig named = hub(R"({"architecture": "swinv2_base_window12to16_192to256",
                                 "pretrained_cfg": {"input_size": [3, 256, 256]}})");
  EXPECT_EQ(named.window_size, 16);
  EXPECT_THAT(named.pretrained_window_sizes, ElementsAre(12, 12, 12, 6));
  EXPECT_EQ(hub(R"({"architecture": "swinv2_tiny_window8_256"})").window_size, 8);
  EXPECT_EQ(hub(R"({"architecture": "vit_x", "model_args": {"num_heads": 3}})").num_attention_heads,
            3);
}

TEST(TimmConfig, WhatCannotBeDoneIsRefusedByName) {
  for (const auto& [cfg, found] : std::vector<std::pair<std::string, std::string>>{
           {R"("crop_mode": "border")", "crop_mode \"border\""},
           {R"("crop_mode": "squash", "crop_pct": 0.9)", "crop_mode \"squash\""},
           {R"("interpolation": "nearest")", "interpolation nearest"},
           {R"("interpolation": "random")", "interpolation random"},
           {R"("crop_pct": 1.1)", "crop_pct 1.1"},
           {R"("crop_pct": "0.9")", "crop_pct \"0.9\""},
           {R"("input_size": [224, 224])", "input_size [224,224]"},
           {R"("input_size": [3, 224, 448])", "a square"},
           {R"("mean": [123.7, 116.3, 103.5])", "mean [123.7,116.3,103.5]"},
           {R"("std": [0, 0.5, 0.5])", "found std"},
           {R"("mean": ["a"])", "found mean"},
       }) {
    const HubConfig config = hub(R"({"architecture": "x", "pretrained_cfg": {)" + cfg + "}}");
    EXPECT_FALSE(config.preprocess);
    ASSERT_TRUE(config.refusal) << cfg;
    EXPECT_THAT(config.refusal->what(), AllOf(HasSubstr(found), HasSubstr("--config CONFIG")));
  }
}

// ---- Hugging Face ------------------------------------------------------------------------------

TEST(ProcessorConfig, HeightAndWidthIsAStraightResize) {
  for (const char* size : {R"({"height": 32, "width": 32})", "32", "[32, 32]"}) {
    const Preprocess read = processed(
        std::string(R"({"image_processor_type": "ViTImageProcessor", "resample": 2, "size": )") +
        size + R"(, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]})");
    EXPECT_EQ(read.input_size, (Size2{32, 32}));
    ASSERT_TRUE(read.resize);
    EXPECT_FALSE(read.resize->short_side);
    EXPECT_EQ(read.interpolation, "bilinear");
    EXPECT_THAT(read.mean, ElementsAre(0.1, 0.2, 0.3));
    EXPECT_THAT(read.std, ElementsAre(0.4, 0.5, 0.6));
    EXPECT_THAT(read.notes, IsEmpty());
  }
}

TEST(ProcessorConfig, ShortestEdgeAndACrop) {
  const Preprocess read = processed(R"({"image_processor_type": "CLIPImageProcessor",
      "size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 24}, "resample": 3})");
  EXPECT_EQ(read.input_size, (Size2{32, 24}));
  EXPECT_EQ(read.resize->short_side, 36);
  EXPECT_EQ(read.interpolation, "bicubic");
  EXPECT_THAT(read.mean, ElementsAre(0.48145466, 0.4578275, 0.40821073));
  ASSERT_THAT(read.notes, SizeIs(1));  // of the corner of the crop
  // A number is the short side there, and height and width in ViT's.
  EXPECT_EQ(processed(R"({"feature_extractor_type": "CLIPFeatureExtractor", "size": 40,
                          "crop_size": 32})")
                .resize->short_side,
            40);
}

TEST(ProcessorConfig, ConvNextCropsSmallImagesAlone) {
  const Preprocess small = processed(R"({"image_processor_type": "ConvNextImageProcessorFast",
      "size": {"shortest_edge": 224}, "crop_pct": 0.9})");
  EXPECT_EQ(small.crop_pct, 0.9);
  EXPECT_EQ(small.input_size, (Size2{224, 224}));
  const Preprocess large = processed(R"({"image_processor_type": "ConvNextFeatureExtractor",
      "size": 384, "crop_pct": 0.9})");
  EXPECT_FALSE(large.crop_pct);
  EXPECT_FALSE(large.resize->short_side);
}

TEST(ProcessorConfig, DefaultsAreThoseOfVit) {
  const Preprocess read = processed("{}");
  EXPECT_EQ(read.input_size, (Size2{224, 224}));
  EXPECT_EQ(read.interpolation, "bilinear");
  EXPECT_THAT(read.mean, ElementsAre(0.5, 0.5, 0.5));
}

TEST(ProcessorConfig, UperNetHasThatOfSegformer) {
  for (const char* type : {"SegformerImageProcessor", "SegformerFeatureExtractor"}) {
    const Preprocess read = processed(R"({"do_reduce_labels": true, "image_processor_type": ")" +
                                      std::string(type) + "\"}");
    EXPECT_EQ(read.input_size, (Size2{512, 512}));
    ASSERT_TRUE(read.resize);
    EXPECT_FALSE(read.resize->short_side);
    EXPECT_EQ(read.interpolation, "bilinear");
    EXPECT_THAT(read.mean, ElementsAre(0.485, 0.456, 0.406));
    EXPECT_THAT(read.std, ElementsAre(0.229, 0.224, 0.225));
  }
}

TEST(UperNetConfig, SaysTheNetworkInItsBackbone) {
  const HubConfig config = hub(R"({"architectures": ["UperNetForSemanticSegmentation"],
      "backbone_config": {"image_size": 224, "window_size": 7, "num_heads": [3, 6, 12, 24]},
      "image_size": 1, "auxiliary_loss_weight": 0.4, "pool_scales": [1, 2, 3, 6],
      "id2label": {"0": "wall", "1": "sky"}})");
  EXPECT_EQ(config.image_size, (Size2{224, 224}));
  EXPECT_EQ(config.window_size, 7);
  EXPECT_THAT(config.heads.pool_scales, ElementsAre(1, 2, 3, 6));
  EXPECT_EQ(config.heads.auxiliary_weight, 0.4);
  EXPECT_THAT(config.class_names, ElementsAre("wall", "sky"));
  expect_refused([] { hub(R"({"backbone_config": "swin"})"); }, "found backbone_config \"swin\"");
  expect_refused([] { hub(R"({"backbone_config": {}, "pool_scales": [0]})"); },
                 "found pool_scales 0");
  expect_refused([] { hub(R"({"backbone_config": {}, "auxiliary_loss_weight": "x"})"); },
                 "found auxiliary_loss_weight");
}

TEST(ProcessorConfig, NumbersOfPil) {
  for (const auto& [number, name] :
       {std::pair{"1", "lanczos"}, {"2", "bilinear"}, {"3", "bicubic"}, {"\"bicubic\"", "bicubic"}})
    EXPECT_EQ(processed(std::string(R"({"resample": )") + number + "}").interpolation, name);
  for (const auto& [number, found] : {std::pair{"0", "resample nearest"},
                                      {"4", "resample box"},
                                      {"5", "resample hamming"},
                                      {"6", "resample 6"},
                                      {"-1", "resample -1"},
                                      {"2.5", "resample 2.5"}})
    expect_refused([&, n = number] { processed(std::string(R"({"resample": )") + n + "}"); },
                   found);
}

TEST(ProcessorConfig, OtherScalesOfPixelsAreFolded) {
  // (x − 127.5) / 127.5 of bytes.
  const Preprocess bytes = processed(R"({"do_rescale": false, "image_mean": [127.5, 127.5, 127.5],
                                       "image_std": 127.5})");
  EXPECT_THAT(bytes.mean, ElementsAre(DoubleEq(0.5), DoubleEq(0.5), DoubleEq(0.5)));
  EXPECT_THAT(bytes.std, ElementsAre(DoubleEq(0.5)));
  EXPECT_THAT(bytes.notes, SizeIs(1));
  // x / 127.5 − 1.
  const Preprocess twice = processed(R"({"rescale_factor": 0.00784313725490196,
                                       "image_mean": [1, 1, 1], "image_std": [1, 1, 1]})");
  EXPECT_THAT(twice.mean[0], DoubleEq(0.5));
  EXPECT_THAT(processed(R"({"rescale_factor": 0.00392156862745098})").mean[0], 0.5);
  const Preprocess plain = processed(R"({"do_normalize": false, "image_mean": [9, 9, 9]})");
  EXPECT_THAT(plain.mean, ElementsAre(0));
  EXPECT_THAT(plain.std, ElementsAre(1));
}

TEST(ProcessorConfig, WithoutAResizeANoteSaysWhatIsDone) {
  const Preprocess read = processed(R"({"do_resize": false, "size": 32})");
  EXPECT_FALSE(read.resize->short_side);
  ASSERT_THAT(read.notes, SizeIs(1));
  EXPECT_THAT(read.notes[0], HasSubstr("do_resize"));
}

TEST(ProcessorConfig, WhatCannotBeDoneIsRefusedByName) {
  for (const auto& [fields, found] : std::vector<std::pair<std::string, std::string>>{
           {R"("image_processor_type": "LevitImageProcessor")", "LevitImageProcessor"},
           {R"("do_pad": true)", "found do_pad"},
           {R"("do_flip_channel_order": true)", "found do_flip_channel_order"},
           {R"("rescale_offset": true)", "rescale_offset"},
           {R"("crop_pct": 0.9)", "crop_pct"},
           {R"("size": {"shortest_edge": 32})", "shortest_edge without do_center_crop"},
           {R"("size": {"shortest_edge": 32, "longest_edge": 64})", "found size"},
           {R"("size": {"longest_edge": 64})", "found size"},
           {R"("size": {"height": 32})", "found size"},
           {R"("size": "32")", "size \"32\""},
           {R"("size": 0)", "size 0"},
           {R"("size": 36, "do_center_crop": true, "crop_size": 32)", "another crop_size"},
           {R"("size": {"shortest_edge": 30}, "do_center_crop": true, "crop_size": 32)",
            "below crop_size"},
           {R"("do_resize": false, "do_center_crop": true, "crop_size": 32)",
            "do_center_crop without do_resize"},
           {R"("image_processor_type": "DeiTImageProcessor")", "another crop_size"},
           {R"("do_resize": "yes")", "do_resize"},
           {R"("image_mean": [127, 127, 127])", "image_mean"},
           {R"("image_std": [0.5, 0.5, 0])", "image_std"},
           {R"("rescale_factor": 0)", "rescale_factor"},
       })
    expect_refused([&, &f = fields] { processed("{" + f + "}"); }, found);
  EXPECT_NO_THROW(processed(R"({"do_pad": false, "do_flip_channel_order": null})"));
  expect_refused([] { processed("[1]"); }, "expected a JSON object");
  expect_refused([] { processed("{"); }, "preprocessor_config.json:1");
}

}  // namespace
}  // namespace swin::weights
