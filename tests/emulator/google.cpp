#include "tests/emulator/google.h"

#include "tests/emulator/tickets.h"

#include <map>

namespace mr::emulator::google {

using nlohmann::json;

json error_body(int status, const json& error) {
    static const std::map<int, const char*> kStatus{
        {400, "INVALID_ARGUMENT"}, {401, "UNAUTHENTICATED"}, {403, "PERMISSION_DENIED"},
        {404, "NOT_FOUND"},        {409, "ALREADY_EXISTS"},  {429, "RESOURCE_EXHAUSTED"},
        {500, "INTERNAL"},         {501, "UNIMPLEMENTED"},   {503, "UNAVAILABLE"},
        {504, "DEADLINE_EXCEEDED"}};
    const auto known = kStatus.find(status);
    json inner = {
        {"code", status},
        {"message", field_of(error, "message", "As told.")},
        {"status", field_of(error, "status", known == kStatus.end() ? "UNKNOWN" : known->second)}};
    json details = field_of(error, "details", json::array());
    if (error.is_object() && error.contains("reason")) {
        details.push_back({{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                           {"reason", error["reason"]},
                           {"domain", "googleapis.com"},
                           {"metadata", json::object()}});
    }
    if (error.is_object() && error.contains("retry_delay")) {
        details.push_back({{"@type", "type.googleapis.com/google.rpc.RetryInfo"},
                           {"retryDelay", error["retry_delay"]}});
    }
    if (!details.empty()) {
        inner["details"] = details;
    }
    json body = {{"error", inner}};
    if (field_of(error, "array", false) == true) {
        body = json::array({body});
    }
    return body;
}

std::optional<std::string> unauthorized(const Call& call, const Account& account) {
    const std::optional<std::string> token = call.bearer();
    if (!token) {
        return "the request has no bearer token";
    }
    if (call.known_key(*token) || call.tickets.good("google", *token)) {
        return std::nullopt;
    }
    std::string problem = account.self_signed_problem(*token);
    return problem.empty() ? std::nullopt : std::optional(std::move(problem));
}

std::string words(const Problem& problem) {
    const std::size_t dot = problem.where.rfind('.');
    const std::string name =
        dot == std::string::npos ? problem.where : problem.where.substr(dot + 1);
    const std::string parent = dot == std::string::npos ? "" : problem.where.substr(0, dot);
    if (problem.fault == Problem::Fault::unknown) {
        return "Invalid JSON payload: unknown name \"" + name + "\" at '" + parent + "'.";
    }
    return "Invalid value at '" + problem.where + "': " + problem.text + ".";
}

} // namespace mr::emulator::google
