#include "cli/console.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace swin::cli {
namespace {

// Columns that a UTF-8 text takes: its code points.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// Whether all was written; if not, errno has the reason.
bool write_all(int file, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file, text.data() + done, text.size() - done);
    if (n >= 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void write_result(const std::string& text) {
  if (write_all(STDOUT_FILENO, text) || errno == EPIPE) return;
  throw base::DiskError(
      "standard output",
      std::string("found ") + std::strerror(errno) + ", expected it to take the result",
      "free some space or redirect it to a file that can be written");
}

// DEL and U+0080 … U+009F, which JSON allows in strings and terminals obey, as \u escapes.
std::string with_escapes(const std::string& json) {
  std::string text;
  for (size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const bool is_c1 =
        byte == 0xC2 && i + 1 < json.size() && static_cast<unsigned char>(json[i + 1]) < 0xA0;
    if (is_c1) ++i;
    if (is_c1 || byte == 0x7F)
      text += "\\u00" + base::hex(static_cast<uint8_t>(json[i]));
    else
      text += json[i];
  }
  return text;
}

}  // namespace

void print(const std::string& text) {
  std::string lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines += one_line(std::string_view(text).substr(begin, end - begin));
    if (end == std::string::npos) break;
    lines += '\n';
    begin = end + 1;
  }
  write_result(lines);
}

void print_json(const base::Json& document) {
  write_result(with_escapes(base::to_text(document, 2)) + "\n");
}

void note(const std::string& text) { write_all(STDERR_FILENO, one_line(text) + "\n"); }

namespace {

// Two long cells and their spaces fit into a line.
std::string cell_text(const std::string& text) {
  constexpr size_t kLongest = 160;
  return base::shortened(base::without_controls(text, ' '), kLongest);
}

struct Parts {
  const char *expected, *remedy;
};

Parts parts_of(base::ExitCode code) {
  using base::ExitCode;
  switch (code) {
    case ExitCode::usage:
      return {"a command line and a config that agree",
              "correct it (swin VERB --help, configs/README.md)"};
    case ExitCode::data:
      return {"data that can be read", "correct or replace it"};
    case ExitCode::checkpoint:
      return {"a checkpoint or weight file that fits", "use another one"};
    case ExitCode::disk:
      return {"a path that can be written", "free some space or choose another path"};
    case ExitCode::memory:
      return {"enough for this step", "use a smaller trainer.micro_batch_size"};
    case ExitCode::diverged:
      return {"finite values", "lower optimizer.lr or set trainer.clip_grad"};
    default:
      return {"no internal error", "please report it with the command line"};
  }
}

}  // namespace

std::string error_line(base::ExitCode code, const std::string& message) {
  std::string text = message.rfind("swin: ", 0) == 0 ? message.substr(6) : message;
  const Parts parts = parts_of(code);
  if (text.find("; ") == std::string::npos) text += std::string("; ") + parts.remedy;
  if (text.find(", expected ") == std::string::npos)
    text.insert(text.find("; "), std::string(", expected ") + parts.expected);
  return one_line("swin: " + text);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) column.title = cell_text(column.title);
}

void Table::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell_text(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(width_of(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string result;
  const auto add = [&](const auto& cell) {
    std::string line;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string value = cell(c);
      const std::string space(widths[c] - width_of(value), ' ');
      line += (c ? "  " : "") + (columns_[c].align == Align::right ? space + value : value + space);
    }
    result += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add([&](size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) add([&](size_t c) { return row[c]; });
  return result;
}

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string bytes_text(int64_t bytes) {
  const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit < 4) value /= 1000, ++unit;
  return fixed(value, unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2) + " " + units[unit];
}

std::string seconds_text(double seconds) {
  if (!(seconds < 1e15)) return "∞";
  if (seconds < 10) return fixed(seconds, 1) + " s";
  const int64_t s = std::llround(seconds);
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  if (s < 86400) return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
  return grouped(s / 86400) + " d " + std::to_string(s % 86400 / 3600) + " h";
}

std::string percent(double share) { return fixed(100 * share, 2) + "%"; }

std::string bar(double share, int width) {
  static const char* parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += parts[eighths % 8];
  for (int i = (eighths + 7) / 8; i < width; ++i) text += " ";
  return text;
}

}  // namespace swin::cli
