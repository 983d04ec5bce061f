// Responses: what a request may hold, its answer whole and as events.
#include "tests/emulator/openai.h"

namespace mr::emulator::openai {
namespace {

using nlohmann::json;

Found check_item(const json& item, const std::string& where) {
    static const Check kPart =
        tagged("type", {{"input_text", object_of({{"type", kString}, {"text", kString, true}})},
                        {"output_text", object_of({{"type", kString},
                                                   {"text", kString, true},
                                                   {"annotations", kArray},
                                                   {"logprobs", kArray}})}});
    static const Check kMessage =
        object_of({{"type", kString, false, one_of({"message"})},
                   {"role", kString, true, one_of({"user", "assistant", "system", "developer"})},
                   {"content", kString | kArray, true, either(kArray, each(kPart, 1), {})},
                   {"id", kString},
                   {"status", kString}});
    static const Check kOutput = object_of({{"type", kString, true},
                                            {"call_id", kString, true},
                                            {"output", kString, true},
                                            {"id", kString},
                                            {"status", kString}});
    static const Check kCall = object_of({{"type", kString, true},
                                          {"call_id", kString, true},
                                          {"name", kString, true},
                                          {"arguments", kString, true},
                                          {"id", kString},
                                          {"status", kString}});
    const std::string type = item.is_object() ? item.value("type", "message") : "message";
    if (type == "function_call_output") {
        return kOutput(item, where);
    }
    if (type == "reasoning") {
        return std::nullopt; // given back as it came
    }
    return type == "function_call" ? kCall(item, where) : kMessage(item, where);
}

Check text_format() {
    return tagged("type", {{"text", object_of({{"type", kString}})},
                           {"json_object", object_of({{"type", kString}})},
                           {"json_schema", object_of({{"type", kString},
                                                      {"name", kString, true, schema_name()},
                                                      {"description", kString},
                                                      {"schema", kObject, true},
                                                      {"strict", kBool}})}});
}

const std::vector<Field>& fields() {
    static const std::vector<Field> kFields{
        {"model", kString, true},
        {"input", kString | kArray, true, either(kArray, each(check_item, 1), {})},
        {"instructions", kString},
        {"stream", kBool},
        {"stream_options", kObject, false, object_of({{"include_obfuscation", kBool}})},
        {"max_output_tokens", kInt, false, between(16, 1e9)},
        {"reasoning", kObject, false,
         object_of({{"effort", kString, false,
                     one_of({"none", "minimal", "low", "medium", "high", "xhigh", "max"})},
                    {"summary", kString, false, one_of({"auto", "concise", "detailed"})}})},
        {"text", kObject, false,
         object_of({{"format", kObject, false, text_format()},
                    {"verbosity", kString, false, one_of({"low", "medium", "high"})}})},
        {"tools", kArray, false,
         each(object_of({{"type", kString, true, one_of({"function"})},
                         {"name", kString, true, schema_name()},
                         {"description", kString},
                         {"parameters", kObject},
                         {"strict", kBool}}))},
        {"tool_choice", kString | kObject, false,
         either(kString, one_of({"none", "auto", "required"}), {})},
        {"parallel_tool_calls", kBool},
        {"store", kBool},
        {"previous_response_id", kString},
        {"service_tier", kString, false,
         one_of({"auto", "default", "flex", "scale", "priority", "fast"})},
        {"truncation", kString, false, one_of({"auto", "disabled"})},
        {"metadata", kObject},
        {"prompt_cache_key", kString},
        {"safety_identifier", kString},
        {"temperature", kNumber, false, between(0, 2)},
        {"top_p", kNumber, false, between(0, 1)},
        {"include", kArray},
    };
    return kFields;
}

// One answer: its items, and the events that lead to them.
class Making {
  public:
    Making(const json& body, const Behaviour& how) : how_(how), model_(body["model"]) {
        json schema;
        if (body.contains("text") && body["text"].contains("format")) {
            schema = body["text"]["format"].value("schema", json());
        }
        tokens_ = !how.refusal.empty() ? Tokens::of_text(how.refusal)
                  : calls()            ? Tokens()
                                       : tokens_of(how, schema);
    }

    const Tokens& tokens() const { return tokens_; }
    bool calls() const { return how_.tool_calls.is_array(); }
    bool refuses() const { return !how_.refusal.empty(); }
    std::size_t text_index() const { return how_.thoughts.empty() ? 0 : 1; }
    const std::string& message_id() const { return message_id_; }

