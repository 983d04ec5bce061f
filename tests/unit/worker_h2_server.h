// A scripted HTTP/2 server on the loop of a test, over TLS, by nghttp2: hands each whole request to
// the script, which answers it when it likes. Knows what its clients reset.
#pragma once

#include "tests/unit/worker_ws_server.h"

#include <nghttp2/nghttp2.h>

#include <map>

namespace mr::test {

class H2Peer;

// A request and the way to answer it; of no use once its peer has gone.
class H2Request {
  public:
    H2Request(H2Peer& peer, std::int32_t stream) : peer_(peer), stream_(stream) {}

    void respond(int status, std::vector<std::pair<std::string, std::string>> fields = {});
    void data(const std::string& text);
    void end();
    void answer(const std::string& text) {
        respond(200);
        data(text);
        end();
    }
    void reset(std::uint32_t error);
    std::size_t unsent() const { return out_.size() - at_; } // beyond what the window takes
    H2Peer& peer() { return peer_; }
    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? "" : found->second;
    }

    std::map<std::string, std::string> fields;
    std::string body;
    std::optional<std::uint32_t> closed; // with this error

  private:
    friend class H2Peer;
    H2Peer& peer_;
    std::int32_t stream_;
    std::string out_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

class H2Peer {
  public:
    using Script = std::function<void(std::shared_ptr<H2Request>)>;

    H2Peer(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context,
           std::uint32_t max_streams, Script script)
        : stream_(std::move(socket), context), max_streams_(max_streams),
          script_(std::move(script)) {}
    ~H2Peer() { nghttp2_session_del(session_); }
    H2Peer(const H2Peer&) = delete;
    H2Peer& operator=(const H2Peer&) = delete;

    boost::asio::awaitable<void> serve() {
        co_await stream_.async_handshake(boost::asio::ssl::stream_base::server,
                                         boost::asio::use_awaitable);
        begin();
        std::array<std::uint8_t, 16384> input{};
        for (;;) {
            co_await write();
            const std::size_t size = co_await stream_.async_read_some(boost::asio::buffer(input),
                                                                      boost::asio::use_awaitable);
            if (nghttp2_session_mem_recv(session_, input.data(), size) < 0) {
                co_return;
            }
        }
    }
    void flush() {
        boost::asio::co_spawn(
            stream_.get_executor(), [this] { return write(); }, [](const std::exception_ptr&) {});
    }
    void go_away() {
        nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
        flush();
    }
    void send_garbage() {
        garbage_ = true;
        flush();
    }
    void cut() { stream_.next_layer().close(); }
    nghttp2_session* session() { return session_; }
    auto executor() { return stream_.get_executor(); }

    std::vector<std::shared_ptr<H2Request>> requests;
    bool gone = false;

  private:
    friend class H2Request;
    static H2Peer& self(void* user) { return *static_cast<H2Peer*>(user); }

    void begin() {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_begin_headers_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                auto& peer = self(user);
                peer.open_[frame->hd.stream_id] =
                    std::make_shared<H2Request>(peer, frame->hd.stream_id);
                return 0;
            });
        nghttp2_session_callbacks_set_on_header_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                          std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                          std::uint8_t, void* user) {
                self(user).open_[frame->hd.stream_id]->fields[std::string(name, name + name_size)] =
                    std::string(value, value + value_size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream,
                          const std::uint8_t* data, std::size_t size, void* user) {
                self(user).open_[stream]->body.append(data, data + size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                auto& peer = self(user);
                const bool part =
                    frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
                if (part && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
                    const auto request = peer.open_[frame->hd.stream_id];
                    peer.requests.push_back(request);
                    peer.script_(request);
                }
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            callbacks, [](nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
                self(user).open_[stream]->closed = error;
                return 0;
            });
        nghttp2_option* option = nullptr;
        nghttp2_option_new(&option);
        nghttp2_option_set_max_send_header_block_length(option, 1024 * 1024);
        nghttp2_session_server_new2(&session_, callbacks, this, option);
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        const std::array<nghttp2_settings_entry, 1> settings{
            {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams_}}};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    }

    // One at a time; what comes to be sent meanwhile is sent by who is at it.
    boost::asio::awaitable<void> write() {
        if (writing_) {
            co_return;
        }
        writing_ = true;
        for (;;) {
            std::string out;
            const std::uint8_t* bytes = nullptr;
            for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) {
                out.append(bytes, bytes + size);
            }
            if (std::exchange(garbage_, false)) {
                out += std::string(64, '\xff');
            }
            if (out.empty()) {
                break;
            }
            co_await boost::asio::async_write(stream_, boost::asio::buffer(out),
                                              boost::asio::use_awaitable);
        }
        writing_ = false;
    }

    static ssize_t read_out(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source* source, void*) {
        auto& request = *static_cast<H2Request*>(source->ptr);
        const std::size_t size = std::min(room, request.unsent());
        std::copy_n(request.out_.data() + request.at_, size, into);
        request.at_ += size;
        if (request.ended_ && request.unsent() == 0) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        } else if (size == 0) {
            return NGHTTP2_ERR_DEFERRED;
        }
        return static_cast<ssize_t>(size);
    }

    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
    std::uint32_t max_streams_;
    Script script_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, std::shared_ptr<H2Request>> open_;
    bool writing_ = false;
    bool garbage_ = false;
};

