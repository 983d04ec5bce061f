// One request under way by libcurl: the easy handle with its options, and curl's callbacks. Lives
// in the coroutine that waits for it; its end takes the handle out of curl, which closes a
// connection in the middle of an exchange.
#pragma once

#include "worker/net/curl_loop.h"
#include "worker/net/response_intake.h"

#include <array>
#include <optional>

namespace mr::net {

class Transfer : public Resumable, public std::enable_shared_from_this<Transfer> {
  public:
    Transfer(std::shared_ptr<CurlLoop> loop, std::unique_ptr<HttpRequest> request,
             HttpReceiver& receiver);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // Starts, waits, throws HttpError or what the receiver threw.
    boost::asio::awaitable<void> run(const HttpOptions& options);

    void ended(CURLcode result);
    void resume() override;

  private:
    void prepare(const HttpOptions& options);
    void prepare_connection();
    void prepare_method();
    void prepare_headers();
    void check() const; // throws when the outcome is not a response

    static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                                 void* self) noexcept;
    static std::size_t on_body(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;
    static int on_socket_made(void* self, curl_socket_t fd, curlsocktype purpose) noexcept;
    static int on_ready_to_send(void* self, char*, char*, int, int) noexcept;
    bool take_header(std::string_view line);

    std::shared_ptr<CurlLoop> loop_;
    std::unique_ptr<HttpRequest> request_;
    ResponseIntake intake_;
    CURL* handle_;
    curl_slist* headers_ = nullptr;
    curl_slist* connect_to_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    HttpHead head_;
    std::optional<CURLcode> result_;
    bool running_ = false; // known to curl
};

} // namespace mr::net
