#include "ngx_mr_ws_module/detach.h"

#include "ngx_mr_ws_module/handshake.h"
#include "ngx_mr_ws_module/metrics.h"
#include "ngx_mr_ws_module/socket_home.h"
#include "shared/token.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <initializer_list>

namespace mr {
namespace {

constexpr ngx_msec_t kDetachRetryMs = 10; // while a subrequest (mirror) holds the request
constexpr ngx_msec_t kDetachTimeoutMs = 5000;
// Bytes of one client that may wait in the kernel beyond what is on the wire. Without a bound a
// slow reader's socket takes megabytes (tcp_wmem) before we hear that it is slow; tcp(7).
constexpr int kUnsentBytes = 64 * 1024;

Upgrade& upgrade_of(ngx_http_request_t* r) {
    return *static_cast<Upgrade*>(ngx_http_get_module_ctx(r, ngx_mr_ws_module));
}

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

void take_resume(ngx_http_request_t* r, const Connection& connection, Remains& remains) {
    const HandshakeHeaders headers = collect_headers(r);
    if (headers.resume.empty() || !headers.offers_v2) {
        return;
    }
    const auto resume =
        check_resume_protocol(headers.resume, connection.conf->main->secret, connection.subject(),
                              static_cast<uint64_t>(ngx_time()));
    if (!resume) {
        // The reason stays untold to the client: it gets a new session and `recovered:false`.
        metric_add(Metric::resumes_refused);
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

// A kernel or a family of sockets without the option has its own, usual bound.
void bound_kernel_queue(const ngx_connection_t* c) {
    if (c->sockaddr->sa_family != AF_UNIX) {
        setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof(kUnsentBytes));
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
    bound_kernel_queue(c);
    return !nodelay || ngx_tcp_nodelay(c) == NGX_OK;
}

// Frees the request and hands the socket over. Nothing of `r` may be used behind it.
void detach(ngx_http_request_t* r) {
    ngx_connection_t* c = r->connection;
    ngx_http_connection_t* http = r->http_connection;
    Connection* connection = upgrade_of(r).connection;
    upgrade_of(r).connection = nullptr;
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));

    Remains remains;
    remains.nodelay = core->tcp_nodelay;
    take_resume(r, *connection, remains);
    take_address(c, remains);
    ngx_buf_t* input = r->header_in;
    const std::span<uint8_t> early(input->pos, input->last);
    input->pos = input->last;

    ngx_http_free_request(r, 0);
    c->destroyed = 0;
    restore_address(c, remains);
    if (!reset_socket(c, remains.nodelay)) {
        metric_add(Metric::refused_aborted);
        connection_discard(connection);
        ngx_http_close_connection(c);
        return;
    }
    ngx_pool_t* left = socket_move_out(c); // `early` and `http` lie in it
    connection_adopt(connection, c, remains.open, early);
    if (left != nullptr) {
        ngx_destroy_pool(left);
    } else {
        free_http_buffers(c, http);
    }
}

void give_up(ngx_http_request_t* r, const char* why, Metric reason = Metric::refused_aborted) {
    ngx_connection_t* c = r->connection;
    ngx_log_error(NGX_LOG_INFO, c->log, 0, "mr_ws: connection closed before it was open: %s", why);
    metric_add(reason);
    c->error = 1;
    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}

// The HTTP request is ours alone and its answer is out.
bool detachable(const ngx_http_request_t* r) {
    return r->count == 1 && r->blocked == 0 && r->postponed == nullptr &&
           r->posted_requests == nullptr && r->connection->data == r;
}

// Part of the 101 is sent, part is not.
bool under_way(const ngx_http_request_t* r) {
    return r->buffered != 0 || r->connection->buffered != 0;
}

// By limit_rate: the 101 as well leaves as slowly.
bool is_paced(ngx_http_request_t* r) {
    const auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
    return core->limit_rate != nullptr || r->limit_rate_set;
}

// The 101 that HTTP has not sent yet goes into the connection's own queue: with the greeting behind
// it it is one packet and one TLS record. False: out of memory.
bool take_answer(ngx_http_request_t* r, Connection& connection) {
    for (const ngx_chain_t* link = r->out; link != nullptr; link = link->next) {
        const ByteView bytes(link->buf->pos, link->buf->last);
        if (!connection_take_answer(connection, bytes)) {
            return false;
        }
        r->connection->sent += static_cast<off_t>(bytes.size()); // for the access log
    }
    r->out = nullptr;
    return true;
}

// Sends what is left of the 101. NGX_OK: nothing is.
ngx_int_t flush_answer(ngx_http_request_t* r) {
    if (r->out == nullptr && !under_way(r)) {
        return NGX_OK;
    }
    const ngx_int_t rc = under_way(r) ? ngx_http_output_filter(r, nullptr)
                                      : ngx_http_send_special(r, NGX_HTTP_FLUSH);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }
    return r->out == nullptr && !under_way(r) ? NGX_OK : NGX_AGAIN;
}

void await_client(ngx_http_request_t* r, ngx_msec_t age) {
    ngx_event_t* write = r->connection->write;
    const ngx_msec_t limit = upgrade_of(r).connection->conf->handshake_timeout;
    if (age >= limit || ngx_handle_write_event(write, 0) != NGX_OK) {
        return give_up(r, "the client does not take the answer");
    }
    ngx_add_timer(write, limit - age);
}

// Handler of both events of the socket, in place of HTTP's, so that nobody touches the request
// behind the detaching.
void on_upgrade_event(ngx_event_t* event) noexcept {
    auto* c = static_cast<ngx_connection_t*>(event->data);
    auto* r = static_cast<ngx_http_request_t*>(c->data)->main;
    event->timedout = 0;
    if (c->close) {
        return give_up(r, "the server is stopping");
    }
    const ngx_msec_t age = ngx_current_msec - upgrade_of(r).began_at;
    if (!detachable(r) || under_way(r) || is_paced(r)) {
        const ngx_int_t flushed = flush_answer(r);
        if (flushed == NGX_ERROR) {
            return give_up(r, "the answer could not be sent");
        }
        if (flushed == NGX_AGAIN) {
            return await_client(r, age);
        }
    }
    if (!detachable(r)) {
        if (age >= kDetachTimeoutMs) {
            return give_up(r, "subrequests did not end");
        }
        ngx_add_timer(c->write, kDetachRetryMs);
        return;
    }
    if (!take_answer(r, *upgrade_of(r).connection)) {
        return give_up(r, "out of memory", Metric::refused_memory);
    }
    detach(r);
}

} // namespace

void detach_when_answered(ngx_http_request_t* r) noexcept {
    ngx_connection_t* c = r->connection;
    ++r->main->count;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    c->read->handler = on_upgrade_event;
    c->write->handler = on_upgrade_event;
    ngx_post_event(c->write, &ngx_posted_events);
}

} // namespace mr
