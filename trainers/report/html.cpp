#include "trainers/report/html.h"

#include <string_view>
#include <vector>

#include "base/text.h"
#include "data/decode/decode.h"
#include "trainers/report/colors.h"

namespace swin::trainers {
namespace {

// Sides up to this are enlarged without smoothing, so that their pixels can be seen.
constexpr int64_t kFewPixels = 96;
// Names up to so many bytes stay on one line.
constexpr size_t kShortName = 28;

std::string base64(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t present = std::min<size_t>(3, bytes.size() - i);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < present ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) text += k <= present ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

// The style's variables.
std::string inks(const char* Ink::*side) {
  std::string text;
  for (const auto& [name, ink] : {std::pair<const char*, Ink>{"ground", kGround},
                                  {"panel", kPanel},
                                  {"rule", kRule},
                                  {"text", kText},
                                  {"faint", kFaint},
                                  {"link", kLink},
                                  {"alarm", kAlarm}})
    text += std::string("--") + name + ":" + ink.*side + ";";
  return text;
}

// Spaces of names stay as they are. What is wider than the page scrolls in its own .scroll, never
// the page.
constexpr const char* kStyle = R"(
*{box-sizing:border-box}
body{margin:0 auto;padding:16px;max-width:1168px;background:var(--ground);color:var(--text);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:.2em 0 .4em}
h2{font-size:1.25rem;line-height:1.3;margin:1.8em 0 .5em;padding-top:.5em;
border-top:1px solid var(--rule)}
h3{font-size:1.05rem;margin:1.2em 0 .4em}
p,ul,ol{max-width:46em;margin:.5em 0}
a{color:var(--link)}
.faint{color:var(--faint)}
.alarm{color:var(--alarm);font-weight:600}
code,pre{background:var(--panel);border-radius:4px;font:.9em/1.45 ui-monospace,monospace}
code{padding:.1em .3em}
pre{padding:.7em;white-space:pre-wrap}
img,svg{max-width:100%;height:auto;vertical-align:top}
img.few{image-rendering:pixelated}
.scroll{overflow-x:auto;max-width:100%;margin:.8em 0}
.scroll svg{max-width:none}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
th,td,h1,figcaption{white-space:pre-wrap}
th,td{padding:.3em .7em;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{background:var(--panel)}
td.name,th.name{max-width:16em;min-width:9em;overflow-wrap:anywhere}
td.short{white-space:pre}
td.wide{max-width:32em;min-width:7.5em;overflow-wrap:anywhere}
@media(max-width:500px){th,td{padding:.3em .4em;font-size:.85rem}}
.number{text-align:right}
.charts{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}
.charts svg{width:100%}
.pictures{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,150px),1fr))}
.pictures img{width:100%}
.examples{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}
.examples img{width:100%}
figure{margin:0;min-width:0}
figcaption{font-size:.85rem;line-height:1.35;margin-top:.3em}
.cards{display:grid;gap:10px;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));
line-height:1.35;margin:.8em 0}
.cards>div{background:var(--panel);border-radius:6px;padding:.5em .8em}
.cards b{display:block;font-size:1.3rem;line-height:1.3}
details{margin:.6em 0}
summary{cursor:pointer;font-weight:600}
)";

}  // namespace

std::string html_text(const std::string& text) {
  // A mark in place of what must not stand there, since without_controls leaves none of its kind.
  constexpr char kMark = '\x01';
  std::string result;
  for (const char c : base::without_controls(text, kMark)) switch (c) {
      case kMark:
        result += "\uFFFD";
        break;
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  return result;
}

std::string html_page(const std::string& title, const std::string& body) {
  // The policy keeps even a mistake in here from loading or running anything.
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; img-src data:\">\n"
         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_text(title) + "</title>\n<style>\n:root{" + inks(&Ink::light) +
         "}\n@media(prefers-color-scheme:dark){:root{" + inks(&Ink::dark) + "}}" + kStyle +
         "</style>\n</head>\n<body>\n" + body + "\n</body>\n</html>\n";
}

std::string html_image(const data::Image& image, const std::string& alternative) {
  const bool few = image.height <= kFewPixels && image.width <= kFewPixels;
  return std::string("<img") + (few ? " class=\"few\"" : "") + " width=\"" +
         std::to_string(image.width) + "\" height=\"" + std::to_string(image.height) + "\" alt=\"" +
         html_text(alternative) + "\" src=\"data:image/png;base64," +
         base64(data::encode_png(image)) + "\">";
}

std::string html_table(const std::vector<HtmlColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  const auto cell = [&](const char* tag, size_t k, const std::string& text) {
    std::string style = columns[k].style;
    if (style == "name" && text.size() <= kShortName) style += " short";
    return std::string("<") + tag + (style.empty() ? "" : " class=\"" + style + "\"") + ">" +
           html_text(text) + "</" + tag + ">";
  };
  std::string text = "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>";
  for (size_t k = 0; k < columns.size(); ++k) text += cell("th", k, columns[k].title);
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    text += "<tr>";
    for (size_t k = 0; k < row.size(); ++k) text += cell("td", k, row[k]);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace swin::trainers
