#include "ngx_mr_ws_module/redis_target.h"

#include "shared/bytes.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace mr {
namespace {

constexpr ngx_int_t kCertificateDepth = 4; // intermediates between the server's and the CA's

void complain(ngx_conf_t* cf, ngx_err_t err, const char* name, const char* problem) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "\"mr_ws_redis\": \"%s\" %s", name, problem);
}

bool read_password(ngx_conf_t* cf, const FixedText<255>& file,
                   FixedText<kMaxRedisPasswordChars>& password) {
    if (file.empty()) {
        return true;
    }
    const char* path = file.chars;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"mr_ws_redis\": password_file \"%s\" cannot be opened", path);
        return false;
    }
    char contents[kMaxRedisPasswordChars + 2];
    const ssize_t count = read(fd, contents, sizeof(contents));
    const ngx_err_t err = ngx_errno;
    close(fd);
    if (count < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "\"mr_ws_redis\": password_file \"%s\" cannot be read", path);
        return false;
    }
    const char* problem = set_redis_password(password, {contents, static_cast<size_t>(count)});
    ngx_explicit_memzero(contents, sizeof(contents));
    if (problem != nullptr) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"mr_ws_redis\": password_file \"%s\" %s", path,
                           problem);
    }
    return problem == nullptr;
}

// Resolves now, so that a misspelt name is found by `nginx -t` and there are addresses to begin
// with; with a `resolver` the name is looked up again at every reconnect. Null on success, else
// what is wrong.
const char* find_addresses(ngx_conf_t* cf, RedisTransport transport, RedisPlace& place) {
    ngx_url_t url;
    ngx_memzero(&url, sizeof(url));
    url.url = to_ngx(place.host);
    const bool local = transport == RedisTransport::unix_socket;
    if (local || place.host.find(':') != std::string_view::npos) {
        // nginx's own spelling of these: unix:/path, [address]
        auto* text = static_cast<u_char*>(ngx_pnalloc(cf->pool, kMaxRedisHostChars + 8));
        if (text == nullptr) {
            return "cannot be resolved: out of memory";
        }
        const u_char* end = ngx_sprintf(text, local ? "unix:%s" : "[%s]%Z", place.host.data());
        url.url = {static_cast<size_t>(end - text) - (local ? 0 : 1), text};
    }
    url.default_port = place.port;
    if (ngx_parse_url(cf->pool, &url) != NGX_OK || url.naddrs == 0) {
        return url.err != nullptr ? url.err : "has no address";
    }
    place.addresses = url.addrs;
    place.address_count = static_cast<uint32_t>(url.naddrs);
    return nullptr;
}

// A sentinel that cannot be resolved at the moment must not keep nginx from starting: that is what
// the others are there for.
bool find_sentinels(ngx_conf_t* cf, RedisTarget& target) {
    const RedisSentinels& sentinels = target.url.sentinels;
    const char* problem = nullptr;
    size_t found = 0;
    for (size_t i = 0; i < sentinels.count; ++i) {
        RedisPlace& place = target.sentinels[i];
        place.host = sentinels.host(i);
        place.port = sentinels.places[i].port;
        const char* wrong = find_addresses(cf, target.url.transport, place);
        if (wrong == nullptr) {
            ++found;
            continue;
        }
        problem = wrong;
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"mr_ws_redis\": sentinel \"%s\": %s",
                           place.host.data(), wrong);
    }
    if (found == 0) {
        complain(cf, 0, target.name, problem);
    }
    return found != 0;
}

bool find_places(ngx_conf_t* cf, RedisTarget& target) {
    if (target.url.has_sentinels()) {
        return find_sentinels(cf, target);
    }
    target.place.host = target.url.host.view();
    target.place.port = target.url.port;
    const char* problem = find_addresses(cf, target.url.transport, target.place);
    if (problem != nullptr) {
        complain(cf, 0, target.name, problem);
    }
    return problem == nullptr;
}

bool load_authorities(ngx_conf_t* cf, RedisTarget& target) {
    if (target.url.ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(target.tls->ctx) == 1) {
            return true;
        }
        complain(cf, 0, target.name, "cannot be verified: no certificates of the system found");
        return false;
    }
    auto* file = static_cast<ngx_str_t*>(ngx_palloc(cf->pool, sizeof(ngx_str_t)));
    if (file == nullptr) {
        return false;
    }
    *file = to_ngx(target.url.ca_file.view());
    return ngx_ssl_trusted_certificate(cf, target.tls, file, kCertificateDepth) == NGX_OK;
}

bool make_tls(ngx_conf_t* cf, RedisTarget& target) {
    target.tls = static_cast<ngx_ssl_t*>(ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t)));
    if (target.tls == nullptr) {
        return false;
    }
    target.tls->log = cf->log;
    if (ngx_ssl_create(target.tls, NGX_SSL_TLSv1_2 | NGX_SSL_TLSv1_3, nullptr) != NGX_OK) {
        return false;
    }
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (cleanup == nullptr) {
        ngx_ssl_cleanup_ctx(target.tls);
        return false;
    }
    cleanup->handler = ngx_ssl_cleanup_ctx;
    cleanup->data = target.tls;
    return !target.url.verify || load_authorities(cf, target);
}

void wipe_passwords(void* data) {
    RedisUrl& url = static_cast<RedisTarget*>(data)->url;
    ngx_explicit_memzero(url.password.chars, sizeof(url.password.chars));
    ngx_explicit_memzero(url.sentinels.password.chars, sizeof(url.sentinels.password.chars));
}

} // namespace

RedisTarget* redis_target_create(ngx_conf_t* cf, ngx_str_t text, uint32_t index) noexcept {
    auto* target = pool_make<RedisTarget>(cf->pool);
    ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (target == nullptr || cleanup == nullptr) {
        return nullptr;
    }
    cleanup->handler = wipe_passwords;
    cleanup->data = target;
    target->index = index;
    target->text = text;
    const std::string_view view = to_view(text);
    if (const char* problem = parse_redis_url(view, target->url)) {
        // Not repeated in full: the value may hold a password.
        const size_t scheme = view.find(':');
        const size_t shown = scheme == std::string_view::npos ? view.size() : scheme + 1;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"mr_ws_redis\": \"%*s...\" %s",
                           shown < 40 ? shown : 40, text.data, problem);
        return nullptr;
    }
    target->name[format_redis_name(target->url, target->name)] = 0;
    RedisUrl& url = target->url;
    RedisSentinels& sentinels = url.sentinels;
    if (!read_password(cf, url.password_file, url.password) ||
        !read_password(cf, sentinels.password_file, sentinels.password)) {
        return nullptr;
    }
    if (!find_places(cf, *target)) {
        return nullptr;
    }
    if (target->url.transport == RedisTransport::tls && !make_tls(cf, *target)) {
        return nullptr;
    }
    return target;
}

} // namespace mr
