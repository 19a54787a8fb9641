// Pages of HTML that need nothing from outside: style and pictures are inside, and no script.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace swin::trainers {

/// The text with &, <, >, " and ' as entities and control characters as U+FFFD, for the content and
/// for quoted attributes of HTML and SVG alike.
std::string html_text(const std::string& text);

/// A whole document: UTF-8, readable from 390 pixels on, light or dark as the reader prefers.
/// @param title plain text
/// @param body HTML. Its style knows: .scroll around what may be wider than the page (tables, large
///   charts), .charts around charts, .pictures around small figures, .examples around wide ones,
///   .cards around <div><b>1</b>step</div>, .number of cells, .name and .wide of cells with long
///   texts, .faint and .alarm of texts.
std::string html_page(const std::string& title, const std::string& body);

/// <img> with the picture inside, as PNG.
/// @param alternative plain text for those who do not see it
std::string html_image(const data::Image& image, const std::string& alternative);

struct HtmlColumn {
  std::string title;
  const char* style = "";  ///< "number", "name" or "wide", as html_page knows them
};
/// A table of plain texts that scrolls where it is wider than the page.
std::string html_table(const std::vector<HtmlColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows);

}  // namespace swin::trainers
