// Output: results on stdout, notes and progress on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/counts.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"

namespace swin::cli {

/// Writes the lines of a text to stdout, each as base::one_line. Names that may contain line ends
/// must have gone through one_line before. A closed pipe is not an error.
/// @throws base::DiskError where stdout is closed or its disk is full.
void print(const std::string& text);
/// Prints one JSON document, whole, and a line end. Control characters are written as \u escapes.
void print_json(const base::Json& document);
/// Prints a text as one line (base::one_line) on stderr.
void note(const std::string& text);
using base::grouped;
using base::one_line;

/// The line that reports an error: `swin: where: what was found, expected what; what to do`.
/// Missing parts are filled in for this kind of error.
std::string error_line(base::ExitCode code, const std::string& message);

/// Rows of text in aligned columns. Control characters of cells become spaces, long cells are
/// shortened.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns);
  void row(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string bytes_text(int64_t bytes);     ///< "1.24 GB"
std::string seconds_text(double seconds);  ///< "3 min 12 s"
std::string fixed(double value, int digits);
std::string percent(double share);         ///< "90.21%"
std::string bar(double share, int width);  ///< "█████▌    "

}  // namespace swin::cli
