#include "worker/net/ws_link.h"

#include <curl/curl.h>

#include <memory>

namespace mr::net {
namespace {

// A part of the URL; empty if there is none. curl_url_get(3)
std::string part(CURLU* url, CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK) {
        return {};
    }
    const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
    return text;
}

[[noreturn]] void bad(const std::string& why) {
    throw WsError(WsFault::bad_request,
                  "the WebSocket URL " + why + "; expected ws://host[:port][/path] or wss://...");
}

} // namespace

WsUrl::WsUrl(const std::string& url) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
    if (parts == nullptr ||
        curl_url_set(parts.get(), CURLUPART_URL, url.c_str(),
                     CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER) != CURLUE_OK) {
        bad("cannot be read, or has a user in it"); // what is in it may be secret
    }
    const std::string scheme = part(parts.get(), CURLUPART_SCHEME);
    if (scheme != "ws" && scheme != "wss") {
        bad("is of another kind");
    }
    tls = scheme == "wss";
    const std::string host = part(parts.get(), CURLUPART_HOST);
    const std::string port = part(parts.get(), CURLUPART_PORT);
    const unsigned usual = tls ? 443 : 80;
    // curl has checked that it is a number of 16 bits.
    const unsigned long number = port.empty() ? usual : std::stoul(port);
    if (host.empty() || number == 0 || number > 65535) {
        bad("lacks a host or has an impossible port");
    }
    target.host = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    target.port = static_cast<std::uint16_t>(number);
    authority = number == usual ? host : host + ":" + std::to_string(number);
    path = part(parts.get(), CURLUPART_PATH);
    const std::string query = part(parts.get(), CURLUPART_QUERY);
    path = (path.empty() ? "/" : path) + (query.empty() ? "" : "?" + query);
    shown = scheme + "://" + host + ":" + std::to_string(number);
}

} // namespace mr::net
