// The options of each verb, and where their values go.
#include "base/errors.h"
#include "cli/argument_values.h"
#include "cli/verb.h"

namespace swin::cli {
namespace {

using base::UsageError;

// Where in a weight file the model is.
void declare_place(Verb& v, WeightArguments& a) {
  v.option("--key", "KEY", a.key,
           "Where the weights lie in a .pth of dicts in dicts, as checkpoint.model (default: "
           "looked for)");
  v.option("--prefix", "PREFIX", a.prefix,
           "What the model's keys begin with, as model. (default: the only prefix with all keys "
           "of a model)");
  v.check([&] {
    if (a.ema && a.key)
      throw UsageError(v.name(), "found --ema and --key, expected one of them",
                       "give --key alone: it names the set");
  });
}

}  // namespace

void declare(Verb& v, TrainArguments& a) {
  v.required_positional("CONFIG", a.config, "Config file (configs/README.md lists every field)");
  v.sets(a.sets);
  v.option("--output", "DIR", a.output, "Run directory (default: runs/<name of the config>)");
  v.option("--resume", "auto|never|FILE", a.resume,
           "Go on from the newest checkpoint of the run directory that verifies (auto, "
           "the default), from a checkpoint, or start from scratch");
  v.option("--init", "FILE", a.init,
           "Start from the weights of this file, as init.checkpoint (configs/README.md)");
  v.flag("--plan", a.plan,
         "Only say what would happen (data, model, start, cost, output); nothing is started or "
         "written, and a start that would be refused is refused");
}

void declare(Verb& v, EvaluateArguments& a) {
  v.positional("CHECKPOINT", a.checkpoint,
               "Checkpoint (.h5); it holds model, preprocessing, classes");
  v.option("--data", "PATH", a.data,
           "Instead of the data set trained on: an image folder, one folder per class; a .csv "
           "or .jsonl list; .tar shards; an .h5 file; a folder of the files of CIFAR or MNIST");
  v.option("--detections", "RESULTS", a.detections,
           "Instead of CHECKPOINT: results of any detector as COCO's JSON, compared with the "
           "annotations --data GT.json");
  v.flag("--precision-recall", a.precision_recall,
         "With --detections --json: also the precision-recall curve of each class");
  v.option("--write-detections", "NAME.json", a.write_detections,
           "Of a detector: what it finds as COCO's results, and to NAME_truth.json the objects "
           "that it is compared with");
  v.option("--output", "DIR",
           "Write evaluation.json, tables and pictures there, as training does to RUN/evaluation; "
           "replaces what an evaluation wrote before",
           [&](const std::string& text) {
             v.require("DIR after --output", text.empty());
             a.output = text;
           });
  v.option(
      "--predictions", "FILE.csv",
      "Of a classifier: a CSV file with label, answer and probabilities of each image; of more "
      "than 1000 classes the 20 most probable",
      [&](const std::string& text) {
        check_ending(v.name() + " --predictions", text, ".csv");
        a.predictions = text;
      });
  v.flag("--flip", a.flip,
         "Of a classifier: compute each image and its mirror image, and average their "
         "probabilities");
  v.check([&] { v.require("CHECKPOINT", !a.detections && a.checkpoint.empty()); });
  v.option("--classes", "FILE", a.classes,
           "Names of the checkpoint's classes, one a line in the order of its head");
  v.flag("--ignore-unknown-classes", a.ignore_unknown_classes,
         "Leave out the images, or the objects or pixels, of classes that the checkpoint does not "
         "know");
  v.sets(a.sets);
  v.check([&] { check_detections(a); });
}

void declare(Verb& v, PredictArguments& a) {
  v.required_positional("CHECKPOINT", a.checkpoint, "Checkpoint (.h5)");
  v.positionals("IMAGE", a.images, "JPEG, PNG, WebP, BMP or TIFF files");
  v.check([&] { v.require("IMAGE", a.images.empty()); });
  v.option("--top-k", "N", "Of a classifier: classes per image (default 5)",
           [&](const std::string& text) {
             a.top_k = number<int64_t>(v.name() + " --top-k", text, 1, 1'000'000,
                                       "a whole number of at least 1");
           });
  const auto share = [&](const char* flag, const char* meaning, std::optional<double>& value) {
    v.option(flag, "S", meaning, [&v, flag, &value](const std::string& text) {
      value = number<double>(v.name() + " " + flag, text, 0.0, 1.0, "a number from 0 to 1");
    });
  };
  share("--score", "Of a detector: objects of higher scores only (default: task.test.score)",
        a.score);
  share("--iou",
        "Of a detector: the worse of two boxes of a class goes where they overlap more (default: "
        "task.test.iou)",
        a.iou);
  v.option("--max-detections", "N",
           "Of a detector: the best N objects of an image (default: task.test.max_detections)",
           [&](const std::string& text) {
             a.max_detections = number<int64_t>(v.name() + " --max-detections", text, 1, 1'000'000,
                                                "a whole number of at least 1");
           });
  v.option("--only-classes", "NAME,…", "Of a detector: objects of these classes alone",
           [&](const std::string& text) {
             a.only_classes = comma_separated(text);
             std::erase(a.only_classes, "");
             v.require("name of a class after --only-classes", a.only_classes.empty());
           });
  v.option("--output", "DIR", a.output,
           "Folder for what is drawn and predictions.json: of a segmentation model the classes of "
           "the pixels as PNGs and their colors over the images; of a detector its objects over "
           "the images, and detections.json, COCO's results, for the images.json beside it");
}

void declare(Verb& v, ExplainArguments& a) {
  v.required_positional("CHECKPOINT", a.checkpoint, "Checkpoint (.h5)");
  v.required_positional("IMAGE", a.image, "JPEG, PNG, WebP, BMP or TIFF file");
  v.option("--output", "DIR", a.output,
           "Folder for explain.html, its pictures as PNGs, and explain.json");
  v.check([&] { v.require("--output DIR", a.output.empty()); });
  const auto index = [&](const char* flag, const char* type, const char* meaning,
                         std::optional<int64_t>& value) {
    v.option(flag, type, meaning, [&v, flag, &value](const std::string& text) {
      value = number<int64_t>(v.name() + " " + flag, text, 0, 1'000'000,
                              "a whole number of at least 0");
    });
  };
  index("--stage", "S", "Stage that is looked into, from 0 (default: the last with shifted blocks)",
        a.stage);
  index("--block", "B", "Block of the stage, from 0 (default: its last shifted one)", a.block);
  v.option("--head", "H|mean", "Head of attention, from 0 (default: the mean over the heads)",
           [&](const std::string& text) {
             if (text != "mean")
               a.head = number<int64_t>(v.name() + " --head", text, 0, 1'000'000,
                                        "mean or a whole number of at least 0");
           });
  v.option("--token", "Y,X", "Row and column of a token of the stage's map (default: its middle)",
           [&](const std::string& text) { a.token = place_of(v.name() + " --token", text); });
  v.option("--pixel", "Y,X", "Instead of --token: row and column of a pixel of IMAGE in it",
           [&](const std::string& text) { a.pixel = place_of(v.name() + " --pixel", text); });
  v.option("--class", "NAME", a.class_name,
           "Class of the class-activation map (default: the most probable one)");
}

void declare(Verb& v, ReportArguments& a) {
  v.positionals("RUN", a.runs, "Folder of a run; several are compared");
  v.check([&] { v.require("RUN", a.runs.empty()); });
  v.option("--output", "FILE.html", "The page (default: report.html in the folder of the one run)",
           [&](const std::string& text) {
             check_ending(v.name() + " --output", text, ".html");
             a.output = text;
           });
}

void declare(Verb& v, PlanArguments& a) {
  v.positionals("CONFIG", a.configs, "Config file; the model section alone is enough");
  v.flag("--compare", a.compare, "Cost of one image for several configs, as the image grows");
  v.check([&] { check_plan(a, v.given("--sizes")); });
  v.option("--sizes", "N,N", "Compared image sides (default 224,448,672,896,1120)",
           [&](const std::string& text) { a.sizes = image_sizes(text); });
  v.flag("--measure", a.measure, "With --compare: also time the forwards");
  v.sets(a.sets);
}

void declare(Verb& v, RunsArguments& a) {
  v.positional("DIR", a.directory,
               "Folder whose runs are listed, down to three folders deep (default: runs)");
  v.option("--sort", "newest|name|metric", a.sort,
           "By the latest start (default), by name, or by the best value of what is monitored");
  v.check([&] { check_runs_order(a.sort); });
}

void declare(Verb& v, ConfigArguments& a) {
  v.positional("CONFIG", a.config, "Config file");
  v.sets(a.sets);
  v.flag("--schema", a.schema, "Print the JSON Schema of config files instead");
  v.check([&] { v.require("CONFIG", a.config.empty() && !a.schema); });
}

void declare(Verb& v, InspectArguments& a) {
  v.required_positional("FILE", a.file,
                        "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  v.option("--config", "CONFIG", a.config, "Also check that a weight file fits this model");
  v.flag("--ema", a.ema, "The averaged weights of a file that holds two sets");
  declare_place(v, a);
}

void declare(Verb& v, ConvertArguments& a) {
  v.required_positional("IN", a.input,
                        "Checkpoint (.h5), .safetensors, its index or folder, .pth or .pt");
  v.required_positional("OUT", a.output,
                        "OUT.h5 (for predict, evaluate, train --init), OUT.safetensors (for "
                        "other programs), or OUT/, a folder that transformers or timm opens");
  v.option(
      "--dialect", "NAME", a.dialect,
      "Names of the tensors in OUT.safetensors: official (default), "
      "timm, torchvision, huggingface, mm; those of IN are recognized. For OUT/: huggingface or "
      "timm");
  v.option("--config", "CONFIG", a.config,
           "Model and pre-processing of a weight file that has no config of its own (default: "
           "inferred from its shapes, its folder and the published models)");
  v.option("--classes", "FILE", a.classes,
           "Names of the classes, one a line in the order of the head (default: those of IN)");
  v.flag("--ema", a.ema, "The averaged weights of a file that holds two sets");
  declare_place(v, a);
  v.option("--allow", "KEY,…", "Unknown keys of IN that may be left out; * is any characters",
           [&](const std::string& text) {
             a.allow = comma_separated(text);
             std::erase(a.allow, "");
           });
}

void declare(Verb& v, VerifyArguments& a) {
  v.required_positional("FILE", a.file,
                        "Weights in any format and dialect, or counted:SEED (docs/numerics.md)");
  v.option("--golden", "FILE", a.golden,
           "Golden .safetensors: input, logits or maps, loss, gradients …");
  v.check([&] { v.require("--golden FILE", a.golden.empty()); });
  v.option("--config", "CONFIG", a.config, "Model of a weight file that has no config of its own");
  declare_place(v, a);
}

void declare(Verb& v, BenchmarkArguments& a) {
  v.positionals("CONFIG", v.words(),
                "Config file; `data CONFIG` measures the data loader alone, `kernels CONFIG…` each "
                "op and shape of the models against the machine's roofline");
  v.check([&] { set_configs(v.words(), a); });
  v.option("--mode", "train|infer", a.mode, "Training steps (default) or forwards");
  v.check([&] { check_mode(a.mode); });
  v.option("--precision", "fp32", "Instead of the config's", [&](const std::string& text) {
    a.sets.push_back("trainer.precision=\"" + text + "\"");
  });
  v.option("--batch", "N", "Images per step (default: trainer.micro_batch_size, else batch_size)",
           [&](const std::string& text) {
             a.batch_size = number<int64_t>(v.name() + " --batch", text, 1, 1 << 20,
                                            "a whole number from 1 to 1048576");
           });
  v.option(
      "--seconds", "S", "Measure at least this long (default 8)", [&](const std::string& text) {
        a.seconds =
            number<double>(v.name() + " --seconds", text, 0.0, 86400.0, "a number from 0 to 86400");
      });
  v.flag("--profile", a.profile, "Also time, GFLOP/s, GB/s and share of each kind of op");
  v.option("--trace", "FILE", a.trace,
           "With --profile: write one step, op by op, as a trace that ui.perfetto.dev opens");
  v.check([&] { check_profile(a); });
  v.sets(a.sets);
}

void declare(Verb& v, DataArguments& a) {
  v.positionals("ACTION", v.words(),
                "check PATH|CONFIG | pack PATH OUT.h5 | preview CONFIG | convert CONFIG; PATH is "
                "a folder, .csv, .jsonl, .tar, a range of shards ('shard-{000..012}.tar', in "
                "quotes) or .h5");
  v.check([&] {
    set_action(v.words(), a);
    check_data_flags(a.action, v.given("--output"), v.given("--dataset"), v.given("--set"));
  });
  v.option("--output", "FILE|DIR",
           "Of preview: .png, .jpg or .jpeg (default preview.png); of convert: a folder",
           [&](const std::string& text) {
             a.output = text;
             if (a.action == "preview")
               check_picture_name(v.name() + " preview CONFIG --output", text);
           });
  v.option("--dataset", "train|validation|test", "Of convert: which set of the config",
           [&](const std::string& text) {
             a.dataset = text;
             check_dataset_name(v.name() + " convert CONFIG --dataset", text);
           });
  v.sets(a.sets);
}

void declare(Verb&, InfoArguments&) {}

}  // namespace swin::cli
