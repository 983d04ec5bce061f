// Chat Completions: what a request may hold, and the two forms of its answer.
#include "tests/emulator/openai.h"

#include <algorithm>

namespace mr::emulator::openai {
namespace {

using nlohmann::json;

Check text_parts() {
    return each(
        tagged("type", {{"text", object_of({{"type", kString, true}, {"text", kString, true}})}}),
        1);
}

Check call_list() {
    return each(object_of({{"id", kString, true},
                           {"type", kString, true, one_of({"function"})},
                           {"function", kObject, true,
                            object_of({{"name", kString, true}, {"arguments", kString, true}})}}),
                1);
}

Found check_message(const json& message, const std::string& where) {
    static const Check kForm = object_of({
        {"role", kString, true, one_of({"developer", "system", "user", "assistant", "tool"})},
        {"content", kString | kArray, false, either(kArray, text_parts(), {})},
        {"name", kString},
        {"refusal", kString},
        {"tool_calls", kArray, false, call_list()},
        {"tool_call_id", kString},
    });
    if (Found found = kForm(message, where)) {
        return found;
    }
    const std::string role = message["role"];
    const bool calls = message.contains("tool_calls");
    if (!message.contains("content") && !(role == "assistant" && calls)) {
        return Problem{Problem::Fault::missing, where + ".content", "is missing"};
    }
    if (calls && role != "assistant") {
        return wrong(where + ".tool_calls", "belongs to the assistant");
    }
    if ((role == "tool") != message.contains("tool_call_id")) {
        return wrong(where + ".tool_call_id", "belongs to the role tool, and has to be there");
    }
    return std::nullopt;
}

Check response_format() {
    return tagged("type",
                  {{"text", object_of({{"type", kString}})},
                   {"json_object", object_of({{"type", kString}})},
                   {"json_schema", object_of({{"type", kString},
                                              {"json_schema", kObject, true,
                                               object_of({{"name", kString, true, schema_name()},
                                                          {"description", kString},
                                                          {"schema", kObject},
                                                          {"strict", kBool}})}})}});
}

const std::vector<Field>& fields() {
    static const Check kFunction = object_of({{"name", kString, true, schema_name()},
                                              {"description", kString},
                                              {"parameters", kObject},
                                              {"strict", kBool}});
    static const std::vector<Field> kFields{
        {"model", kString, true},
        {"messages", kArray, true, each(check_message, 1)},
        {"stream", kBool},
        {"stream_options", kObject, false,
         object_of({{"include_usage", kBool}, {"include_obfuscation", kBool}})},
        {"max_completion_tokens", kInt, false, between(1, 1e9)},
        {"max_tokens", kInt, false, between(1, 1e9)},
        {"reasoning_effort", kString, false,
         one_of({"none", "minimal", "low", "medium", "high", "xhigh", "max"})},
        {"verbosity", kString, false, one_of({"low", "medium", "high"})},
        {"temperature", kNumber, false, between(0, 2)},
        {"top_p", kNumber, false, between(0, 1)},
        {"response_format", kObject, false, response_format()},
        {"tools", kArray, false,
         each(object_of({{"type", kString, true, one_of({"function"})},
                         {"function", kObject, true, kFunction}}),
              1, 128)},
        {"tool_choice", kString | kObject, false,
         either(kString, one_of({"none", "auto", "required"}), {})},
        {"parallel_tool_calls", kBool},
        {"service_tier", kString, false,
         one_of({"auto", "default", "flex", "scale", "priority", "fast"})},
        {"prompt_cache_key", kString},
        {"safety_identifier", kString},
        {"metadata", kObject},
        {"store", kBool},
        {"seed", kInt},
        {"stop", kString | kArray, false, either(kArray, each({}, 0, 4), {})},
        {"n", kInt, false, between(1, 128)},
        {"user", kString},
    };
    return kFields;
}

json schema_of(const json& body) {
    const auto found = body.find("response_format");
    if (found == body.end() || found->value("type", "") != "json_schema") {
        return {};
    }
    return (*found)["json_schema"].value("schema", json::object());
}

// What the message and the chunks of one answer have in common.
struct Making {
    const Behaviour& how;
    std::string id = fresh_id("chatcmpl-"), model, finish;
    std::int64_t created = unix_time();
    Tokens tokens;

    Making(const json& body, const Behaviour& behaviour)
        : how(behaviour), model(body["model"]), tokens(tokens_of(behaviour, schema_of(body))) {
        if (!how.refusal.empty()) {
            tokens = Tokens::of_text(how.refusal);
        } else if (how.tool_calls.is_array()) {
            tokens = {};
        }
        finish = !how.finish.empty()         ? how.finish
                 : how.tool_calls.is_array() ? "tool_calls"
                                             : "stop";
    }

    const char* field() const { return how.refusal.empty() ? "content" : "refusal"; }

    json usage() const {
        const std::size_t in = usage_of(how, "input", 100);
        const std::size_t out = usage_of(how, "output", tokens.count());
        return {{"prompt_tokens", in},
                {"completion_tokens", out},
                {"total_tokens", in + out},
                {"prompt_tokens_details", {{"cached_tokens", 0}}},
                {"completion_tokens_details", {{"reasoning_tokens", 0}}}};
    }

