#include "worker/net/http_client.h"

#include "worker/net/transfer.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

namespace mr::net {

namespace asio = boost::asio;

namespace {

class WholeResponse final : public HttpReceiver {
  public:
    void head(const HttpHead& head) override { response.head = head; }
    Flow body(std::string_view piece) override {
        response.body += piece;
        return Flow::go_on;
    }
    HttpResponse response;
};

} // namespace

std::string_view HttpHead::header(std::string_view name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(),
                     [name](const HttpHeader& header) { return header.name == name; });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

void HttpReceiver::resume() {
    const auto transfer = transfer_.lock();
    if (transfer) {
        transfer->resume();
    }
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {}

HttpClient::~HttpClient() = default;

std::size_t HttpClient::transfers() const {
    return (shared_ ? shared_->transfers() : 0) + (single_ ? single_->transfers() : 0);
}

asio::awaitable<HttpResponse> HttpClient::request(HttpRequest request) {
    WholeResponse receiver;
    co_await run(std::move(request), receiver, options_.http2);
    co_return std::move(receiver.response);
}

asio::awaitable<void> HttpClient::stream(HttpRequest request, HttpReceiver& receiver) {
    co_await run(std::move(request), receiver, false);
}

asio::awaitable<void> HttpClient::run(HttpRequest request, HttpReceiver& receiver, bool http2) {
    const auto executor = co_await asio::this_coro::executor;
    std::shared_ptr<CurlLoop>& loop = http2 ? shared_ : single_;
    if (!caches_) {
        caches_ = std::make_shared<CurlCaches>();
    }
    if (!loop) {
        loop = CurlLoop::make(executor, caches_);
    }
    if (transfers() >= options_.max_transfers) {
        throw HttpError(HttpFault::refused, "too many requests at a time", false);
    }
    const auto transfer = std::make_shared<Transfer>(loop, std::move(request), receiver);
    co_await transfer->run(options_, http2);
}

} // namespace mr::net
