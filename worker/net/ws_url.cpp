// What a WebSocket is connected to, and by which way.
#include "worker/net/ws_link.h"

#include <algorithm>
#include <utility>

namespace mr::net {
namespace {

[[noreturn]] void bad(const std::string& why) {
    throw WsError(WsFault::bad_request,
                  "the WebSocket URL " + why + "; expected ws://host[:port][/path] or wss://...");
}

} // namespace

WsUrl::WsUrl(const std::string& url) {
    const auto read = read_url(url, UrlUser::refused);
    if (!read) { // what is in it may be secret
        bad("cannot be read, has a user in it, lacks a host or has an impossible port");
    }
    if (read->scheme != "ws" && read->scheme != "wss") {
        bad("is of another kind");
    }
    static_cast<UrlTarget&>(*this) = *read;
    tls = scheme == "wss";
}

void WsLink::describe_target() {
    for (const std::string& line : options_.headers) {
        const std::string_view text = line;
        const size_t colon = text.find(':');
        if (colon == std::string_view::npos) {
            throw error(WsFault::bad_request, "a header of the request lacks its colon");
        }
        std::string_view value = text.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        headers_.push_back({text.substr(0, colon), value});
    }
    engine_options_.target = {url_.authority, url_.path, options_.subprotocols, headers_};
    engine_options_.limits.max_frame_bytes = options_.max_message_bytes;
    engine_options_.limits.max_message_bytes = options_.max_message_bytes;
    engine_options_.max_output_bytes = options_.max_send_bytes + kMaxFrameHeaderBytes;
}

void WsLink::describe_way() {
    if (!options_.connect_to.empty() && !connect_elsewhere(url_.target, options_.connect_to)) {
        throw error(WsFault::bad_request, "connect_to is no host:port");
    }
    if (!options_.proxy.empty()) {
        auto proxy = read_proxy(options_.proxy);
        if (!proxy) { // what is in it may be secret
            throw error(WsFault::bad_request,
                        "the proxy's URL is none of http://[user:password@]host[:port]");
        }
        url_.target.proxy = std::make_shared<const Proxy>(std::move(*proxy));
    }
}

} // namespace mr::net
