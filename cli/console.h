// Output: results on stdout, notes and progress on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"

namespace swin::cli {

/// Writes the whole text to stdout. A closed pipe is not an error.
/// @throws base::DiskError where stdout is closed or its disk is full.
void print(const std::string& text);
/// Prints one JSON document and a line end.
void print_json(const base::Json& document);
/// Prints a line on stderr.
void note(const std::string& line);
/// The text as one line: control characters become spaces.
std::string one_line(const std::string& text);

/// The line that reports an error: `swin: where: what was found, expected what; what to do`.
/// Missing parts are filled in for this kind of error.
std::string error_line(base::ExitCode code, const std::string& message);

/// Rows of text in aligned columns.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string grouped(int64_t n);            ///< "28,288,354"
std::string bytes_text(int64_t bytes);     ///< "1.24 GB"
std::string seconds_text(double seconds);  ///< "3 min 12 s"
std::string fixed(double value, int digits);
std::string percent(double share);         ///< "90.21%"
std::string bar(double share, int width);  ///< "█████▌    "

}  // namespace swin::cli
