#include "worker/checks/probe.h"

#include <algorithm>
#include <utility>

namespace mr::checkup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds since(Clock::time_point begun) {
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
}

net::HttpRequest request_of(const Run& run, const Target& target, Question question) {
    net::HttpRequest request(std::move(question.method), target.base_url + question.path);
    request.headers = target.headers;
    request.headers.emplace_back("Accept: application/json");
    if (!question.body.empty()) {
        request.headers.push_back("Content-Type: " + question.type);
        request.body = std::move(question.body);
    }
    const auto rest = std::chrono::duration_cast<milliseconds>(run.deadline - Clock::now());
    request.timeouts.total = std::max(rest, milliseconds(1));
    request.timeouts.connect = std::min(target.connect_timeout, request.timeouts.total);
    request.timeouts.first_byte = request.timeouts.total;
    request.timeouts.idle = request.timeouts.total;
    request.max_response_bytes = kMaxReplyBytes;
    request.ca_file = target.ca_file;
    request.proxy = target.proxy;
    request.connect_to = target.connect_to;
    return request;
}

} // namespace

Task<Reply> ask_by(net::HttpClient& http, const Run& run, const Target& target, Question question) {
    net::HttpRequest request = request_of(run, target, std::move(question));
    const auto begun = Clock::now();
    Reply reply;
    try {
        net::HttpResponse response = co_await http.request(std::move(request));
        reply.head = std::move(response.head);
        reply.body = std::move(response.body);
        reply.json = nlohmann::json::parse(reply.body, nullptr, false);
    } catch (const net::HttpCausedError& error) {
        reply.error = error;
    }
    reply.latency = since(begun);
    reply.at = std::chrono::system_clock::now();
    co_return reply;
}

Task<Reply> ask(const Run& run, const Target& target, Question question) {
    Reply reply = co_await ask_by(*run.http, run, target, std::move(question));
    co_return reply;
}

} // namespace mr::checkup