inline void H2Request::respond(int status,
                               std::vector<std::pair<std::string, std::string>> fields_out) {
    fields_out.insert(fields_out.begin(), {":status", std::to_string(status)});
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields_out) {
        list.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                        reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = &H2Peer::read_out;
    nghttp2_submit_response(peer_.session(), stream_, list.data(), list.size(), &provider);
    peer_.flush();
}

inline void H2Request::data(const std::string& text) {
    out_ += text;
    nghttp2_session_resume_data(peer_.session(), stream_);
    peer_.flush();
}

inline void H2Request::end() {
    ended_ = true;
    data("");
}

inline void H2Request::reset(std::uint32_t error) {
    nghttp2_submit_rst_stream(peer_.session(), NGHTTP2_FLAG_NONE, stream_, error);
    peer_.flush();
}

struct H2ServerOptions {
    std::uint32_t max_streams = 100;
    std::string protocol = "h2"; // chosen in the handshake; empty: none
    const Certificate* certificate = &good_certificate();
};

class H2Server {
  public:
    H2Server(Loop& loop, H2Peer::Script script, H2ServerOptions options = {})
        : acceptor_(loop.context, {boost::asio::ip::address_v4::loopback(), 0}),
          context_(boost::asio::ssl::context::tls_server), options_(std::move(options)),
          script_(std::move(script)) {
        context_.use_certificate_chain_file(options_.certificate->cert());
        context_.use_private_key_file(options_.certificate->key(), boost::asio::ssl::context::pem);
        SSL_CTX_set_alpn_select_cb(context_.native_handle(), &H2Server::choose, &options_);
        boost::asio::co_spawn(loop.context, [this] { return accept(); }, boost::asio::detached);
    }

    std::string url(const std::string& path = "/") const {
        return "https://localhost:" + std::to_string(acceptor_.local_endpoint().port()) + path;
    }
    static net::HttpOptions client_options() {
        net::HttpOptions options;
        options.http2 = true;
        options.ca_file = good_certificate().cert();
        return options;
    }
    std::vector<std::shared_ptr<H2Peer>> peers;

  private:
    static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                      unsigned, void* options) {
        const std::string& protocol = static_cast<H2ServerOptions*>(options)->protocol;
        if (protocol.empty()) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        *out = reinterpret_cast<const unsigned char*>(protocol.data());
        *size = static_cast<unsigned char>(protocol.size());
        return SSL_TLSEXT_ERR_OK;
    }

    boost::asio::awaitable<void> accept() {
        for (;;) {
            auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            auto peer = std::make_shared<H2Peer>(std::move(socket), context_, options_.max_streams,
                                                 script_);
            peers.push_back(peer);
            boost::asio::co_spawn(
                acceptor_.get_executor(), [peer] { return peer->serve(); },
                [peer](const std::exception_ptr&) {
                    peer->gone = true;
                    peer->cut();
                });
        }
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context context_;
    H2ServerOptions options_;
    H2Peer::Script script_;
};

} // namespace mr::test
