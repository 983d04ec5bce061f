#include "shared/redis_url.h"

#include "shared/bytes.h"
#include "shared/ids.h"

#include <optional>

namespace mr {
namespace {

constexpr char kNotSupported[] = "sentinel:// and cluster:// are not supported yet";
constexpr char kScheme[] = "must begin with redis://, rediss:// or unix:/";

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Decodes into `out`; null on success.
template <size_t kCapacity>
const char* decode(std::string_view text, FixedText<kCapacity>& out, const char* too_long) {
    char decoded[kCapacity];
    size_t length = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0) {
                return "has a '%' that is not followed by two hexadecimal digits";
            }
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return "has a control character in it";
        }
        if (length == kCapacity) {
            return too_long;
        }
        decoded[length++] = c;
    }
    out.assign({decoded, length});
    return nullptr;
}

// Takes what stands before `mark` off the front of `text`; nothing when there is no mark.
std::optional<std::string_view> take_until(std::string_view& text, char mark) {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view before = slice(text, 0, at);
    text = slice(text, at + 1);
    return before;
}

const char* parse_database(std::string_view text, RedisUrl& url) {
    const auto number = parse_decimal(text);
    if (!number || *number > kMaxRedisDatabase) {
        return "has a database that is not a number from 0 to 65535";
    }
    url.database = static_cast<uint32_t>(*number);
    return nullptr;
}

const char* parse_file(std::string_view value, FixedText<255>& out, const char* not_absolute) {
    const char* problem = decode(value, out, "names a file with a path of more than 255 bytes");
    return problem == nullptr && !out.view().starts_with('/') ? not_absolute : problem;
}

const char* parse_tls_option(std::string_view name, std::string_view value, RedisUrl& url) {
    if (name == "ca_file") {
        return parse_file(value, url.ca_file, "has a ca_file that is not an absolute path");
    }
    if (name == "server_name") {
        return decode(value, url.server_name, "has a server_name of more than 255 bytes");
    }
    if (value != "on" && value != "off") {
        return "has a verify option that is neither on nor off";
    }
    url.verify = value == "on";
    return nullptr;
}

const char* parse_option(std::string_view name, std::string_view value, RedisUrl& url) {
    if (name == "db") {
        return parse_database(value, url);
    }
    if (name == "user") {
        return decode(value, url.user, "has a user of more than 255 bytes");
    }
    if (name == "password") {
        return decode(value, url.password, "has a password of more than 1024 bytes");
    }
    if (name == "password_file") {
        return parse_file(value, url.password_file,
                          "has a password_file that is not an absolute path");
    }
    if (name == "ca_file" || name == "server_name" || name == "verify") {
        return url.transport == RedisTransport::tls ? parse_tls_option(name, value, url)
                                                    : "has a TLS option, which needs rediss://";
    }
    return "has an unknown option; known are db, user, password, password_file and for rediss:// "
           "ca_file, server_name, verify";
}

const char* parse_options(std::string_view text, RedisUrl& url) {
    while (!text.empty()) {
        std::string_view option = text;
        const auto before = take_until(text, '&');
        if (before) {
            option = *before;
        } else {
            text = {};
        }
        std::string_view value = option;
        const auto name = take_until(value, '=');
        if (!name || value.empty()) {
            return "has an option that is not name=value";
        }
        if (const char* problem = parse_option(*name, value, url)) {
            return problem;
        }
    }
    return nullptr;
}

const char* parse_login(std::string_view text, RedisUrl& url) {
    std::string_view password = text;
    const auto user = take_until(password, ':');
    if (user) {
        if (const char* problem = decode(*user, url.user, "has a user of more than 255 bytes")) {
            return problem;
        }
    }
    return decode(password, url.password, "has a password of more than 1024 bytes");
}

const char* parse_port(std::string_view text, RedisUrl& url) {
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65535) {
        return "has a port that is not a number from 1 to 65535";
    }
    url.port = static_cast<uint16_t>(*number);
    return nullptr;
}

