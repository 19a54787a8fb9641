// The rows of the table for how a model is trained: optimizer, schedule, trainer, checkpoint,
// init, runtime.
#include "base/parallel.h"
#include "tasks/task_table.h"
#include "trainers/config/field_builder.h"
#include "trainers/config/optimizer_table.h"
#include "trainers/config/schedule_table.h"

namespace swin::trainers {

using table::kLargestSeed;
using table::kMany;
using table::Section;

namespace {

void add_optimization(std::vector<Field>& fields) {
  using O = OptimizerConfig;
  Section<O> optimizer(fields, "optimizer", [](Config& c) -> O& { return c.optimizer; });
  optimizer("name", &O::name)
      .one_of(table::names_of(optimizer_rows()))
      .says(table::meanings_of(optimizer_rows()), "TRAIN.OPTIMIZER.NAME");
  optimizer("lr", &O::lr).above(0).at_most(100).says("highest learning rate", "TRAIN.BASE_LR");
  optimizer("lr_reference_batch", &O::lr_reference_batch)
      .range(1, kMany)
      .says("if set, lr, warmup_lr and min_lr are multiplied by batch_size / this", "512");
  optimizer.row_fields(optimizer_rows());
  optimizer("weight_decay", &O::weight_decay)
      .range(0, 100)
      .says("of weight matrices; multiplied by the learning rate", "TRAIN.WEIGHT_DECAY");
  optimizer("layer_decay", &O::layer_decay)
      .above(0)
      .at_most(1)
      .says(
          "each layer's learning rate as a fraction of that of the layer above it; the head's is "
          "lr itself; for fine-tuning",
          "TRAIN.LAYER_DECAY");
  optimizer("no_decay", &O::no_decay)
      .one_of({"official", "official_dense"})
      .says(
          "which parameters do not decay: `official`, vectors (biases, norms) and position tables, "
          "as in classification; `official_dense`, those whose names contain `absolute_pos_embed`, "
          "`relative_position_bias_table` or `norm`, as in detection and segmentation: biases and "
          "batch norms decay",
          "paramwise_cfg");

  using S = ScheduleConfig;
  Section<S> schedule(fields, "schedule", [](Config& c) -> S& { return c.schedule; });
  schedule("name", &S::name)
      .one_of(table::names_of(schedule_rows()))
      .says("the learning rate after the warm-up, step by step; " +
                table::meanings_of(schedule_rows()),
            "TRAIN.LR_SCHEDULER.NAME");
  schedule("epochs", &S::epochs)
      .range(1, kMany)
      .says("passes over data.train; this or steps", "TRAIN.EPOCHS");
  schedule("steps", &S::steps).range(1, kMany).says("steps; this or epochs");
  schedule("warmup_epochs", &S::warmup_epochs)
      .range(0, kMany)
      .says(
          "rise from warmup_lr to lr, in epochs (0.5 is half of one); this or warmup_steps; both "
          "null: none",
          "TRAIN.WARMUP_EPOCHS");
  schedule("warmup_steps", &S::warmup_steps).range(0, kMany).says("the same in steps");
  schedule("warmup_lr", &S::warmup_lr)
      .range(0, 100)
      .says("learning rate of the first step of the warm-up", "TRAIN.WARMUP_LR");
  schedule.row_fields(schedule_rows());
}

void add_run(std::vector<Field>& fields) {
  using T = TrainerConfig;
  Section<T> trainer(fields, "trainer", [](Config& c) -> T& { return c.trainer; });
  trainer("batch_size", &T::batch_size)
      .range(1, 1 << 20)
      .says("images of one step", "DATA.BATCH_SIZE");
  trainer("micro_batch_size", &T::micro_batch_size)
      .range(1, 1 << 20)
      .says("images computed at once; gradients are summed over the whole batch; null: batch_size",
            "TRAIN.ACCUMULATION_STEPS");
  trainer("seed", &T::seed)
      .range(0, kLargestSeed)
      .says("seed of initial weights, order of images, augmentation and dropout", "SEED");
  trainer("clip_grad", &T::clip_grad)
      .above(0)
      .says("largest L2 norm of all gradients; null: no clipping", "TRAIN.CLIP_GRAD");
  trainer("precision", &T::precision).one_of({"fp32"}).says("of matrix products", "AMP_ENABLE");
  trainer("freeze", &T::freeze)
      .items(0, 1000)
      .says(
          "patterns of parameters that are not trained, such as `[\"patch_embed.*\", "
          "\"layers.0.*\"]`; `*` stands for any characters",
          "frozen_stages");
  trainer("log_every_steps", &T::log_every_steps)
      .range(1, kMany)
      .identity(Identity::none)
      .says("steps between lines of log.jsonl", "PRINT_FREQ");
  trainer("evaluate_every_epochs", &T::evaluate_every_epochs)
      .range(1, kMany)
      .identity(Identity::none)
      .says("epochs between evaluations on data.validation; the last epoch is always evaluated");
  trainer("tensorboard", &T::tensorboard)
      .identity(Identity::none)
      .says(
          "write event files to RUN/tensorboard: losses, metrics, pictures and histograms, for "
          "`tensorboard --logdir`");

  using C = CheckpointConfig;
  Section<C> checkpoint(fields, "checkpoint", [](Config& c) -> C& { return c.checkpoint; });
  checkpoint("every_epochs", &C::every_epochs)
      .identity(Identity::none)
      .range(1, kMany)
      .says("epochs between checkpoints; null: none; the end of a run is always saved",
            "SAVE_FREQ");
  checkpoint("every_steps", &C::every_steps)
      .identity(Identity::none)
      .range(1, kMany)
      .says("steps between checkpoints; null: none");
  checkpoint("every_minutes", &C::every_minutes)
      .identity(Identity::none)
      .above(0)
      .at_most(kMany)
      .says("minutes between checkpoints; null: none");
  checkpoint("keep_last", &C::keep_last)
      .identity(Identity::none)
      .range(1, kMany)
      .says("newest checkpoints kept; older ones are deleted, but never the best");
  checkpoint("keep_best", &C::keep_best)
      .identity(Identity::none)
      .says("keep best.h5, chosen on data.validation", "max_accuracy");
  std::vector<std::string> metrics;
  std::string monitors;
  for (const tasks::TaskRow& task : tasks::task_rows()) {
    for (const tasks::MetricRow& metric : task.metrics)
      if (std::find(metrics.begin(), metrics.end(), metric.name) == metrics.end())
        metrics.emplace_back(metric.name);
    monitors += (monitors.empty() ? "`\"" : "; " + std::string(task.name) + ": `\"") +
                std::string(task.metrics.front().name) + "\"`";
    const auto always =
        std::find_if(task.metrics.begin(), task.metrics.end(),
                     [](const tasks::MetricRow& metric) { return !metric.only_with; });
    if (always != task.metrics.begin())
      monitors += ", without task." + std::string(task.metrics.front().only_with) + " `\"" +
                  always->name + "\"`";
  }
  checkpoint("monitor", &C::monitor)
      .identity(Identity::none)
      .one_of(metrics)
      .by_default(monitors)
      .says("metric of the task by which the best checkpoint is chosen");
}

void add_init(std::vector<Field>& fields) {
  using I = InitConfig;
  Section<I> init(fields, "init", [](Config& c) -> I& { return c.init; });
  init.path("checkpoint", &I::checkpoint)
      .identity(Identity::presence)
      .says(
          "weight file a run starts with: a checkpoint, .safetensors or .pth, in any dialect; "
          "null: random weights of the seed; `--init` sets it",
          "MODEL.PRETRAINED");
  init("key", &I::key)
      .says(
          "where the weights lie in a .pth of dicts in dicts, as `checkpoint.model`; null: they "
          "are looked for");
  init("prefix", &I::prefix)
      .says(
          "what the model's names in the file begin with, as `model.`; null: the only prefix with "
          "all names of a model");
  init("head", &I::head)
      .one_of({"auto", "keep", "reset"})
      .says(
          "`auto` keeps the rows of the file's head whose class names are those of the data (all "
          "rows, by number, where either has no names and the shape fits) and initializes the "
          "others; `keep` refuses a head without a row for each class; `reset` always initializes "
          "a new one");
  init.path("class_index_file", &I::class_index_file)
      .identity(Identity::presence)
      .says(
          "text file whose line k is the weight file's class index for class k: the head takes "
          "these rows of the file's head",
          "map22kto1k.txt");
  init("position_bias_resize", &I::position_bias_resize)
      .one_of({"bicubic", "timm"})
      .says(
          "how position tables of another window or image size are resized: `bicubic` as in the "
          "official code, or `timm`, linear over coordinates in geometric progression");
  init("allow_missing", &I::allow_missing)
      .items(0, 1000)
      .says(
          "patterns of parameters that the file may lack; they keep their initial values; `*` "
          "stands for any characters");
  init("allow_unexpected", &I::allow_unexpected)
      .items(0, 1000)
      .says("patterns of names in the file that are ignored; `*` stands for any characters",
            "strict=False");
}

void add_runtime(std::vector<Field>& fields) {
  using R = RuntimeConfig;
  Section<R> runtime(fields, "runtime", [](Config& c) -> R& { return c.runtime; });
  runtime("threads", &R::threads)
      .identity(Identity::none)
      .range(1, base::kMaxThreads)
      .says(
          "null: OMP_NUM_THREADS, else the cores and the processor quota of this process; changes "
          "no bit of a result");
  runtime("workers", &R::workers)
      .identity(Identity::none)
      .range(0, 256)
      .says("threads that load images; 0: the training thread does; changes no bit of a result",
            "DATA.NUM_WORKERS");
  runtime.path("output", &R::output)
      .identity(Identity::none)
      .says("run directory; null: runs/<name of the config file>", "OUTPUT");
}

}  // namespace

void add_training_fields(std::vector<Field>& fields) {
  add_optimization(fields);
  add_run(fields);
  add_init(fields);
  add_runtime(fields);
}

}  // namespace swin::trainers
