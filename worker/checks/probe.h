// One call of a check: a request to a provider, with its credential and the settings it is reached
// by, and what came of it. Decides nothing about what that means (verdict.h), and tries once.
#pragma once

#include "worker/checks/check.h"
#include "worker/net/http_cause.h"

#include <nlohmann/json.hpp>

namespace mr::checkup {

inline constexpr std::size_t kMaxReplyBytes =
    1024 * 1024; // of a check: lists of models are longest

// Who is asked, and what the cures of its troubles name.
struct Target {
    std::string label;       // "OpenAI"
    std::string url_setting; // "openai_base_url", and so on
    std::string ca_setting;
    std::string proxy_setting;
    std::string connect_setting;
    std::string base_url;
    std::string ca_file;
    std::string proxy; // in force, also the one of all providers
    std::string connect_to;
    std::chrono::milliseconds connect_timeout{};
    std::vector<std::string> headers; // with the credential
    std::string secret;               // blotted out of whatever is shown; empty: none

    std::string missing;         // what is not there: "model gpt-5-mini"
    std::string key_cure;        // to a credential that is refused
    std::string permission_cure; // to one that is not allowed this
    std::string missing_cure;
    std::string quota_cure;
    std::string region_cure;
    // Where a connection may be stopped on its way.
    std::string proxy_cure = "behind a proxy set provider_proxy";
};

// The connection part of a provider's settings, whose URL is given.
template <typename Group>
Target target_of(const Settings& settings, const Group& group, std::string_view label,
                 std::string_view setting, const std::string& base_url) {
    Target target;
    target.label = label;
    target.url_setting = std::string(setting) + "_base_url";
    target.ca_setting = std::string(setting) + "_ca_file";
    target.proxy_setting = std::string(setting) + "_proxy";
    target.connect_setting = std::string(setting) + "_connect_to";
    target.base_url = base_url;
    while (target.base_url.ends_with('/')) {
        target.base_url.pop_back();
    }
    target.ca_file = group.ca_file;
    target.proxy = group.proxy.empty() ? settings.provider_proxy : group.proxy;
    target.connect_to = group.connect_to;
    target.connect_timeout = settings.provider_connect_timeout;
    if constexpr (requires { group.api_key; }) {
        target.secret = group.api_key;
    }
    return target;
}

template <typename Group>
Target target_of(const Settings& settings, const Group& group, std::string_view label,
                 std::string_view setting) {
    return target_of(settings, group, label, setting, group.base_url);
}

struct Reply {
    std::optional<net::HttpCausedError> error; // there is no response
    net::HttpHead head;
    std::string body;
    nlohmann::json json; // of the body; discarded: it is none
    std::chrono::milliseconds latency{};
    std::chrono::system_clock::time_point at; // when it came

    bool success() const { return !error && head.status / 100 == 2 && json.is_structured(); }
};

struct Question {
    Question(std::string http_method, std::string url_path, std::string text = "",
             std::string content_type = "application/json")
        : method(std::move(http_method)), path(std::move(url_path)), body(std::move(text)),
          type(std::move(content_type)) {}

    std::string method;
    std::string path; // behind the base URL
    std::string body;
    std::string type;
};

// By the run's deadline.
Task<Reply> ask(const Run& run, const Target& target, Question question);
// With another client, for what must not go through the others' proxy.
Task<Reply> ask_by(net::HttpClient& http, const Run& run, const Target& target, Question question);

} // namespace mr::checkup
