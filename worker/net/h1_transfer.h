// One request on a connection of HTTP/1.1 without TLS. Lives in the coroutine that waits for it;
// its end closes the connection, unless the response is over. Holds little while a response
// trickles in: what is read goes through a buffer that all share, and the request goes with the
// response's head.
#pragma once

#include "worker/net/h1_reader.h"
#include "worker/net/url_target.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace mr::net {

class H1Pool;

inline constexpr std::size_t kH1ReadBytes = 2 * 1024; // some words of a language model
inline constexpr int kH1ReadsPerTurn = 8;

// A connected socket; closed with it.
class H1Socket {
  public:
    explicit H1Socket(int fd = -1) : fd_(fd) {}
    H1Socket(H1Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    H1Socket& operator=(H1Socket&& other) noexcept {
        H1Socket old(std::exchange(fd_, std::exchange(other.fd_, -1)));
        return *this;
    }
    ~H1Socket();

    int fd() const { return fd_; }
    bool open() const { return fd_ >= 0; }

  private:
    int fd_;
};

class H1Transfer final : public Resumable, public std::enable_shared_from_this<H1Transfer> {
  public:
    // Where the request goes; null: it is none for this class.
    static std::optional<UrlTarget> target_of(const HttpRequest& request);

    // `target` is target_of(*request).
    H1Transfer(std::shared_ptr<H1Pool> pool, std::unique_ptr<HttpRequest> request, UrlTarget target,
               HttpReceiver& receiver);
    ~H1Transfer();
    H1Transfer(const H1Transfer&) = delete;
    H1Transfer& operator=(const H1Transfer&) = delete;

    // These until it has run.
    const HttpRequest& request() const { return *request_; }
    const UrlTarget& target() const { return *target_; }
    const ResponseIntake& intake() const { return intake_; } // to fail by

    // Sends, waits, throws HttpError or what the receiver threw. False: the connection, which had
    // served others before (`reused`), was dead by then.
    boost::asio::awaitable<bool> run(H1Socket socket, bool reused);
    // When it has run: open if it takes another request.
    H1Socket take_socket();

    void ready(bool to_read, bool to_write); // by its pool
    void resume() override;

  private:
    std::string request_text() const;
    void watch();
    void unwatch();
    void send();
    void receive();
    bool take(std::string_view bytes);
    void end();
    void lose(std::string why);
    void check() const;

    std::shared_ptr<H1Pool> pool_;
    std::unique_ptr<HttpRequest> request_; // until the response has a head, as the next
    std::unique_ptr<UrlTarget> target_;
    ResponseIntake intake_;
    H1Reader reader_;
    H1Socket socket_;
    std::string output_; // not sent yet, behind sent_
    std::size_t sent_ = 0;
    std::string lost_;     // the connection, and why
    bool refused_ = false; // the server took no more of the request
};

} // namespace mr::net
