// Any bytes as a Sec-WebSocket-Extensions value: nothing is read beyond its end, what is accepted
// is within RFC 7692's bounds, and our own answer is an offer that can be read.
#include "shared/ws_extension.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto offers = mr::read_extensions({reinterpret_cast<const char*>(data), size});
    if (!offers.well_formed || !offers.deflate) {
        return 0;
    }
    const uint8_t server_bits = offers.deflate->server_max_window_bits;
    const uint8_t client_bits = offers.deflate->client_max_window_bits;
    if ((server_bits != 0 && (server_bits < 9 || server_bits > 15)) ||
        (client_bits != 0 && (client_bits < 8 || client_bits > 15))) {
        std::abort();
    }
    for (uint8_t bits = mr::kMinDeflateWindowBits; bits <= mr::kMaxDeflateWindowBits; ++bits) {
        const auto agreement = mr::agree_on_deflate(*offers.deflate, bits);
        if (agreement.window_bits > bits || agreement.window_bits < mr::kMinDeflateWindowBits ||
            !mr::read_extensions(agreement.answer_view()).deflate) {
            std::abort();
        }
    }
    return 0;
}
