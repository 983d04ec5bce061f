#include "ngx_mr_ws_module/upgrade.h"

#include "ngx_mr_ws_module/connection.h"
#include "ngx_mr_ws_module/handshake.h"
#include "shared/token.h"
#include "shared/ws_handshake.h"

#include <openssl/rand.h>

#include <initializer_list>

namespace mr {
namespace {

constexpr ngx_msec_t kFlushTimeoutMs = 10000; // for the 101 to leave a full socket
constexpr ngx_msec_t kDetachRetryMs = 10;     // while a subrequest (mirror) holds the request
constexpr ngx_msec_t kDetachTimeoutMs = 5000;

// An upgrade under way: in the pool of the request, and gone with it.
struct Upgrade {
    Connection* connection = nullptr; // owned until it is adopted
    ngx_msec_t began_at = 0;
};

Upgrade* upgrade_of(ngx_http_request_t* r) {
    return static_cast<Upgrade*>(ngx_http_get_module_ctx(r, ngx_mr_ws_module));
}

// ---- refusing

bool add_header(ngx_http_request_t* r, std::string_view name, std::string_view value) {
    auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
    if (header == nullptr) {
        return false;
    }
    header->hash = 1;
    header->key = to_ngx(name);
    header->value = to_ngx(value);
    header->lowcase_key = nullptr;
    end_header_list(header);
    return true;
}

ngx_int_t refuse(ngx_http_request_t* r, const Refusal& refusal) {
    const ngx_str_t reason = to_ngx(refusal.reason);
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "mr_ws: handshake refused with %ui: %V",
                  refusal.status, &reason);
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    ngx_buf_t* body = ngx_create_temp_buf(r->pool, refusal.reason.size() + 1);
    if (body == nullptr || (!refusal.header_name.empty() &&
                            !add_header(r, refusal.header_name, refusal.header_value))) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    body->last = ngx_cpymem(body->last, reason.data, reason.len);
    *body->last++ = '\n';
    body->last_buf = 1;
    body->last_in_chain = 1;

    r->headers_out.status = refusal.status;
    r->headers_out.status_line = to_ngx(refusal.status_line);
    r->headers_out.content_length_n = body->last - body->pos;
    r->headers_out.content_type = to_ngx("text/plain");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = nullptr;

    const ngx_int_t sent = ngx_http_send_header(r);
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
        return sent;
    }
    ngx_chain_t out = {body, nullptr};
    return ngx_http_output_filter(r, &out);
}

// ---- detaching

// Gives back what HTTP kept for the connection: its header buffers and OpenSSL's write buffer.
void free_http_buffers(ngx_connection_t* c, ngx_http_connection_t* http) {
    if (c->buffer != nullptr && c->buffer->start != nullptr &&
        ngx_pfree(c->pool, c->buffer->start) == NGX_OK) {
        c->buffer->start = c->buffer->pos = c->buffer->last = c->buffer->end = nullptr;
    }
    for (ngx_chain_t** list : {&http->free, &http->busy}) {
        while (*list != nullptr) {
            ngx_chain_t* link = *list;
            *list = link->next;
            ngx_pfree(c->pool, link->buf->start);
            ngx_free_chain(c->pool, link);
        }
    }
    http->nbusy = 0;
    if (c->ssl != nullptr) {
        ngx_ssl_free_buffer(c);
    }
}

// What the session needs of the request, copied out of the request's pool.
struct Remains {
    OpenRequest open;
    char session[kSessionIdChars];
    char address[NGX_SOCKADDR_STRLEN];
    size_t address_chars = 0;
    bool nodelay = false;
};

void take_resume(ngx_http_request_t* r, const LocationConf& conf, Remains& remains) {
    const HandshakeHeaders headers = collect_headers(r);
    if (headers.resume.empty() || !headers.offers_v2) {
        return;
    }
    const auto resume = check_resume_protocol(headers.resume, conf.main->secret, {},
                                              static_cast<uint64_t>(ngx_time()));
    if (!resume) {
        // The reason stays untold to the client: it gets a new session and `recovered:false`.
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "mr_ws: resume token not accepted");
        return;
    }
    std::memcpy(remains.session, resume->session_id.data(), kSessionIdChars);
    remains.open = {true, {remains.session, kSessionIdChars}, resume->cursor};
}

