// A JSON API that gives its answers in order and keeps what it was asked; for the clients of data
// providers. An empty answer is none: it waits until its client goes away.
#pragma once

#include "tests/unit/worker_http_server.h"
#include "worker/providers/interfaces.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace mr::test {

// Of work that fails as a provider's call does, without telling the secret.
template <typename Work> ProviderFault fault_of(const Work& work, const std::string& secret) {
    try {
        work();
    } catch (const ProviderError& error) {
        EXPECT_EQ(std::string(error.what()).find(secret), std::string::npos);
        return error.fault();
    }
    ADD_FAILURE() << "no ProviderError";
    return ProviderFault::bad_reply;
}

class ScriptedApi {
  public:
    explicit ScriptedApi(std::vector<std::string> all)
        : answers(std::move(all)),
          server(loop, [this](HttpPeer& peer) -> Task<void> { return serve(peer); }) {}

    // The JSON body of a request.
    nlohmann::json body(std::size_t at) const {
        const std::string& request = requests.at(at);
        return nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
    }

    std::string line(std::size_t at) const {
        return requests.at(at).substr(0, requests.at(at).find(" HTTP/"));
    }

    // Runs a search, or throws what it threw.
    template <typename T> T result_of(Task<T> work) {
        std::optional<T> result;
        loop.run(keep(std::move(work), result));
        return result.value_or(T());
    }

    // Cancels a search once it has asked: true when it ended as a cancelled one does, with its
    // connection closed.
    template <typename T> bool ends_when_cancelled(Task<T> work) {
        std::optional<T> result;
        bool aborted = false;
        boost::asio::cancellation_signal cancel;
        boost::asio::co_spawn(
            loop.context, keep(std::move(work), result),
            boost::asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& why) {
                try {
                    if (why) {
                        std::rethrow_exception(why);
                    }
                } catch (const boost::system::system_error& error) {
                    aborted = error.code() == boost::asio::error::operation_aborted;
                }
            }));
        loop.run(until([&] { return !requests.empty(); }));
        cancel.emit(boost::asio::cancellation_type::terminal);
        loop.run(until([&] { return aborted && server.open() == 0; }));
        return aborted && !result;
    }

    static CallContext call(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        CallContext call;
        call.deadline = std::chrono::steady_clock::now() + limit;
        return call;
    }

    static constexpr std::size_t none_held = static_cast<std::size_t>(-1);

    Loop loop;
    std::vector<std::string> answers;
    std::string beyond = http_answer("{}", "500 Server Error"); // behind the last one
    std::size_t held = none_held;                               // this answer waits
    std::vector<std::string> requests;
    std::size_t answered = 0;
    HttpServer server;

  private:
    Task<void> serve(HttpPeer& peer) {
        for (;;) {
            const std::string request = co_await peer.request();
            if (request.empty()) {
                co_return;
            }
            const std::size_t at = requests.size();
            requests.push_back(request);
            const std::string answer = at < answers.size() ? answers[at] : beyond;
            if (answer.empty()) {
                co_await peer.closed();
                co_return;
            }
            const std::function<bool()> let_go = [this, at] { return at != held; };
            co_await until(let_go);
            co_await peer.send(answer);
            ++answered;
        }
    }

    template <typename T> static Task<void> keep(Task<T> work, std::optional<T>& result) {
        T got = co_await std::move(work);
        result = std::move(got);
    }
};

inline std::string http_json(const nlohmann::json& body, const std::string& status = "200 OK") {
    return http_answer(body.dump(), status);
}

} // namespace mr::test
