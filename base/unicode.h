// Unicode text. Only unicode.cpp uses libutf8proc.
#pragma once
#include <string>
#include <string_view>

namespace swin::base {

/// The composed form (NFC) of a UTF-8 text: "é" as one character, however the text writes it. File
/// systems and programs differ in it, so names are compared in this form. A text that is not valid
/// UTF-8 is returned as it is.
/// Source: Unicode Standard Annex #15.
std::string composed(std::string_view text);

}  // namespace swin::base
