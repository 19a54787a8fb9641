#include "trainers/explain/explain.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include "base/errors.h"
#include "data/decode/decode.h"
#include "tasks/task_table.h"
#include "trainers/explain/attention.h"
#include "trainers/explain/class_map.h"
#include "trainers/report/html.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {

using base::size_text;

namespace {

constexpr int64_t kSide = 448;         // pixels of a picture of the image
constexpr int64_t kExampleSide = 224;  // in the examples of a report
constexpr size_t kScores = 5;

// As the papers write it.
std::string title_of(const std::string& model) {
  return model == "swin_v2"    ? "Swin V2"
         : model == "swin_mlp" ? "Swin-MLP"
         : model == "vit"      ? "ViT"
                               : "Swin";
}

bool classifies(const Config& config) {
  const data::AnnotationKind kind = tasks::task_row(config.task.name).annotation;
  return kind == data::AnnotationKind::one_class || kind == data::AnnotationKind::classes;
}

// The index as text where the checkpoint has no names.
std::vector<std::string> names_of(const LoadedModel& loaded) {
  std::vector<std::string> names = loaded.class_names;
  for (int64_t k = std::ssize(names); k < loaded.config.model.num_classes; ++k)
    names.push_back(std::to_string(k));
  return names;
}

// A parameter of a layer, which may lie under a prefix ("backbone.").
const Tensor& parameter_of(tasks::Task& task, const std::string& name) {
  const layers::Parameters& parameters = task.parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name.ends_with(name)) return parameters[i].tensor;
  throw base::InternalError(name, "found no such parameter, expected one");
}

// What there is to explain, and what of it has been.
struct Explained {
  const LoadedModel& loaded;
  const layers::ModelConfig& model;
  const ModelInput& input;
  const View& view;
  Explanation& explanation;

  void add(ExplainedPart part) { explanation.parts.push_back(std::move(part)); }
  void miss(const std::string& part, const std::string& reason) {
    base::Json entry = base::Json::object();
    entry["part"] = part;
    entry["reason"] = reason;
    explanation.json["missing"].push_back(std::move(entry));
  }
};

void explain_windows(Explained& e, const Query& query) {
  if (e.model.name == "vit") {
    e.miss("windows, shift and mask", "a ViT has none: every token attends to every other");
    return;
  }
  e.add(windows_part(e.model, e.view, e.explanation.json));
  // The query's block, or one of its stage, or of the last stage that shifts.
  std::vector<BlockPlace> places = {query.place, {query.place.stage, 1}};
  for (int64_t stage = e.model.num_stages() - 1; stage >= 0; --stage) places.push_back({stage, 1});
  for (const auto& [stage, block] : places) {
    if (block >= e.model.depths[static_cast<size_t>(stage)]) continue;
    const Size2 map = map_of(e.view.map, stage);
    const WindowLayout layout = layers::window_layout(e.model, stage, block, map);
    if (layout.shift == Size2{0, 0}) continue;
    e.add(shift_part(e.model, e.view, layout, stage, block, e.explanation.json));
    return;
  }
  e.miss("cyclic shift and mask", why_none_shifts(e.model, e.view.map));
}

void explain_attention(Explained& e, const Query& query) {
  if (e.model.name == "swin_mlp") {
    const std::string name = block_path(e.model, query.place) + ".spatial_mlp.weight";
    e.add(mixing_part(e.model, parameter_of(*e.loaded.task, name), query, e.explanation.json));
    e.miss("attention and position bias",
           "Swin-MLP has none: it mixes the tokens of a window by fixed matrices");
    return;
  }
  const SeenAttention seen = see_attention(*e.loaded.task, e.input, query.place);
  require_finite(block_path(e.model, query.place), "its attention", seen.fused);
  e.add(attention_part(e.model, e.view, seen, query, e.explanation.json));
  if (e.loaded.config.task.name == "simmim")
    e.explanation.parts.back().text.push_back(
        "The model saw the image with patches hidden, as its evaluation hides those of image 0.");
  if (seen.table.defined())
    e.add(bias_part(e.model, seen.table, query, e.explanation.json));
  else
    e.miss("relative position bias", "a ViT has none: it adds a position embedding to its input");
}

void add_scores(Explained& e, const ClassMap& map, const std::vector<std::string>& names) {
  const tasks::Answer answer = e.loaded.task->answers(map.outputs).front();
  base::Json scores = base::Json::array();
  std::string text;
  for (size_t i = 0; i < std::min(kScores, answer.classes.size()); ++i) {
    const auto [index, probability] = answer.classes[i];
    const std::string& name = names[static_cast<size_t>(index)];
    base::Json score = base::Json::object();
    score["class_index"] = index;
    score["class_name"] = name;
    score["probability"] = probability;
    scores.push_back(std::move(score));
    char percent[16];
    std::snprintf(percent, sizeof percent, " %.2f %%", 100 * probability);
    text += (text.empty() ? "" : ", ") + name + percent;
  }
  e.explanation.json["scores"] = std::move(scores);
  e.explanation.parts.front().text.push_back("Most probable: " + text + ".");
}

void explain_class(Explained& e, const ExplainOptions& options) {
  if (!classifies(e.loaded.config)) {
    e.miss("class-activation map",
           "a model for " + e.loaded.config.task.name + " has no class of the whole image");
    return;
  }
  const std::vector<std::string> names = names_of(e.loaded);
  std::optional<int64_t> index;
  if (options.class_name) index = class_index_of(names, *options.class_name);
  const ClassMap map = class_map(*e.loaded.task, e.input, index);
  require_finite("head", "the logits", tasks::output(map.outputs, "logits"));
  add_scores(e, map, names);
  e.add(class_map_part(e.model, e.view, map, names[static_cast<size_t>(map.class_index)],
                       e.explanation.json));
  if (e.model.name == "vit")
    e.add(rollout_part(e.model, e.view, attention_rollout(*e.loaded.task, e.input),
                       e.explanation.json));
}

