// Where a URL leads: what a connection and a request line need of it, taken apart by libcurl.
#pragma once

#include "worker/net/byte_stream.h"

#include <optional>
#include <string>

namespace mr::net {

struct UrlTarget {
    std::string scheme;
    StreamTarget target;
    std::string authority; // for Host
    std::string path;      // with the query
    std::string shown;     // for messages: scheme, host, port
};

// "http://[user:password@]host[:port]"; 1080 where it names no port, as for libcurl. Null: it is no
// such URL.
std::optional<Proxy> read_proxy(const std::string& url);
// `place` is host:port, and is connected to instead; certificates are checked for the target's own
// name. False: it is no such place.
bool connect_elsewhere(StreamTarget& target, const std::string& place);

enum class UrlUser : bool { refused, ignored }; // "user:password@"

// The port of the scheme counts where the URL names none. Null: it cannot be read, has no host, or
// an impossible port.
std::optional<UrlTarget> read_url(const std::string& url, UrlUser user);

} // namespace mr::net