    json response(const char* status, json output) const {
        return {{"id", id_},
                {"object", "response"},
                {"created_at", created_},
                {"status", status},
                {"model", model_},
                {"error", nullptr},
                {"incomplete_details", nullptr},
                {"parallel_tool_calls", true},
                {"output", std::move(output)},
                {"usage", nullptr}};
    }

    json part(const std::string& text) const {
        return refuses() ? json{{"type", "refusal"}, {"refusal", text}}
                         : json{{"type", "output_text"},
                                {"text", text},
                                {"annotations", json::array()},
                                {"logprobs", json::array()}};
    }

    json message(const char* status, json content) const {
        return {{"id", message_id_},
                {"type", "message"},
                {"status", status},
                {"role", "assistant"},
                {"content", std::move(content)}};
    }

    json reasoning() const {
        return {{"id", reasoning_id_},
                {"type", "reasoning"},
                {"summary", json::array({{{"type", "summary_text"}, {"text", how_.thoughts}}})}};
    }

    json call(const json& wanted, std::size_t index, bool empty) const {
        return {{"id", id_ + "_call_" + std::to_string(index)},
                {"type", "function_call"},
                {"status", empty ? "in_progress" : "completed"},
                {"call_id", "call_" + std::to_string(index)},
                {"name", wanted.at("name")},
                {"arguments", empty ? "" : dump(wanted.value("arguments", json::object()))}};
    }

    json output() const {
        json list = json::array();
        if (!how_.thoughts.empty()) {
            list.push_back(reasoning());
        }
        if (calls()) {
            for (std::size_t i = 0; i < how_.tool_calls.size(); ++i) {
                list.push_back(call(how_.tool_calls[i], i, false));
            }
        } else {
            list.push_back(message("completed", json::array({part(tokens_.whole())})));
        }
        return list;
    }

    // The response as it ends: completed, or as `finish` has it.
    std::pair<std::string, json> end() const {
        const bool cut = how_.finish == "length" || how_.finish == "content_filter";
        const char* status = cut ? "incomplete" : how_.finish == "failed" ? "failed" : "completed";
        json body = response(status, output());
        if (cut) {
            body["incomplete_details"] = {
                {"reason", how_.finish == "length" ? "max_output_tokens" : "content_filter"}};
        } else if (how_.finish == "failed") {
            body["error"] = failure(how_.error);
        }
        if (how_.usage != false) {
            const std::size_t in = usage_of(how_, "input", 100);
            const std::size_t out = usage_of(how_, "output", tokens_.count());
            body["usage"] = {{"input_tokens", in},
                             {"input_tokens_details", {{"cached_tokens", 0}}},
                             {"output_tokens", out},
                             {"output_tokens_details", {{"reasoning_tokens", 0}}},
                             {"total_tokens", in + out}};
        }
        return {std::string("response.") + status, body};
    }

    static json failure(const json& error) {
        return {{"code", field_of(error, "code", "server_error")},
                {"message", field_of(error, "message", "As told.")}};
    }