void take_address(const ngx_connection_t* c, Remains& remains) {
    remains.address_chars = ngx_min(c->addr_text.len, sizeof(remains.address));
    std::memcpy(remains.address, c->addr_text.data, remains.address_chars);
}

// The realip module puts the socket's own address back with the request's end; our log lines keep
// naming the client.
void restore_address(ngx_connection_t* c, const Remains& remains) {
    const std::string_view address(remains.address, remains.address_chars);
    if (to_view(c->addr_text) == address) {
        return;
    }
    auto* text = static_cast<u_char*>(ngx_pnalloc(c->pool, address.size()));
    if (text != nullptr) {
        std::memcpy(text, address.data(), address.size());
        c->addr_text = {address.size(), text};
    }
}

// Puts the socket into the state a long-lived connection wants: no timers, no batching of packets.
bool reset_socket(ngx_connection_t* c, bool nodelay) {
    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }
    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }
    c->read->timedout = 0;
    c->write->timedout = 0;
    c->write->delayed = 0;
    if (c->tcp_nopush == NGX_TCP_NOPUSH_SET) {
        if (ngx_tcp_push(c->fd) == -1) {
            ngx_connection_error(c, ngx_socket_errno, const_cast<char*>("mr_ws: push failed"));
            return false;
        }
        c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;
    }
    return !nodelay || ngx_tcp_nodelay(c) == NGX_OK;
}

// Frees the request and hands the socket over. Nothing of `r` may be used behind it.
void detach(ngx_http_request_t* r) {
    ngx_connection_t* c = r->connection;
    ngx_http_connection_t* http = r->http_connection;
    Upgrade* upgrade = upgrade_of(r);
    Connection* connection = upgrade->connection;
    upgrade->connection = nullptr;
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));

    Remains remains;
    remains.nodelay = core->tcp_nodelay;
    take_resume(r, *connection->conf, remains);
    take_address(c, remains);
    ngx_buf_t* input = r->header_in;
    const std::span<uint8_t> early(input->pos, input->last);
    input->pos = input->last;

    ngx_http_free_request(r, 0);
    c->destroyed = 0;
    restore_address(c, remains);
    if (!reset_socket(c, remains.nodelay)) {
        connection_discard(connection);
        ngx_http_close_connection(c);
        return;
    }
    connection_adopt(connection, c, remains.open, early);
    free_http_buffers(c, http);
}

// ---- between the 101 and the detaching

void give_up(ngx_http_request_t* r, const char* why) {
    ngx_connection_t* c = r->connection;
    ngx_log_error(NGX_LOG_INFO, c->log, 0, "mr_ws: connection closed before it was open: %s", why);
    c->error = 1;
    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}

// The HTTP request is ours alone and its answer is out.
bool detachable(const ngx_http_request_t* r) {
    return r->count == 1 && r->blocked == 0 && r->postponed == nullptr &&
           r->posted_requests == nullptr && r->connection->data == r;
}

// Sends what is left of the 101. NGX_OK: nothing is.
ngx_int_t flush_answer(ngx_http_request_t* r) {
    ngx_connection_t* c = r->connection;
    if (r->out == nullptr && !r->buffered && !c->buffered) {
        return NGX_OK;
    }
    if (ngx_http_output_filter(r, nullptr) == NGX_ERROR) {
        return NGX_ERROR;
    }
    return r->out == nullptr && !r->buffered && !c->buffered ? NGX_OK : NGX_AGAIN;
}

