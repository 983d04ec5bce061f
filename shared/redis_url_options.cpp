#include "shared/redis_url_options.h"

#include "shared/ids.h"

namespace mr {
namespace {

constexpr char kLongUser[] = "has a user of more than 255 bytes";
constexpr char kLongPassword[] = "has a password of more than 1024 bytes";

// Options that only fit to some forms: checked when all of them are known.
struct Seen {
    bool tls_detail = false; // ca_file, server_name, verify
    bool tls = false;
    bool sentinel = false; // a login for the sentinels
};

const char* parse_file(std::string_view value, FixedText<255>& out, const char* not_absolute) {
    const char* problem =
        decode_url_part(value, out, "names a file with a path of more than 255 bytes");
    return problem == nullptr && !out.view().starts_with('/') ? not_absolute : problem;
}

const char* parse_switch(std::string_view value, bool& out, const char* neither) {
    if (value != "on" && value != "off") {
        return neither;
    }
    out = value == "on";
    return nullptr;
}

const char* parse_tls_option(std::string_view name, std::string_view value, RedisUrl& url) {
    if (name == "ca_file") {
        return parse_file(value, url.ca_file, "has a ca_file that is not an absolute path");
    }
    if (name == "server_name") {
        return decode_url_part(value, url.server_name, "has a server_name of more than 255 bytes");
    }
    return parse_switch(value, url.verify, "has a verify option that is neither on nor off");
}

const char* parse_sentinel_option(std::string_view name, std::string_view value, RedisUrl& url) {
    RedisSentinels& sentinels = url.sentinels;
    if (name == "sentinel_user") {
        return decode_url_part(value, sentinels.user, kLongUser);
    }
    if (name == "sentinel_password") {
        return decode_url_part(value, sentinels.password, kLongPassword);
    }
    return parse_file(value, sentinels.password_file,
                      "has a sentinel_password_file that is not an absolute path");
}

const char* parse_tls(std::string_view value, RedisUrl& url) {
    bool on = false;
    const char* problem = parse_switch(value, on, "has a tls option that is neither on nor off");
    if (on) {
        url.transport = RedisTransport::tls;
    }
    return problem;
}

const char* parse_option(std::string_view name, std::string_view value, RedisUrl& url, Seen& seen) {
    if (name == "db") {
        return parse_redis_database(value, url);
    }
    if (name == "user") {
        return decode_url_part(value, url.user, kLongUser);
    }
    if (name == "password") {
        return decode_url_part(value, url.password, kLongPassword);
    }
    if (name == "password_file") {
        return parse_file(value, url.password_file,
                          "has a password_file that is not an absolute path");
    }
    if (name == "ca_file" || name == "server_name" || name == "verify") {
        seen.tls_detail = true;
        return parse_tls_option(name, value, url);
    }
    if (name == "sentinel_user" || name == "sentinel_password" ||
        name == "sentinel_password_file") {
        seen.sentinel = true;
        return parse_sentinel_option(name, value, url);
    }
    if (name == "tls" && url.has_sentinels()) {
        return parse_tls(value, url);
    }
    seen.tls = name == "tls";
    return seen.tls ? nullptr
                    : "has an unknown option; known are db, user, password, password_file, with "
                      "TLS ca_file, server_name, verify, and for sentinel:// tls, sentinel_user, "
                      "sentinel_password, sentinel_password_file";
}

const char* check_form(const RedisUrl& url, const Seen& seen) {
    if (seen.tls) {
        return "has the option tls, which is for sentinel:// (write rediss:// instead)";
    }
    if (seen.sentinel && !url.has_sentinels()) {
        return "has an option for sentinels, which needs sentinel://";
    }
    if (seen.tls_detail && url.transport != RedisTransport::tls) {
        return url.has_sentinels() ? "has a TLS option, which needs tls=on"
                                   : "has a TLS option, which needs rediss://";
    }
    return nullptr;
}

} // namespace

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string_view> take_until(std::string_view& text, char mark) {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view before = slice(text, 0, at);
    text = slice(text, at + 1);
    return before;
}

const char* parse_redis_database(std::string_view text, RedisUrl& url) {
    const auto number = parse_decimal(text);
    if (!number || *number > kMaxRedisDatabase) {
        return "has a database that is not a number from 0 to 65535";
    }
    url.database = static_cast<uint32_t>(*number);
    return nullptr;
}

const char* parse_redis_options(std::string_view text, RedisUrl& url) {
    Seen seen;
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
        if (const char* problem = parse_option(*name, value, url, seen)) {
            return problem;
        }
    }
    return check_form(url, seen);
}

} // namespace mr