    json frame(const char* object) const {
        return {
            {"id", id},       {"object", object},          {"created", created},
            {"model", model}, {"service_tier", "default"}, {"system_fingerprint", "fp_emulated"}};
    }
};

json tool_call(const json& wanted, std::size_t index, bool streamed) {
    json call = {
        {"id", fresh_id("call_")},
        {"type", "function"},
        {"function",
         {{"name", wanted.at("name")},
          {"arguments", streamed ? "" : dump(wanted.value("arguments", json::object()))}}}};
    if (streamed) {
        call["index"] = index;
    }
    return call;
}

Answer whole(const Making& make) {
    json message = {{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (make.how.tool_calls.is_array()) {
        for (const json& wanted : make.how.tool_calls) {
            message["tool_calls"].push_back(tool_call(wanted, 0, false));
        }
    } else {
        message[make.field()] = make.tokens.whole();
    }
    json body = make.frame("chat.completion");
    body["choices"] = json::array({{{"index", 0},
                                    {"message", message},
                                    {"logprobs", nullptr},
                                    {"finish_reason", make.finish}}});
    if (make.how.usage != false) {
        body["usage"] = make.usage();
    }
    return json_answer(200, body, reply_headers());
}

json chunk(const Making& make, json delta, json finish, bool usage) {
    json body = make.frame("chat.completion.chunk");
    body["choices"] = json::array({{{"index", 0},
                                    {"delta", std::move(delta)},
                                    {"logprobs", nullptr},
                                    {"finish_reason", std::move(finish)}}});
    if (usage) {
        body["usage"] = nullptr;
    }
    return body;
}

void add_calls(const Making& make, bool usage, std::vector<Event>& events) {
    std::size_t index = 0;
    for (const json& wanted : make.how.tool_calls) {
        const auto say = [&](json call) {
            const json delta = {{"tool_calls", json::array({std::move(call)})}};
            events.push_back({"", dump(chunk(make, delta, nullptr, usage))});
        };
        say(tool_call(wanted, index, true));
        const std::string arguments = dump(wanted.value("arguments", json::object()));
        for (std::size_t at = 0; at < arguments.size(); at += 7) {
            say({{"index", index}, {"function", {{"arguments", arguments.substr(at, 7)}}}});
        }
        ++index;
    }
}

// The tokens' chunk is made once, with a mark where the token goes: it is sent many thousand times.
std::function<Event(std::size_t, const std::string&)> token_chunk(const Making& make, bool usage) {
    const std::string mark = "\x01";
    const std::string form = dump(chunk(make, {{make.field(), mark}}, nullptr, usage));
    const std::string escaped = dump(mark);
    const std::size_t at = form.find(escaped);
    return [before = form.substr(0, at),
            after = form.substr(at + escaped.size())](std::size_t, const std::string& token) {
        return Event{"", before + dump(token) + after};
    };
}

Answer streamed(const Making& make, bool usage) {
    Answer answer;
    answer.headers = reply_headers();
    answer.content_type = "text/event-stream; charset=utf-8";
    EventStream events;
    const json role = {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}};
    events.head.push_back({"", dump(chunk(make, role, nullptr, usage))});
    events.tokens = make.tokens;
    events.token = token_chunk(make, usage);
    if (make.how.tool_calls.is_array()) {
        add_calls(make, usage, events.tail);
    }
    events.tail.push_back({"", dump(chunk(make, json::object(), make.finish, usage))});
    if (usage) {
        json last = make.frame("chat.completion.chunk");
        last["choices"] = json::array();
        last["usage"] = make.usage();
        events.tail.push_back({"", dump(last)});
    }
    events.tail.push_back({"", "[DONE]"});
    events.error = [](const json& error, const std::string&) {
        return std::vector<Event>{{"", dump(error_body(500, error))}};
    };
    events.ping = {"", dump(chunk(make, json::object(), nullptr, usage))};
    json empty = make.frame("chat.completion.chunk");
    empty["choices"] = json::array();
    events.empty = {"", dump(empty)};
    answer.stream = std::move(events);
    return answer;
}

} // namespace

Found check_chat(const json& body) {
    if (Found found = check_object(body, fields(), "")) {
        return found;
    }
    if (body.contains("stream_options") && !body.value("stream", false)) {
        return wrong("stream_options", "needs stream");
    }
    if (body.contains("tool_choice") && !body.contains("tools")) {
        return wrong("tool_choice", "needs tools");
    }
    const bool thinker = reasons(body["model"]);
    for (const char* name : {"max_tokens", "temperature", "top_p", "stop"}) {
        if (thinker && body.contains(name) && body[name] != 1) {
            return wrong(name, "is not supported with this model");
        }
    }
    return std::nullopt;
}

Answer chat(const Call& call, const Behaviour& how) {
    const Making make(call.body, how);
    if (!call.body.value("stream", false) || how.json_instead) {
        return whole(make);
    }
    const bool usage = call.body.contains("stream_options") &&
                       call.body["stream_options"].value("include_usage", false);
    return streamed(make, usage && how.usage != false);
}

} // namespace mr::emulator::openai
