#include "tests/emulator/listener.h"

#include "tests/emulator/carrier.h"
#include "tests/emulator/channel.h"

#include <boost/asio/buffer.hpp>
#include <cstdio>
#include <string_view>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr int kBacklog = 1024;
constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
constexpr unsigned char kHttp1[] = "\x08http/1.1";

// The server's order decides.
int choose(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
           unsigned in_size, void* argument) {
    const bool http2 = argument != nullptr;
    unsigned char* chosen = nullptr;
    const int result =
        SSL_select_next_proto(&chosen, out_size, http2 ? kBoth : kHttp1,
                              http2 ? sizeof kBoth - 1 : sizeof kHttp1 - 1, in, in_size);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

} // namespace

Listener::Listener(const asio::any_io_executor& executor, std::uint16_t port,
                   asio::ssl::context* tls, Serve serve)
    : acceptor_(executor), tls_(tls), serve_(std::move(serve)) {
    const tcp::endpoint where(asio::ip::address_v4::loopback(), port);
    acceptor_.open(where.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(where);
    acceptor_.listen(kBacklog);
    accept();
}

void Listener::accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
        if (error == asio::error::operation_aborted) {
            return;
        }
        if (error) {
            std::fprintf(stderr, "provider-emulator: accept: %s\n", error.message().c_str());
        } else {
            open(std::move(socket));
        }
        accept();
    });
}

void Listener::open(tcp::socket socket) {
    const auto channel =
        tls_ ? tls_channel(std::move(socket), *tls_) : plain_channel(std::move(socket));
    // The channel's handlers own the carrier, the carrier the channel: until the channel forgets.
    const auto carrier = std::make_shared<std::shared_ptr<Carrier>>();
    channel->start(
        [this, raw = channel.get(), carrier](std::string_view protocol) {
            const auto shared = raw->shared_from_this();
            const auto executor = acceptor_.get_executor();
            *carrier = protocol == "h2" ? http2_carrier(shared, executor, serve_)
                                        : http1_carrier(shared, executor, serve_);
            raw->on_sent([carrier] { (*carrier)->sent(); });
        },
        [carrier](std::string_view bytes) { (*carrier)->arrived(bytes); },
        [carrier] {
            if (const auto one = *carrier) {
                one->gone();
            }
        });
}

asio::ssl::context server_context(const std::string& certificate, const std::string& key,
                                  bool http2) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context.use_certificate_chain(asio::buffer(certificate));
    context.use_private_key(asio::buffer(key), asio::ssl::context::pem);
    // Any address that is not null says that HTTP/2 is offered.
    SSL_CTX_set_alpn_select_cb(context.native_handle(), choose,
                               http2 ? const_cast<unsigned char*>(kBoth) : nullptr);
    return context;
}

} // namespace mr::emulator
