// Addresses of a Redis, as both nginx module and worker take them:
//
//     redis://[user[:password]@]host[:port][/database][?options]      plain TCP, port 6379
//     rediss://…                                                      TLS, port 6379
//     unix:/path/to/socket[?options]                                  unix domain socket
//     sentinel://[user[:password]@]host[:port][,host[:port]…]/name[?options]
//                       the primary that these sentinels (port 26379) know under that name
//
// Options: `db=N`, `user=…`, `password=…`, `password_file=…`; with TLS also `ca_file=/path`
// (default: the system's certificates), `server_name=…` (default: the host) and `verify=on|off`;
// for sentinel:// also `tls=on|off` (primary and sentinels alike) and, for the sentinels' own
// login, `sentinel_user=…`, `sentinel_password=…`, `sentinel_password_file=…`. User and password in
// front of the '@' are for Redis in every form.
// Every part may be percent-encoded (RFC 3986 section 2.1). A lone `:password@` or `password@`
// form without user is accepted as Redis tools write it: `redis://:secret@host`.
//
// Parses and formats; never resolves names, never reads files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mr {

inline constexpr uint16_t kDefaultRedisPort = 6379;
inline constexpr uint16_t kDefaultSentinelPort = 26379;
inline constexpr size_t kMaxRedisUrlChars = 2048;
inline constexpr size_t kMaxRedisHostChars = 255;
inline constexpr size_t kMaxRedisSocketPathChars = 107; // sockaddr_un, with its NUL
inline constexpr size_t kMaxRedisPasswordChars = 1024;
inline constexpr uint32_t kMaxRedisDatabase = 65535;
inline constexpr size_t kMaxRedisNameChars = kMaxRedisHostChars + 32;
inline constexpr size_t kMaxSentinels = 8;
inline constexpr size_t kMaxSentinelHostBytes = 768; // all together, each with its NUL
inline constexpr size_t kMaxPrimaryNameChars = 128;

// Text in place, NUL-terminated for the C interfaces it is handed to.
template <size_t kCapacity> struct FixedText {
    char chars[kCapacity + 1] = {};
    uint16_t length = 0;

    std::string_view view() const { return {chars, length}; }
    bool empty() const { return length == 0; }
    // False: too long; the contents stay as they were.
    bool assign(std::string_view text) {
        if (text.size() > kCapacity) {
            return false;
        }
        if (!text.empty()) {
            std::memcpy(chars, text.data(), text.size());
        }
        chars[text.size()] = 0;
        length = static_cast<uint16_t>(text.size());
        return true;
    }
};

enum class RedisTransport : uint8_t { tcp, tls, unix_socket };

// Who is to be asked where Redis is; count 0: nobody, the URL says it.
struct RedisSentinels {
    struct Place {
        uint16_t offset = 0; // of the host in `hosts`
        uint16_t length = 0;
        uint16_t port = kDefaultSentinelPort;
    };

    uint8_t count = 0;
    Place places[kMaxSentinels];
    char hosts[kMaxSentinelHostBytes] = {};
    FixedText<kMaxPrimaryNameChars> name; // of the primary, as in `sentinel monitor <name> …`
    FixedText<255> user;                  // for the sentinels themselves
    FixedText<kMaxRedisPasswordChars> password;
    FixedText<255> password_file;

    // NUL-terminated, without brackets for IPv6.
    std::string_view host(size_t index) const {
        return {hosts + places[index].offset, places[index].length};
    }
    // False: too many, or too long together.
    bool add(std::string_view host, uint16_t port);
};

// Some kilobytes: one per target and link, never one per client.
struct RedisUrl {
    RedisTransport transport = RedisTransport::tcp;
    bool verify = true; // tls: check chain and name of the server's certificate
    uint16_t port = kDefaultRedisPort;
    uint32_t database = 0;
    // Without brackets for IPv6; the path for unix sockets; empty with sentinels.
    FixedText<kMaxRedisHostChars> host;
    FixedText<255> user;
    FixedText<kMaxRedisPasswordChars> password;
    FixedText<255> password_file;
    FixedText<255> ca_file;
    FixedText<kMaxRedisHostChars> server_name;
    RedisSentinels sentinels;

    bool has_sentinels() const { return sentinels.count != 0; }
    // The name that the certificate of `host` has to bear. NUL-terminated if `host` is.
    std::string_view tls_name(std::string_view of_host) const {
        return server_name.empty() ? of_host : server_name.view();
    }
};

// Parses `text` into `out`. Null on success, else a static sentence fragment that says what is
// wrong and never repeats a secret.
const char* parse_redis_url(std::string_view text, RedisUrl& out);

// Takes the contents of a password file: the first line, without the line end. Null on success,
// else what is wrong. `password`: of Redis or of the sentinels.
const char* set_redis_password(FixedText<kMaxRedisPasswordChars>& password,
                               std::string_view file_contents);

// `redis://host:6379/2`, `unix:/path`, `sentinel://a:26379,b:26379/name`: for logs, without user,
// password and options; a list of sentinels that is too long ends with "…" in ASCII. Returns the
// count of characters written.
size_t format_redis_name(const RedisUrl& url, char out[kMaxRedisNameChars]);

// `host:port`, `[::1]:port`: one server, for logs. Returns the count of characters written.
inline constexpr size_t kMaxPlaceNameChars = kMaxRedisHostChars + 8;
size_t format_place(std::string_view host, uint16_t port, char out[kMaxPlaceNameChars]);

} // namespace mr
