#include "trainers/run/bad_images.h"

#include <utility>

#include "base/counts.h"
#include "base/errors.h"

namespace swin::trainers {

constexpr size_t kShown = 5;  // images that get a message; the file names all

BadImages::BadImages(std::filesystem::path path, bool starts_from_scratch, int64_t epoch_images,
                     double max_fraction)
    : path_(std::move(path)), epoch_images_(epoch_images), max_fraction_(max_fraction) {
  std::error_code error;
  if (!std::filesystem::exists(path_, error)) return;
  log_.emplace(path_, [&](const base::Json& line) {
    const base::Json* name = line.find("path");
    if (starts_from_scratch || !name || !name->is_string()) return false;
    logged_.insert(name->as_string());
    return true;
  });
}

void BadImages::log(const std::string& name, const std::string& error,
                    const std::string& replaced_by, RunListener& listener) {
  if (!logged_.insert(name).second) return;
  base::Json line = base::Json::object();
  line["path"] = name;
  line["error"] = error;
  line["replaced_by"] = replaced_by.empty() ? base::Json() : base::Json(replaced_by);
  if (!log_) log_.emplace(path_, [](const base::Json&) { return false; });
  log_->line(line);
  if (logged_.size() <= kShown)
    listener.note(
        "swin: warning: " + error +
        (replaced_by.empty() ? " (left out of the metrics" : " (replaced by " + replaced_by) +
        (logged_.size() == kShown ? "; further ones only in " + path_.string() : "") + ")");
}

void BadImages::add(const Measured& measured, RunListener& listener) {
  for (const Measured::Bad& image : measured.bad) log(image.name, image.error, "", listener);
}

int64_t BadImages::add(const data::Batch& batch, const data::Dataset& dataset, int64_t so_far,
                       int64_t epoch, RunListener& listener) {
  for (const data::BadImage& image : batch.bad)
    log(dataset.name(image.index), image.error, dataset.name(image.replaced_by), listener);
  const auto bad = static_cast<int64_t>(batch.bad.size());
  total_ += bad;
  const int64_t count = so_far + bad;
  if (bad > 0 && static_cast<double>(count) > max_fraction_ * static_cast<double>(epoch_images_)) {
    throw base::DataError(
        path_.string(),
        "found " + base::grouped(count) + " bad images of " + base::grouped(epoch_images_) +
            " in epoch " + std::to_string(epoch) + ", expected at most " +
            base::to_text(base::Json(max_fraction_)) +
            " of them (data.max_bad_fraction); the newest: " + batch.bad.back().error,
        "repair or remove the files listed there, then start the same command again");
  }
  return count;
}

}  // namespace swin::trainers
