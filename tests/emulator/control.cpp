// The emulator's own interface, plain HTTP on a port of its own.
#include "tests/emulator/world.h"

#include <charconv>
#include <stdexcept>

namespace mr::emulator {
namespace {

using nlohmann::json;

Answer trouble(int status, const std::string& text) {
    return json_answer(status, {{"error", text}});
}

std::string query_value(const Request& request, const std::string& name) {
    const std::size_t at = ("&" + request.query).find("&" + name + "=");
    if (at == std::string::npos) {
        return {};
    }
    const std::string rest = request.query.substr(at + name.size() + 1);
    return rest.substr(0, rest.find('&'));
}

} // namespace

Answer World::controlled(const Request& request) {
    const std::string& method = request.method;
    if (request.path == "/requests" && method == "GET") {
        std::uint64_t after = 0;
        const std::string text = query_value(request, "after");
        std::from_chars(text.data(), text.data() + text.size(), after);
        return json_answer(200,
                           {{"requests", records_.to_json(query_value(request, "provider"), after)},
                            {"dropped", records_.dropped()}});
    }
    if (request.path == "/requests" && method == "DELETE") {
        records_.clear();
        return json_answer(200, json::object());
    }
    if (request.path == "/script" && method == "PUT") {
        try {
            script_.configure(json::parse(request.body));
        } catch (const std::exception& error) {
            return trouble(400, error.what());
        }
        return json_answer(200, json::object());
    }
    if (request.path == "/script" && method == "DELETE") {
        script_.reset();
        tickets_.clear();
        return json_answer(200, json::object());
    }
    if (request.path == "/health" && method == "GET") {
        return json_answer(200, {{"status", "ok"}});
    }
    return trouble(404, "there are GET and DELETE /requests, PUT and DELETE /script, GET /health");
}

void World::control(const std::shared_ptr<Exchange>& exchange) {
    const Answer answer = controlled(exchange->request());
    exchange->head(answer.status, {{"content-type", answer.content_type}}, answer.body.size());
    exchange->data(answer.body);
    exchange->finish();
}

} // namespace mr::emulator