// Handler of both events of the socket, in place of HTTP's, so that nobody touches the request
// behind the detaching.
void on_upgrade_event(ngx_event_t* event) noexcept {
    auto* c = static_cast<ngx_connection_t*>(event->data);
    auto* r = static_cast<ngx_http_request_t*>(c->data);
    event->timedout = 0;
    if (c->close) {
        return give_up(r, "the server is stopping");
    }
    const ngx_msec_t age = ngx_current_msec - upgrade_of(r)->began_at;
    const ngx_int_t flushed = flush_answer(r);
    if (flushed == NGX_ERROR) {
        return give_up(r, "the answer could not be sent");
    }
    if (flushed == NGX_AGAIN) {
        if (age >= kFlushTimeoutMs || ngx_handle_write_event(c->write, 0) != NGX_OK) {
            return give_up(r, "the client does not take the answer");
        }
        ngx_add_timer(c->write, kFlushTimeoutMs - age);
        return;
    }
    if (!detachable(r)) {
        if (age >= kDetachTimeoutMs) {
            return give_up(r, "subrequests did not end");
        }
        ngx_add_timer(c->write, kDetachRetryMs);
        return;
    }
    detach(r);
}

void discard_upgrade(void* data) noexcept {
    auto* upgrade = static_cast<Upgrade*>(data);
    if (upgrade->connection != nullptr) {
        connection_discard(upgrade->connection);
        upgrade->connection = nullptr;
    }
}

// ---- accepting

bool identify(Connection& connection, const HandshakeHeaders& headers) {
    uint8_t random[kTraceRandomBytes];
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&connection.id), sizeof(connection.id)) != 1 ||
        RAND_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    if (!accept_traceparent(headers.traceparent, connection.trace)) {
        make_traceparent(random, connection.trace);
    }
    connection.v2 = headers.offers_v2;
    return true;
}

bool send_switching_protocols(ngx_http_request_t* r, const HandshakeHeaders& headers) {
    auto* accept = static_cast<char*>(ngx_pnalloc(r->pool, kWsAcceptChars));
    if (accept == nullptr || !accept_key(headers.key, accept) ||
        !add_header(r, "Upgrade", "websocket") ||
        !add_header(r, "Sec-WebSocket-Accept", {accept, kWsAcceptChars}) ||
        (headers.offers_v2 && !add_header(r, "Sec-WebSocket-Protocol", kProtocolV2))) {
        return false;
    }
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->headers_out.status_line = to_ngx("101 Switching Protocols");
    const ngx_int_t rc = ngx_http_send_header(r);
    return rc != NGX_ERROR && rc <= NGX_OK && ngx_http_send_special(r, NGX_HTTP_FLUSH) != NGX_ERROR;
}

ngx_int_t accept(ngx_http_request_t* r, const HandshakeHeaders& headers, const LocationConf& conf) {
    auto* upgrade = pool_make<Upgrade>(r->pool);
    ngx_http_cleanup_t* cleanup = upgrade != nullptr ? ngx_http_cleanup_add(r, 0) : nullptr;
    if (cleanup == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    cleanup->handler = discard_upgrade;
    cleanup->data = upgrade;
    upgrade->connection = connection_create(conf);
    upgrade->began_at = ngx_current_msec;
    if (upgrade->connection == nullptr || !identify(*upgrade->connection, headers)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    ngx_http_set_ctx(r, upgrade, ngx_mr_ws_module);
    if (!send_switching_protocols(r, headers)) {
        return NGX_ERROR;
    }
    // The request may not be freed under its own content handler: that happens in an event.
    ngx_connection_t* c = r->connection;
    ++r->main->count;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    c->read->handler = on_upgrade_event;
    c->write->handler = on_upgrade_event;
    ngx_post_event(c->write, &ngx_posted_events);
    return NGX_DONE;
}

} // namespace

ngx_int_t upgrade_handler(ngx_http_request_t* r) noexcept {
    const auto& conf =
        *static_cast<const LocationConf*>(ngx_http_get_module_loc_conf(r, ngx_mr_ws_module));
    if (conf.kind() == AppKind::off) {
        return NGX_DECLINED;
    }
    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "mr_ws: a subrequest cannot become a WebSocket");
        return NGX_HTTP_NOT_FOUND;
    }
    // Whatever comes of it, the socket never goes back to HTTP: bytes meant for a WebSocket would
    // be read as a request.
    r->keepalive = 0;
    const HandshakeHeaders headers = collect_headers(r);
    const Refusal refusal = judge_handshake(r, headers, conf);
    return refusal.status != 0 ? refuse(r, refusal) : accept(r, headers, conf);
}

} // namespace mr
