// The only includer of libwebp.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>

#include "base/errors.h"
#include "base/owned.h"
#include "data/decode/decode.h"

namespace swin::data {
void decode_webp(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to) {
  const auto fail = [&](const char* what) -> base::DataError {
    return {name, std::string("damaged WebP (") + what + "), expected a complete one",
            "replace or remove the file"};
  };
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK) throw fail("header");
  check_size(name, "WebP", features.height, features.width, options);
  const WebPData data = {bytes.data(), bytes.size()};
  const base::Owned<WebPDemuxer, WebPDemuxDelete> demuxer(WebPDemux(&data));
  if (!demuxer) throw fail("container");
  const int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  check_size(name, "WebP", height, width, options);
  if (options.header_only) return void(to = {height, width, channels, {}});
  // A still image is one frame of the size of the canvas. The first frame of an animation may cover
  // only a part of it; the rest of the canvas is transparent black.
  WebPIterator frame{};
  if (!WebPDemuxGetFrame(demuxer.get(), 1, &frame)) throw fail("no image");
  const base::Owned<WebPIterator, WebPDemuxReleaseIterator> release(&frame);
  int frame_width = 0, frame_height = 0;
  if (!frame.complete ||
      !WebPGetInfo(frame.fragment.bytes, frame.fragment.size, &frame_width, &frame_height) ||
      frame_width != frame.width || frame_height != frame.height || frame.x_offset < 0 ||
      frame.y_offset < 0 || frame.x_offset + int64_t{frame.width} > width ||
      frame.y_offset + int64_t{frame.height} > height) {
    throw fail("frame");
  }
  Image decoded;
  Image& target = channels == 3 ? to : decoded;
  target.reshape(height, width, 3);
  if (frame.width != width || frame.height != height)
    std::fill(target.pixels.begin(), target.pixels.end(), uint8_t{0});
  const int64_t begin = frame.y_offset * target.row_bytes() + frame.x_offset * 3;
  // Alpha is dropped; the colors are not multiplied by it.
  if (!WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, target.pixels.data() + begin,
                         target.pixels.size() - static_cast<size_t>(begin),
                         static_cast<int>(target.row_bytes())))
    throw fail("pixels");
  if (channels == 1) convert_channels(decoded, 1, to);
}

}  // namespace swin::data
