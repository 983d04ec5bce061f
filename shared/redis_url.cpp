#include "shared/redis_url.h"

#include "shared/ids.h"
#include "shared/redis_url_options.h"

namespace mr {
namespace {

constexpr char kCluster[] = "cluster:// is not supported yet: use redis://, rediss://, unix:/ or "
                            "sentinel://";
constexpr char kScheme[] = "must begin with redis://, rediss://, unix:/ or sentinel://";
constexpr char kEllipsis[] = "...";

const char* parse_login(std::string_view text, RedisUrl& url) {
    std::string_view password = text;
    const auto user = take_until(password, ':');
    if (user) {
        const char* problem = decode_url_part(*user, url.user, "has a user of more than 255 bytes");
        if (problem != nullptr) {
            return problem;
        }
    }
    return decode_url_part(password, url.password, "has a password of more than 1024 bytes");
}

const char* parse_port(std::string_view text, uint16_t& port) {
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65535) {
        return "has a port that is not a number from 1 to 65535";
    }
    port = static_cast<uint16_t>(*number);
    return nullptr;
}

// host, host:port, [address]:port; `port` stays what it is when there is none.
const char* parse_place(std::string_view text, FixedText<kMaxRedisHostChars>& host,
                        uint16_t& port) {
    std::string_view name = text;
    std::string_view rest;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return "has an IPv6 address without its closing bracket";
        }
        name = slice(text, 1, close - 1);
        rest = slice(text, close + 1);
        if (!rest.empty() && !rest.starts_with(':')) {
            return "has something other than :port behind its IPv6 address";
        }
    } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
        name = slice(text, 0, colon);
        rest = slice(text, colon);
    }
    if (name.empty()) {
        return "has no host";
    }
    if (const char* problem = decode_url_part(name, host, "has a host of more than 255 bytes")) {
        return problem;
    }
    return rest.empty() ? nullptr : parse_port(slice(rest, 1), port);
}

// Takes the login off the front.
const char* parse_user_info(std::string_view& authority, RedisUrl& url) {
    const size_t at = authority.rfind('@');
    if (at == std::string_view::npos) {
        return nullptr;
    }
    const char* problem = parse_login(slice(authority, 0, at), url);
    authority = slice(authority, at + 1);
    return problem;
}

// Splits at the first '/'.
std::string_view take_path(std::string_view& text) {
    const size_t slash = text.find('/');
    const std::string_view path =
        slash != std::string_view::npos ? slice(text, slash + 1) : std::string_view{};
    text = slice(text, 0, slash);
    return path;
}

const char* parse_network(std::string_view text, RedisUrl& url) {
    const std::string_view path = take_path(text);
    const char* problem = parse_user_info(text, url);
    if (problem == nullptr) {
        problem = parse_place(text, url.host, url.port);
    }
    return problem == nullptr && !path.empty() ? parse_redis_database(path, url) : problem;
}

const char* parse_sentinel_places(std::string_view list, RedisSentinels& sentinels) {
    for (bool more = true; more;) {
        std::string_view place = list;
        const auto before = take_until(list, ',');
        more = before.has_value();
        if (more) {
            place = *before;
        }
        FixedText<kMaxRedisHostChars> host;
        uint16_t port = kDefaultSentinelPort;
        if (const char* problem = parse_place(place, host, port)) {
            return problem;
        }
        if (sentinels.count == kMaxSentinels) {
            return "names more than 8 sentinels";
        }
        if (!sentinels.add(host.view(), port)) {
            return "has hosts of more than 768 bytes together";
        }
    }
    return nullptr;
}

const char* parse_sentinel(std::string_view text, RedisUrl& url) {
    const std::string_view name = take_path(text);
    if (const char* problem = parse_user_info(text, url)) {
        return problem;
    }
    if (const char* problem = parse_sentinel_places(text, url.sentinels)) {
        return problem;
    }
    if (name.empty()) {
        return "has no name of a primary: sentinel://host/name, as in \"sentinel monitor name\"";
    }
    if (name.find('/') != std::string_view::npos) {
        return "has something behind the name of the primary; a database is ?db=N";
    }
    return decode_url_part(name, url.sentinels.name,
                           "has a name of the primary of more than 128 bytes");
}

const char* parse_socket(std::string_view path, RedisUrl& url) {
    FixedText<kMaxRedisSocketPathChars> decoded;
    if (!path.starts_with('/')) {
        return "needs an absolute path behind unix:";
    }
    const char* problem =
        decode_url_part(path, decoded, "has a socket path of more than 107 bytes");
    url.host.assign(decoded.view());
    return problem;
}

const char* check_login(std::string_view user, std::string_view password, std::string_view file,
                        const char* both, const char* neither) {
    if (!file.empty() && !password.empty()) {
        return both;
    }
    return !user.empty() && file.empty() && password.empty() ? neither : nullptr;
}

const char* check_logins(const RedisUrl& url) {
    const RedisSentinels& sentinels = url.sentinels;
    const char* problem =
        check_login(url.user.view(), url.password.view(), url.password_file.view(),
                    "has both a password and a password_file", "has a user without a password");
    return problem != nullptr
               ? problem
               : check_login(sentinels.user.view(), sentinels.password.view(),
                             sentinels.password_file.view(),
                             "has both a sentinel_password and a sentinel_password_file",
                             "has a sentinel_user without a sentinel_password");
}

