#include "worker/net/ws_link.h"

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

} // namespace mr::net
