#include "worker/net/url_target.h"

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

} // namespace

std::optional<UrlTarget> read_url(const std::string& url, UrlUser user) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
    const unsigned flags =
        CURLU_NON_SUPPORT_SCHEME | (user == UrlUser::refused ? unsigned{CURLU_DISALLOW_USER} : 0U);
    if (parts == nullptr ||
        curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), flags) != CURLUE_OK) {
        return std::nullopt;
    }
    UrlTarget out;
    out.scheme = part(parts.get(), CURLUPART_SCHEME);
    const std::string host = part(parts.get(), CURLUPART_HOST);
    const std::string port = part(parts.get(), CURLUPART_PORT);
    const unsigned usual = out.scheme == "wss" || out.scheme == "https" ? 443 : 80;
    // curl has checked that it is a number of 16 bits.
    const unsigned long number = port.empty() ? usual : std::stoul(port);
    if (host.empty() || number == 0 || number > 65535) {
        return std::nullopt;
    }
    out.target.host = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
    out.target.port = static_cast<std::uint16_t>(number);
    out.authority = number == usual ? host : host + ":" + std::to_string(number);
    const std::string path = part(parts.get(), CURLUPART_PATH);
    const std::string query = part(parts.get(), CURLUPART_QUERY);
    out.path = (path.empty() ? "/" : path) + (query.empty() ? "" : "?" + query);
    out.shown = out.scheme + "://" + host + ":" + std::to_string(number);
    return out;
}

} // namespace mr::net