const char* parse_form(std::string_view text, RedisUrl& url) {
    if (text.starts_with("redis://")) {
        return parse_network(slice(text, 8), url);
    }
    if (text.starts_with("rediss://")) {
        url.transport = RedisTransport::tls;
        return parse_network(slice(text, 9), url);
    }
    if (text.starts_with("unix:")) {
        url.transport = RedisTransport::unix_socket;
        return parse_socket(slice(text, text.starts_with("unix:///") ? 7 : 5), url);
    }
    if (text.starts_with("sentinel://")) {
        return parse_sentinel(slice(text, 11), url);
    }
    return text.starts_with("cluster://") ? kCluster : kScheme;
}

// Text for logs, in a buffer that never overflows.
class NameWriter {
  public:
    NameWriter(char* out, size_t capacity) : out_(out), capacity_(capacity) {}

    size_t length() const { return length_; }
    size_t room() const { return capacity_ - length_; }
    void put(std::string_view text) {
        const size_t count = text.size() < room() ? text.size() : room();
        std::memcpy(out_ + length_, text.data(), count);
        length_ += count;
    }
    void put(uint64_t number) {
        char digits[20];
        put(std::string_view{digits, format_decimal(number, digits)});
    }

  private:
    char* out_;
    size_t capacity_;
    size_t length_ = 0;
};

void put_sentinels(NameWriter& name, const RedisSentinels& sentinels, uint32_t database) {
    constexpr size_t kDatabaseChars = 9; // ?db=65535
    const size_t kept = 1 + sentinels.name.length + kDatabaseChars + sizeof(kEllipsis);
    name.put("sentinel://");
    for (size_t i = 0; i < sentinels.count; ++i) {
        char place[kMaxPlaceNameChars];
        const size_t length = format_place(sentinels.host(i), sentinels.places[i].port, place);
        if (name.room() < 1 + length + kept) {
            name.put(i != 0 ? "," : "");
            name.put(kEllipsis);
            break;
        }
        name.put(i != 0 ? "," : "");
        name.put(std::string_view{place, length});
    }
    name.put("/");
    name.put(sentinels.name.view());
    if (database != 0) {
        name.put("?db=");
        name.put(uint64_t{database});
    }
}

} // namespace

bool RedisSentinels::add(std::string_view text, uint16_t port) {
    size_t used = 0;
    if (count != 0) {
        const Place& last = places[count - 1];
        used = size_t{last.offset} + last.length + 1;
    }
    if (count == kMaxSentinels || text.size() + 1 > kMaxSentinelHostBytes - used) {
        return false;
    }
    std::memcpy(hosts + used, text.data(), text.size());
    hosts[used + text.size()] = 0;
    places[count++] = {static_cast<uint16_t>(used), static_cast<uint16_t>(text.size()), port};
    return true;
}

const char* parse_redis_url(std::string_view text, RedisUrl& out) {
    RedisUrl url;
    if (text.size() > kMaxRedisUrlChars) {
        return "is longer than 2048 bytes";
    }
    std::string_view options;
    if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
        options = slice(text, mark + 1);
        text = slice(text, 0, mark);
    }
    const char* problem = parse_form(text, url);
    if (problem == nullptr) {
        problem = parse_redis_options(options, url);
    }
    if (problem == nullptr) {
        problem = check_logins(url);
    }
    if (problem == nullptr) {
        out = url;
    }
    return problem;
}

const char* set_redis_password(FixedText<kMaxRedisPasswordChars>& password,
                               std::string_view file_contents) {
    const size_t end = file_contents.find_first_of("\r\n");
    const std::string_view line = slice(file_contents, 0, end);
    if (line.empty()) {
        return "has an empty first line";
    }
    return password.assign(line) ? nullptr : "holds a password of more than 1024 bytes";
}

size_t format_redis_name(const RedisUrl& url, char out[kMaxRedisNameChars]) {
    NameWriter name(out, kMaxRedisNameChars);
    if (url.has_sentinels()) {
        put_sentinels(name, url.sentinels, url.database);
        return name.length();
    }
    if (url.transport == RedisTransport::unix_socket) {
        name.put("unix:");
        name.put(url.host.view());
    } else {
        char place[kMaxPlaceNameChars];
        name.put(url.transport == RedisTransport::tls ? "rediss://" : "redis://");
        name.put(std::string_view{place, format_place(url.host.view(), url.port, place)});
    }
    if (url.database != 0) {
        name.put(url.transport == RedisTransport::unix_socket ? "?db=" : "/");
        name.put(uint64_t{url.database});
    }
    return name.length();
}

size_t format_place(std::string_view host, uint16_t port, char out[kMaxPlaceNameChars]) {
    const bool ipv6 = host.find(':') != std::string_view::npos;
    NameWriter name(out, kMaxPlaceNameChars);
    name.put(ipv6 ? "[" : "");
    name.put(host);
    name.put(ipv6 ? "]:" : ":");
    name.put(uint64_t{port});
    return name.length();
}

} // namespace mr
