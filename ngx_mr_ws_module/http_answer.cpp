#include "ngx_mr_ws_module/http_answer.h"

namespace mr {

bool http_add_header(ngx_http_request_t* r, std::string_view name,
                     std::string_view value) noexcept {
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

ngx_int_t http_answer(ngx_http_request_t* r, const HttpAnswer& answer) noexcept {
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    ngx_buf_t* body = ngx_create_temp_buf(r->pool, answer.body.size() + 1);
    if (body == nullptr || (!answer.header_name.empty() &&
                            !http_add_header(r, answer.header_name, answer.header_value))) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    body->last = ngx_cpymem(body->last, answer.body.data(), answer.body.size());
    *body->last++ = '\n';
    body->last_buf = r == r->main;
    body->last_in_chain = 1;

    r->headers_out.status = answer.status;
    r->headers_out.status_line = to_ngx(answer.status_line);
    r->headers_out.content_length_n = body->last - body->pos;
    r->headers_out.content_type = to_ngx(answer.type);
    r->headers_out.content_type_len = answer.type.size();
    r->headers_out.content_type_lowcase = nullptr;

    const ngx_int_t sent = ngx_http_send_header(r);
    if (sent == NGX_ERROR || sent > NGX_OK || r->header_only) {
        return sent;
    }
    ngx_chain_t out = {body, nullptr};
    return ngx_http_output_filter(r, &out);
}

} // namespace mr