ExplainedPart image_part(const Config& config, const View& view, const ModelInput& input) {
  const layers::ModelConfig& model = config.model;
  ExplainedPart part;
  part.title = "The image";
  part.text = {"A " + title_of(model.name) + " for " + config.task.name + ": " +
               std::to_string(model.num_stages()) +
               (model.num_stages() == 1 ? " stage" : " stages") + ", patches of " +
               size_text(model.patch_size, model.patch_size) + " pixels."};
  part.pictures.push_back(
      {"input.png", view.image, "The image as the model sees it",
       "The image of " + size_text(input.prepared.original_size) +
           " pixels as the model sees it, at " + size_text(input.prepared.padded_size) +
           " pixels: " + size_text(view.map) + " patches, the tokens of stage 0."});
  return part;
}

}  // namespace

Explanation explain(const std::string& checkpoint, const std::string& image,
                    const ExplainOptions& options) {
  if (options.token && options.pixel)
    throw base::UsageError("--pixel", "found --token, too, expected one of them", "remove one");
  const LoadedModel loaded = load_model(checkpoint);
  require_finite(checkpoint, loaded.task->parameters());
  const layers::ModelConfig& model = loaded.task->model_config();
  if (options.class_name && !classifies(loaded.config))
    throw base::UsageError("--class",
                           "found a class of the image, expected none: a model for " +
                               loaded.config.task.name + " answers otherwise",
                           "remove it");
  const ModelInput input =
      input_of(loaded.config, data::read_image(image, model.in_chans, decode_of(loaded.config)));
  const View view = view_of(input.seen, model.patch_size, kSide);
  const Query query = query_of(model, input, view.map, options);

  Explanation explanation;
  explanation.title = "What a " + title_of(model.name) + " sees";
  base::Json& json = explanation.json = base::Json::object();
  json["image"] = image;
  json["model"] = model.name;
  json["task"] = loaded.config.task.name;
  json["size"] = to_json(input.prepared.original_size);
  json["input"] = to_json(input.prepared.padded_size);
  json["missing"] = base::Json::array();
  explanation.parts.push_back(image_part(loaded.config, view, input));
  Explained e{loaded, model, input, view, explanation};
  explain_windows(e, query);
  explain_attention(e, query);
  explain_class(e, options);
  return explanation;
}

std::string to_html(const Explanation& explanation) {
  std::string body = "<h1>" + html_text(explanation.title) + "</h1>\n<p>" +
                     html_text(
                         "To be read beside the papers: Swin (arXiv:2103.14030) and Swin V2 "
                         "(arXiv:2111.09883).") +
                     "</p>\n";
  for (const ExplainedPart& part : explanation.parts) {
    body += "<h2>" + html_text(part.title) + "</h2>\n";
    for (const std::string& text : part.text) body += "<p>" + html_text(text) + "</p>\n";
    for (const Picture& picture : part.pictures)
      body += "<figure style=\"margin:1em 0\">" + html_image(picture.image, picture.alternative) +
              "\n<figcaption>" + html_text(picture.caption) + "</figcaption></figure>\n";
  }
  const std::vector<base::Json>& missing = explanation.json.at("missing").items();
  if (!missing.empty()) {
    body += "<h2>Not in this model</h2>\n<ul>\n";
    for (const base::Json& entry : missing)
      body += "<li>" +
              html_text(entry.at("part").as_string() + ": " + entry.at("reason").as_string()) +
              ".</li>\n";
    body += "</ul>\n";
  }
  return html_page(explanation.title, body);
}

void remove_old_pictures(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::ifstream file(folder / "explain.json", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  base::Json old;
  try {
    old = base::parse_json(text, "explain.json");
  } catch (const base::JsonSyntaxError&) {
    return;  // absent, or not what explain writes
  }
  const base::Json* pictures = old.find("pictures");
  if (!pictures || !pictures->is_array()) return;
  for (const base::Json& picture : pictures->items()) {
    if (!picture.is_string()) continue;
    const fs::path name = picture.as_string();
    if (name != name.filename() || name.extension() != ".png") continue;
    if (fs::symlink_status(folder / name, ignored).type() == fs::file_type::regular)
      fs::remove(folder / name, ignored);
  }
}

std::vector<data::Image> attention_examples(const std::string& checkpoint,
                                            const std::vector<data::Image>& images) {
  const LoadedModel loaded = load_model(checkpoint);
  if (!classifies(loaded.config)) return {};
  const layers::ModelConfig& model = loaded.task->model_config();
  std::vector<data::Image> examples;
  for (const data::Image& image : images) {
    data::Image own;
    data::convert_channels(image, model.in_chans, own);
    const ModelInput input = input_of(loaded.config, own);
    const View view = view_of(input.seen, model.patch_size, kExampleSide);
    const ClassMap map = class_map(*loaded.task, input, std::nullopt);
    const std::string name = names_of(loaded)[static_cast<size_t>(map.class_index)];
    std::vector<Panel> panels = {{"image", view.image},
                                 {name, draw_class_map(view, map, model.num_stages() - 1)}};
    if (model.name != "swin_mlp") {
      const Query query = query_of(model, input, view.map, {});
      const std::vector<double> row =
          chosen_row(see_attention(*loaded.task, input, query.place), query);
      panels.push_back({"attention", draw_attention(view, query, row, scale_of(row))});
    }
    examples.push_back(draw_panels(panels, std::ssize(panels)));
  }
  return examples;
}

}  // namespace swin::trainers
