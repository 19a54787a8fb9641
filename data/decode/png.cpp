// The only includer of libspng.
#include <spng.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/errors.h"
#include "base/limits.h"
#include "base/owned.h"
#include "data/decode/decode.h"
#include "files/atomic_file.h"

namespace swin::data {
namespace {

using Context = base::Owned<spng_ctx, spng_ctx_free>;

Context make_context(int flags) {
  Context context(spng_ctx_new(flags));
  if (!context) throw base::MemoryError("libspng", "no memory for a PNG");
  return context;
}

// A PNG whose header was checked.
class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& name, const DecodeOptions& options)
      : name_(name), context_(make_context(0)) {
    check(spng_set_image_limits(context_.get(), 1u << 30, 1u << 30));
    check(spng_set_chunk_limits(context_.get(), 64u << 20, 64u << 20));
    check(spng_set_png_buffer(context_.get(), bytes.data(), bytes.size()));
    check(spng_get_ihdr(context_.get(), &header));
    const int64_t width = header.width, height = header.height;
    check_size(name, "PNG", height, width, options);
    // Deflate compresses by at most 1032. A short file that claims more is refused before memory is
    // allocated.
    const int64_t least_bits = width * height * header.bit_depth;
    if (least_bits / 8 / 1032 > static_cast<int64_t>(bytes.size()))
      throw base::DataError(name,
                            "a PNG of " + std::to_string(bytes.size()) + " bytes that claims " +
                                std::to_string(width) + " × " + std::to_string(height) + " pixels",
                            "replace or remove the file");
  }
  void decode(spng_format format, std::span<uint8_t> to) const {
    size_t size = 0;
    check(spng_decoded_image_size(context_.get(), format, &size));
    if (size != to.size())
      throw base::InternalError(name_, "libspng states a size of " + std::to_string(size));
    check(spng_decode_image(context_.get(), to.data(), size, format, 0));
  }
  spng_ihdr header{};

 private:
  void check(int error) const {
    if (error == SPNG_EMEM) throw base::MemoryError(name_, "no memory to decode this PNG");
    if (error != SPNG_OK)
      throw base::DataError(
          name_, std::string("damaged PNG (") + spng_strerror(error) + "), expected a complete one",
          "replace or remove the file");
  }
  const std::string& name_;
  const Context context_;
};

}  // namespace

void decode_png(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to) {
  const Reader reader(bytes, name, options);
  const int64_t width = reader.header.width, height = reader.header.height;
  if (options.header_only) return void(to = {height, width, channels, {}});
  // Gray samples of any depth decode to R = G = B, which convert_channels maps back.
  Image decoded;
  Image& target = channels == 3 ? to : decoded;
  target.reshape(height, width, 3);
  reader.decode(SPNG_FMT_RGB8, target.pixels);
  if (channels == 1) convert_channels(decoded, 1, to);
}

LabelPixels decode_label_png(std::span<const uint8_t> bytes, const std::string& name,
                             int64_t max_pixels) {
  if (kind_of(bytes) != ImageKind::png)
    throw base::DataError(
        name, "found another file, expected a PNG, which keeps the values of labels exactly",
        "save it as a PNG");
  const Reader reader(bytes, name, {.max_pixels = max_pixels});
  const spng_ihdr& header = reader.header;
  LabelPixels labels{header.height, header.width, {}, {}};
  const auto pixels = static_cast<size_t>(labels.height * labels.width);
  constexpr size_t kLarge = size_t{16} << 20;  // smaller ones are not worth a look at /proc
  if (pixels >= kLarge)
    base::require_memory(static_cast<int64_t>(4 * pixels), name,
                         "make it smaller, or raise the group's memory limit");
  if (header.color_type == SPNG_COLOR_TYPE_TRUECOLOR ||
      header.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA) {
    labels.colors.resize(3 * pixels);
    reader.decode(SPNG_FMT_RGB8, labels.colors);
    return labels;
  }
  const size_t depth = header.bit_depth;
  const size_t channels = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ? 2 : 1;
  const size_t row_bytes = (header.width * channels * depth + 7) / 8;
  std::vector<uint8_t> stored(row_bytes * header.height);
  reader.decode(SPNG_FMT_RAW, stored);
  labels.values.resize(pixels);
  uint16_t* to = labels.values.data();
  for (size_t y = 0; y < header.height; ++y) {
    const uint8_t* row = stored.data() + y * row_bytes;
    for (size_t x = 0; x < header.width; ++x, ++to) {
      const size_t bit = x * channels * depth;
      const uint8_t* at = row + bit / 8;
      if (depth == 16)
        *to = static_cast<uint16_t>(at[0] << 8 | at[1]);
      else  // the leftmost pixel is in the highest bits
        *to = static_cast<uint16_t>(*at >> (8 - depth - bit % 8) & ((1 << depth) - 1));
    }
  }
  return labels;
}