  private:
    const Behaviour& how_;
    std::string id_ = fresh_id("resp_"), message_id_ = fresh_id("msg_"),
                reasoning_id_ = fresh_id("rs_"), model_;
    std::int64_t created_ = unix_time();
    Tokens tokens_;
};

// Numbers the events of one stream.
class Writer {
  public:
    void add(std::vector<Event>& list, const std::string& type, json body) {
        body["type"] = type;
        body["sequence_number"] = next_++;
        list.push_back({type, dump(body)});
    }
    std::size_t next_ = 0;
};

json place(const Making& make) {
    return {
        {"item_id", make.message_id()}, {"output_index", make.text_index()}, {"content_index", 0}};
}

void begin(const Making& make, const Behaviour& how, Writer& writer, std::vector<Event>& list) {
    const json empty = make.response("in_progress", json::array());
    writer.add(list, "response.created", {{"response", empty}});
    writer.add(list, "response.in_progress", {{"response", empty}});
    if (!how.thoughts.empty()) {
        const json item = make.reasoning();
        const json where = {{"item_id", item["id"]}, {"output_index", 0}, {"summary_index", 0}};
        writer.add(list, "response.output_item.added", {{"output_index", 0}, {"item", item}});
        json delta = where;
        delta["delta"] = how.thoughts;
        writer.add(list, "response.reasoning_summary_text.delta", delta);
        json done = where;
        done["text"] = how.thoughts;
        writer.add(list, "response.reasoning_summary_text.done", done);
        writer.add(list, "response.output_item.done", {{"output_index", 0}, {"item", item}});
    }
    if (!make.calls()) {
        writer.add(list, "response.output_item.added",
                   {{"output_index", make.text_index()},
                    {"item", make.message("in_progress", json::array())}});
        json part = place(make);
        part["part"] = make.part("");
        writer.add(list, "response.content_part.added", part);
    }
}

void add_calls(const Making& make, const Behaviour& how, Writer& writer, std::vector<Event>& list) {
    for (std::size_t i = 0; i < how.tool_calls.size(); ++i) {
        const json whole = make.call(how.tool_calls[i], i, false);
        const json where = {{"item_id", whole["id"]}, {"output_index", make.text_index() + i}};
        const auto say = [&](const char* type, const char* name, const json& value) {
            json body = where;
            body[name] = value;
            writer.add(list, type, body);
        };
        writer.add(list, "response.output_item.added",
                   {{"output_index", make.text_index() + i},
                    {"item", make.call(how.tool_calls[i], i, true)}});
        const std::string arguments = whole["arguments"];
        for (std::size_t at = 0; at < arguments.size(); at += 7) {
            say("response.function_call_arguments.delta", "delta", arguments.substr(at, 7));
        }
        say("response.function_call_arguments.done", "arguments", arguments);
        writer.add(list, "response.output_item.done",
                   {{"output_index", make.text_index() + i}, {"item", whole}});
    }
}

void end(const Making& make, const Behaviour& how, Writer& writer, std::vector<Event>& list) {
    if (make.calls()) {
        add_calls(make, how, writer, list);
    } else {
        const std::string text = make.tokens().whole();
        json done = place(make);
        done[make.refuses() ? "refusal" : "text"] = text;
        writer.add(list, make.refuses() ? "response.refusal.done" : "response.output_text.done",
                   done);
        json part = place(make);
        part["part"] = make.part(text);
        writer.add(list, "response.content_part.done", part);
        writer.add(list, "response.output_item.done",
                   {{"output_index", make.text_index()},
                    {"item", make.message("completed", json::array({make.part(text)}))}});
    }
    auto [type, response] = make.end();
    writer.add(list, type, {{"response", std::move(response)}});
}

std::vector<Event> broken(const Making& make, const json& error, const std::string& form) {
    Writer writer;
    writer.next_ = 1'000'000;
    std::vector<Event> list;
    if (form == "failed") {
        json response = make.response("failed", json::array());
        response["error"] = Making::failure(error);
        writer.add(list, "response.failed", {{"response", response}});
    } else {
        json body = Making::failure(error);
        body["param"] = nullptr;
        writer.add(list, "error", body);
    }
    return list;
}

} // namespace

Found check_responses(const json& body) {
    if (Found found = check_object(body, fields(), "")) {
        return found;
    }
    const bool thinker = reasons(body["model"]);
    for (const char* name : {"temperature", "top_p"}) {
        if (thinker && body.contains(name) && body[name] != 1) {
            return wrong(name, "is not supported with this model");
        }
    }
    if (body.contains("stream_options") && !body.value("stream", false)) {
        return wrong("stream_options", "needs stream");
    }
    return std::nullopt;
}

Answer responses(const Call& call, const Behaviour& how) {
    if (call.body.value("store", true)) {
        call.record.notes.emplace_back("the response is stored: store is not false");
    }
    const auto keep = std::make_shared<Behaviour>(how); // outlives this call, with the stream
    const auto make = std::make_shared<Making>(call.body, *keep);
    if (!call.body.value("stream", false) || how.json_instead) {
        return json_answer(200, make->end().second, reply_headers());
    }
    Answer answer;
    answer.headers = reply_headers();
    answer.content_type = "text/event-stream; charset=utf-8";
    EventStream events;
    Writer writer;
    begin(*make, how, writer, events.head);
    events.tokens = make->tokens();
    const std::size_t first = writer.next_;
    const std::string type =
        make->refuses() ? "response.refusal.delta" : "response.output_text.delta";
    const std::string where = dump(place(*make));
    events.token = [type, first, where](std::size_t index, const std::string& token) {
        return Event{type, R"({"type":")" + type + R"(","sequence_number":)" +
                               std::to_string(first + index) + R"(,"delta":)" + dump(token) +
                               R"(,"logprobs":[],)" + where.substr(1)};
    };
    writer.next_ += events.tokens.count();
    end(*make, how, writer, events.tail);
    events.error = [make, keep](const json& error, const std::string& form) {
        return broken(*make, error, form);
    };
    events.ping = {"keepalive", R"({"type":"keepalive","sequence_number":0})"};
    events.empty = events.token(0, "");
    answer.stream = std::move(events);
    return answer;
}

} // namespace mr::emulator::openai
