// The only includer of libspng.
#include <spng.h>

#include <cstdlib>

#include "base/errors.h"
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

}  // namespace

void decode_png(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to) {
  const auto check = [&](int error) {
    if (error == SPNG_EMEM) throw base::MemoryError(name, "no memory to decode this PNG");
    if (error != SPNG_OK)
      throw base::DataError(
          name, std::string("damaged PNG (") + spng_strerror(error) + "), expected a complete one",
          "replace or remove the file");
  };
  const Context context = make_context(0);
  check(spng_set_image_limits(context.get(), 1u << 30, 1u << 30));
  check(spng_set_chunk_limits(context.get(), 64u << 20, 64u << 20));
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()));
  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header));
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
  if (options.header_only) return void(to = {height, width, channels, {}});
  size_t size = 0;
  check(spng_decoded_image_size(context.get(), SPNG_FMT_RGB8, &size));
  // Gray samples of any depth decode to R = G = B, which convert_channels maps back.
  Image decoded;
  Image& target = channels == 3 ? to : decoded;
  target.reshape(height, width, 3);
  if (size != target.pixels.size())
    throw base::InternalError(name, "libspng states a size of " + std::to_string(size));
  check(spng_decode_image(context.get(), target.pixels.data(), size, SPNG_FMT_RGB8, 0));
  if (channels == 1) convert_channels(decoded, 1, to);
}

std::vector<uint8_t> encode_png(const Image& image) {
  const auto check = [](int error) {
    if (error != SPNG_OK) throw base::InternalError("encode_png", spng_strerror(error));
  };
  const Context context = make_context(SPNG_CTX_ENCODER);
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(image.width);
  header.height = static_cast<uint32_t>(image.height);
  header.bit_depth = 8;
  header.color_type = image.channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR : SPNG_COLOR_TYPE_GRAYSCALE;
  check(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  check(spng_set_ihdr(context.get(), &header));
  check(spng_encode_image(context.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG,
                          SPNG_ENCODE_FINALIZE));
  size_t size = 0;
  int error = SPNG_OK;
  const base::Owned<void, std::free> file(spng_get_png_buffer(context.get(), &size, &error));
  check(error);
  const auto* begin = static_cast<const uint8_t*>(file.get());
  return std::vector<uint8_t>(begin, begin + size);
}

void write_png(const std::string& path, const Image& image) {
  const std::vector<uint8_t> bytes = encode_png(image);
  const files::ByteSpan span = std::as_bytes(std::span(bytes));
  files::write_file_atomically(path, std::span(&span, 1));
}

}  // namespace swin::data