namespace {

std::vector<uint8_t> encode(const spng_ihdr& given, const spng_plte* palette,
                            std::span<const uint8_t> pixels) {
  const auto check = [](int error) {
    if (error != SPNG_OK) throw base::InternalError("encode_png", spng_strerror(error));
  };
  const Context context = make_context(SPNG_CTX_ENCODER);
  spng_ihdr header = given;
  check(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  check(spng_set_ihdr(context.get(), &header));
  if (palette) {
    spng_plte entries = *palette;
    check(spng_set_plte(context.get(), &entries));
  }
  check(spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG,
                          SPNG_ENCODE_FINALIZE));
  size_t size = 0;
  int error = SPNG_OK;
  const base::Owned<void, std::free> file(spng_get_png_buffer(context.get(), &size, &error));
  check(error);
  const auto* begin = static_cast<const uint8_t*>(file.get());
  return std::vector<uint8_t>(begin, begin + size);
}

spng_ihdr header_of(int64_t height, int64_t width, int depth, spng_color_type type) {
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(width);
  header.height = static_cast<uint32_t>(height);
  header.bit_depth = static_cast<uint8_t>(depth);
  header.color_type = static_cast<uint8_t>(type);
  return header;
}

}  // namespace

std::vector<uint8_t> encode_png(const Image& image) {
  const auto type = image.channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR : SPNG_COLOR_TYPE_GRAYSCALE;
  return encode(header_of(image.height, image.width, 8, type), nullptr, image.pixels);
}

std::vector<uint8_t> encode_label_png(int64_t height, int64_t width,
                                      std::span<const uint16_t> labels, uint16_t ignored,
                                      std::span<const Color> palette) {
  constexpr size_t kIgnoredEntry = 255;
  const bool small = palette.size() <= kIgnoredEntry &&
                     std::all_of(labels.begin(), labels.end(),
                                 [&](uint16_t v) { return v == ignored || v < palette.size(); });
  std::vector<uint8_t> bytes;
  if (!small) {
    for (const uint16_t label : labels) {  // SPNG_FMT_PNG takes the order of this machine
      bytes.resize(bytes.size() + 2);
      std::memcpy(bytes.data() + bytes.size() - 2, &label, 2);
    }
    return encode(header_of(height, width, 16, SPNG_COLOR_TYPE_GRAYSCALE), nullptr, bytes);
  }
  spng_plte entries{};
  entries.n_entries = kIgnoredEntry + 1;
  entries.entries[kIgnoredEntry] = {255, 255, 255, 255};
  for (size_t i = 0; i < palette.size(); ++i)
    entries.entries[i] = {palette[i][0], palette[i][1], palette[i][2], 255};
  for (const uint16_t label : labels)
    bytes.push_back(static_cast<uint8_t>(label == ignored ? kIgnoredEntry : label));
  return encode(header_of(height, width, 8, SPNG_COLOR_TYPE_INDEXED), &entries, bytes);
}

void write_png(const std::string& path, const Image& image) {
  const std::vector<uint8_t> bytes = encode_png(image);
  const files::ByteSpan span = std::as_bytes(std::span(bytes));
  files::write_file_atomically(path, std::span(&span, 1));
}

}  // namespace swin::data
