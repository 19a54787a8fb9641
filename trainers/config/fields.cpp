#include "trainers/config/fields.h"

#include "data/formats/format_table.h"
#include "tasks/task_table.h"
#include "trainers/config/field_builder.h"

namespace swin::trainers {

using base::Json;
using layers::ModelConfig;
using table::kLargestSeed;
using table::kMany;
using table::Section;
using table::written;

namespace {

void add_model(std::vector<Field>& fields) {
  Section<ModelConfig> model(fields, "model", [](Config& c) -> ModelConfig& { return c.model; });
  using M = ModelConfig;
  model("name", &M::name)
      .one_of({std::begin(layers::kArchitectures), std::end(layers::kArchitectures)})
      .says("architecture", "MODEL.TYPE");
  model("image_size", &M::image_size)
      .range(1, 65536)
      .says("input height and width in pixels", "DATA.IMG_SIZE");
  model("patch_size", &M::patch_size)
      .range(1, 256)
      .by_default("`4`; vit: `16`")
      .says(
          "side of a patch in pixels; an image whose sides it does not divide is padded with zeros "
          "on the right and below",
          "MODEL.SWIN.PATCH_SIZE");
  model("in_chans", &M::in_chans)
      .range(1, 1024)
      .says("input channels: 1 (gray) or 3 (RGB); no data set has others", "MODEL.SWIN.IN_CHANS");
  model("embed_dim", &M::embed_dim)
      .range(1, 65536)
      .by_default("`96`; vit: `768`")
      .says("channels of the first stage; each later stage doubles them", "MODEL.SWIN.EMBED_DIM");
  model("depths", &M::depths)
      .range(1, 1024)
      .items(1, 8)
      .by_default("`[2,2,6,2]`; vit: `[12]`")
      .says("blocks of each stage; a vit has one", "MODEL.SWIN.DEPTHS");
  model("num_heads", &M::num_heads)
      .range(1, 65536)
      .items(1, 8)
      .by_default("`[3,6,12,24]`; vit: `[12]`")
      .says("attention heads of each stage; each number divides the stage's channels",
            "MODEL.SWIN.NUM_HEADS");
  model("window_size", &M::window_size)
      .range(1, 1024)
      .says("height and width of a window in tokens", "MODEL.SWIN.WINDOW_SIZE");
  model.or_null("window_sizes", &M::window_sizes)
      .range(1, 1024)
      .items(1, 8)
      .says("window of each stage; null: `window_size` in all");
  model.or_null("pretrained_window_sizes", &M::pretrained_window_sizes)
      .range(0, 1024)
      .items(1, 8)
      .says(
          "swin_v2: side of each stage's window in pretraining, 0: the present window; scales the "
          "coordinates of the position bias",
          "MODEL.SWINV2.PRETRAINED_WINDOW_SIZES");
  model("window_shrink", &M::window_shrink)
      .one_of(table::kWindowShrinks)
      .says(
          "for a window larger than its feature map: `official` shrinks both sides to the smaller "
          "side of the map and does not shift, `per_dimension` does so for each side (timm), "
          "`never` keeps the window and pads (torchvision), `always_shift` also shifts where one "
          "window covers a side of the map (detection)");
  model("pad_mode", &M::pad_mode)
      .one_of(table::kPadModes)
      .says(
          "for a feature map that windows do not divide: `pad_then_roll` (torchvision), "
          "`roll_then_pad` (timm), `masked` hides the padding from attention, `assert` refuses it "
          "(official)");
  model
      .custom(
          "mlp_ratio", Kind::ratios,
          [](M& m, const Json& json) {
            m.mlp_ratios.clear();
            if (json.is_number())
              m.mlp_ratio = json.as_real();
            else
              table::read(json, m.mlp_ratios);
          },
          [](const M& m) {
            return m.mlp_ratios.empty() ? Json(m.mlp_ratio) : written(m.mlp_ratios);
          })
      .above(0)
      .at_most(64)
      .items(1, 8)
      .says("hidden channels of the MLP per input channel: one number, or one per stage",
            "MODEL.SWIN.MLP_RATIO");
  model("qkv_bias", &M::qkv_bias).says("bias of the q, k, v projection", "MODEL.SWIN.QKV_BIAS");
  model("qk_scale", &M::qk_scale)
      .above(0)
      .says("factor of q before the product with k; null: head_dim^-0.5", "MODEL.SWIN.QK_SCALE");
  model("drop_rate", &M::drop_rate)
      .at_least(0)
      .below(1)
      .says("dropout after the embedding, projections and MLP", "MODEL.DROP_RATE");
  model("attn_drop_rate", &M::attn_drop_rate)
      .at_least(0)
      .below(1)
      .says("dropout of attention probabilities", "attn_drop_rate");
  model("drop_path_rate", &M::drop_path_rate)
      .at_least(0)
      .below(1)
      .says("rate of stochastic depth in the last block; rises linearly from 0 in the first",
            "MODEL.DROP_PATH_RATE");
  model("ape", &M::ape).says("absolute position embedding", "MODEL.SWIN.APE");
  model("patch_norm", &M::patch_norm)
      .says("LayerNorm after the patch embedding", "MODEL.SWIN.PATCH_NORM");
  model("global_pool", &M::global_pool)
      .one_of({"token", "avg"})
      .says("vit: input of the head, a class token or the mean over the tokens");
  model.or_null("num_classes", &M::num_classes)
      .range(1, 1 << 24)
      .says("outputs of the head; null: one per class of data.train", "MODEL.NUM_CLASSES");
  model
      .custom(
          "init_std", Kind::init_std,
          [](M& m, const Json& json) {
            m.init_std.reset();
            if (json.is_number()) m.init_std = json.as_real();
          },
          [](const M& m) { return m.init_std ? Json(*m.init_std) : Json("fan_in"); })
      .above(0)
      .at_most(10)
      .says(
          "standard deviation of the initial linear weights; `fan_in`: 1/√fan_in, better for "
          "narrow models",
          "INIT_STD");
}

template <class Access>
void add_dataset(std::vector<Field>& fields, const char* path, Access access,
                 bool (*present)(const Config&)) {
  using D = DatasetConfig;
  Section<D> set(fields, path, access, present);
  const std::string name = path;
  const bool train = name == "data.train";
  const size_t first = fields.size();
  set("format", &D::format)
      .one_of(table::names_of(data::format_rows()))
      .by_default(train ? "required" : "that of data.train")
      .says(
          "how the images are stored; `image_folder` has one folder per class, `hdf5` has /images "
          "(N, height, width, channels) of uint8 and /labels (N) or (N, classes), `manifest` is a "
          "CSV (path,label) or JSON lines, `webdataset` tar shards of images and .cls, `packed` "
          "what `swin data pack` writes, `synthetic` needs no file; `label_maps` has images/ and, "
          "as "
          "PNGs of the same names, the classes of their pixels in masks/, `ade20k` and "
          "`cityscapes` are "
          "the folders of these benchmarks, `coco` is a JSON of instances, `instance_masks` has a "
          "PNG for each object, `voc` is a folder of Pascal VOC, `yolo` one of YOLO or its "
          "data.yaml, "
          "`fashion_scenes` is "
          "generated from the items of a folder in the format mnist",
          "DATA.DATASET");
  set.path("path", &D::path)
      .by_default(train ? "required unless synthetic" : "that of data.train")
      .says(
          "folder or file of the data set (tar shards: a-{000..012}.tar), relative to the working "
          "directory; `~` is the home folder",
          "DATA.DATA_PATH");
  set.custom(
         "images", Kind::text,
         [](D& d, const Json& json) {
           d.images = json.is_null() ? "" : table::with_home(json.as_string());
         },
         [](const D& d) { return d.images.empty() ? Json() : Json(d.images); })
      .null_too()
      .says("coco: folder of the images; null: `images` beside the file, else the file's own");
  set.or_null("split", &D::split)
      .one_of({"train", "validation", "test"})
      .by_default(train ? "`\"train\"`; null for formats without splits"
                  : name == "data.validation"
                      ? "`\"test\"`, of folders `\"validation\"`; null for formats without splits"
                      : "`\"test\"`; null for formats without splits")
      .says(
          "which part of the data set; of folders and lists: train or training; val, validation or "
          "valid; test or testing");
  set.custom(
         "fraction", Kind::fraction,
         [train](D& d, const Json& json) {
           if (json.is_array()) {
             d.fraction_begin = json.items()[0].as_real();
             d.fraction_end = json.items()[1].as_real();
           } else {  // training takes the start of the order, the others its end: 0.75 and 0.25
                     // are disjoint
             d.fraction_begin = train ? 0 : 1 - json.as_real();
             d.fraction_end = train ? json.as_real() : 1;
           }
         },
         [](const D& d) {
           return Json::array_of(std::vector<double>{d.fraction_begin, d.fraction_end});
         })
      .by_default("`1`")
      .says(train ? "part of each class, in a shuffled order; a number f means [0, f)"
                  : "part of each class, in a shuffled order; a number f means [1 - f, 1)");
  set.or_null("samples", &D::samples)
      .range(1, kMany)
      .by_default("`1000` if generated, else null")
      .says("number of images, for `synthetic` and `fashion_scenes` alone");
  set("seed", &D::seed)
      .range(0, kLargestSeed)
      .by_default(train ? "`0`" : "that of data.train")
      .says("seed of the shuffle that fractions are taken from, and of generated images");
  // The fingerprint stands for the images; a test set is only for `swin evaluate`.
  for (size_t i = first; i < fields.size(); ++i)
    if (!train || fields[i].name() == "path" || fields[i].name() == "images")
      fields[i].identity = Identity::none;
}

void add_data(std::vector<Field>& fields) {
  add_dataset(
      fields, "data.train", [](Config& c) -> DatasetConfig& { return c.data.train; },
      [](const Config& c) { return !c.data.train.format.empty(); });
  add_dataset(
      fields, "data.validation", [](Config& c) -> DatasetConfig& { return *c.data.validation; },
      [](const Config& c) { return c.data.validation.has_value(); });
  add_dataset(
      fields, "data.test", [](Config& c) -> DatasetConfig& { return *c.data.test; },
      [](const Config& c) { return c.data.test.has_value(); });
  using D = DataConfig;
  Section<D> data(
      fields, "data", [](Config& c) -> D& { return c.data; },
      [](const Config& c) { return !c.data.train.format.empty(); });
  data("follow_links", &D::follow_links)
      .identity(Identity::none)
      .says(
          "follow symbolic links to files and folders in an image folder, wherever they lead; "
          "false: they are passed over");
  // What happens to unreadable images: a run that they stopped may go on with other values.
  data("on_bad", &D::on_bad)
      .one_of({"replace", "error"})
      .identity(Identity::none)
      .says(
          "for an image that cannot be read: `replace` logs it in bad.jsonl and takes another of "
          "its class, in validation it is left out of the metrics; `error` stops the run");
  data("max_bad_fraction", &D::max_bad_fraction)
      .range(0, 1)
      .identity(Identity::none)
      .says(
          "largest fraction of bad images in an epoch, and in data.validation; above it the run "
          "saves and stops with exit code 3");
  data("ignore_unknown_classes", &D::ignore_unknown_classes)
      .identity(Identity::none)
      .says(
          "leave out the images, or the objects or pixels, of data.validation and data.test whose "
          "class data.train does not have; false: such a class is an error");
  data("ignore_index", &D::ignore_index)
      .range(0, 65535)
      .says("value in the files of label maps that counts neither in losses nor in metrics",
            "ignore_index");
  data("reduce_zero_label", &D::reduce_zero_label)
      .says(
          "in the files of label maps, 0 counts nowhere and value v is class v - 1; ade20k always "
          "does so",
          "reduce_zero_label");
  data("colors", &D::colors)
      .items(0, 4096)
      .says(
          "of label maps that are stored as RGB: the colors of the values 0, 1, …; those of a "
          "palette are never used, its indices are the values");
  data("keep_empty", &D::keep_empty)
      .says("keep the images without objects; false: they are passed over", "filter_empty_gt");
  data("difficult", &D::difficult)
      .one_of({"ignore", "keep"})
      .says(
          "voc: objects that are marked difficult; `ignore`: no targets, and in metrics neither "
          "found nor missed (they are crowds), `keep`: as any other");
  data("group_by_aspect_ratio", &D::group_by_aspect_ratio)
      .says(
          "each training batch has images that are wider than high, or others, but not both; "
          "samples of sizes of their own need less padding",
          "GroupSampler");
}

}  // namespace

const std::vector<Field>& all_fields() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> all;
    add_model(all);
    Section<tasks::TaskConfig> task(all, "task",
                                    [](Config& c) -> tasks::TaskConfig& { return c.task; });
    task("name", &tasks::TaskConfig::name)
        .one_of(table::names_of(tasks::task_rows()))
        .says("what is learned; " + table::meanings_of(tasks::task_rows()));
    task.row_fields(tasks::task_rows());
    add_data(all);
    add_image_fields(all);
    add_training_fields(all);
    return all;
  }();
  return fields;
}

}  // namespace swin::trainers
