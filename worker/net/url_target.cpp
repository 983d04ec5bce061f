#include "worker/net/url_target.h"

#include "shared/bytes.h"
#include "worker/encoding.h"

#include <curl/curl.h>

#include <memory>

namespace mr::net {
namespace {

// A part of the URL; empty if there is none. curl_url_get(3)
std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) {
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

std::optional<Proxy> read_proxy(const std::string& url) {
    constexpr std::uint16_t kUsualPort = 1080;
    const auto read = read_url(url, UrlUser::ignored);
    if (!read || read->scheme != "http") {
        return std::nullopt;
    }
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
    if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
        return std::nullopt;
    }
    Proxy proxy;
    proxy.host = read->target.host;
    proxy.port = part(parts.get(), CURLUPART_PORT).empty() ? kUsualPort : read->target.port;
    const std::string user = part(parts.get(), CURLUPART_USER, CURLU_URLDECODE);
    const std::string password = part(parts.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
    if (!user.empty() || !password.empty()) {
        proxy.authorization = "Basic " + base64_of(as_bytes(user + ":" + password));
    }
    return proxy;
}

bool connect_elsewhere(StreamTarget& target, const std::string& place) {
    const auto other = read_url("https://" + place, UrlUser::refused);
    if (!other) {
        return false;
    }
    target.checked_name = target.host;
    target.host = other->target.host;
    target.port = other->target.port;
    return true;
}

} // namespace mr::net