const char* parse_authority(std::string_view text, RedisUrl& url) {
    const size_t at = text.rfind('@');
    if (at != std::string_view::npos) {
        if (const char* problem = parse_login(slice(text, 0, at), url)) {
            return problem;
        }
        text = slice(text, at + 1);
    }
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return "has an IPv6 address without its closing bracket";
        }
        host = slice(text, 1, close - 1);
        port = slice(text, close + 1);
        if (!port.empty() && !port.starts_with(':')) {
            return "has something other than :port behind its IPv6 address";
        }
    } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
        host = slice(text, 0, colon);
        port = slice(text, colon);
    }
    if (host.empty()) {
        return "has no host";
    }
    if (const char* problem = decode(host, url.host, "has a host of more than 255 bytes")) {
        return problem;
    }
    return port.empty() ? nullptr : parse_port(slice(port, 1), url);
}

const char* parse_network(std::string_view text, RedisUrl& url) {
    std::string_view authority = text;
    std::string_view path;
    if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
        authority = slice(text, 0, slash);
        path = slice(text, slash + 1);
    }
    if (const char* problem = parse_authority(authority, url)) {
        return problem;
    }
    return path.empty() ? nullptr : parse_database(path, url);
}

const char* parse_socket(std::string_view path, RedisUrl& url) {
    FixedText<kMaxRedisSocketPathChars> decoded;
    if (!path.starts_with('/')) {
        return "needs an absolute path behind unix:";
    }
    if (const char* problem = decode(path, decoded, "has a socket path of more than 107 bytes")) {
        return problem;
    }
    url.host.assign(decoded.view());
    return nullptr;
}

const char* check_login(const RedisUrl& url) {
    const bool has_file = !url.password_file.empty();
    if (has_file && !url.password.empty()) {
        return "has both a password and a password_file";
    }
    if (!url.user.empty() && !has_file && url.password.empty()) {
        return "has a user without a password";
    }
    return nullptr;
}

} // namespace

const char* parse_redis_url(std::string_view text, RedisUrl& out) {
    RedisUrl url;
    if (text.size() > kMaxRedisUrlChars) {
        return "is longer than 2048 bytes";
    }
    std::string_view rest = text;
    std::string_view options;
    if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
        rest = slice(text, 0, mark);
        options = slice(text, mark + 1);
    }
    const char* problem = kScheme;
    if (rest.starts_with("redis://")) {
        problem = parse_network(slice(rest, 8), url);
    } else if (rest.starts_with("rediss://")) {
        url.transport = RedisTransport::tls;
        problem = parse_network(slice(rest, 9), url);
    } else if (rest.starts_with("unix:")) {
        url.transport = RedisTransport::unix_socket;
        problem = parse_socket(slice(rest, rest.starts_with("unix:///") ? 7 : 5), url);
    } else if (rest.starts_with("sentinel://") || rest.starts_with("cluster://")) {
        problem = kNotSupported;
    }
    if (problem == nullptr) {
        problem = parse_options(options, url);
    }
    if (problem == nullptr) {
        problem = check_login(url);
    }
    if (problem == nullptr) {
        out = url;
    }
    return problem;
}

const char* set_redis_password(RedisUrl& url, std::string_view file_contents) {
    const size_t end = file_contents.find_first_of("\r\n");
    const std::string_view line = slice(file_contents, 0, end);
    if (line.empty()) {
        return "has an empty first line";
    }
    return url.password.assign(line) ? nullptr : "holds a password of more than 1024 bytes";
}

size_t format_redis_name(const RedisUrl& url, char out[kMaxRedisNameChars]) {
    size_t length = 0;
    const auto put = [&](std::string_view text) {
        std::memcpy(out + length, text.data(), text.size());
        length += text.size();
    };
    if (url.transport == RedisTransport::unix_socket) {
        put("unix:");
        put(url.host.view());
    } else {
        const bool ipv6 = url.host.view().find(':') != std::string_view::npos;
        put(url.transport == RedisTransport::tls ? "rediss://" : "redis://");
        put(ipv6 ? "[" : "");
        put(url.host.view());
        put(ipv6 ? "]:" : ":");
        length += format_decimal(url.port, out + length);
    }
    if (url.database != 0) {
        put(url.transport == RedisTransport::unix_socket ? "?db=" : "/");
        length += format_decimal(url.database, out + length);
    }
    return length;
}

} // namespace mr
