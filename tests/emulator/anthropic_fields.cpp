// What Anthropic Messages accepts; section 3.
#include "tests/emulator/anthropic.h"

namespace mr::emulator {
namespace {

using nlohmann::json;

Check block() {
    static const Field kCache{"cache_control", kObject};
    return tagged("type",
                  {{"text", object_of({{"type", kString}, {"text", kString, true}, kCache})},
                   {"tool_use", object_of({{"type", kString},
                                           {"id", kString, true},
                                           {"name", kString, true},
                                           {"input", kObject, true},
                                           kCache})},
                   {"tool_result", object_of({{"type", kString},
                                              {"tool_use_id", kString, true},
                                              {"content", kString | kArray},
                                              {"is_error", kBool},
                                              kCache})},
                   {"thinking", object_of({{"type", kString},
                                           {"thinking", kString, true},
                                           {"signature", kString, true}})},
                   {"redacted_thinking", object_of({{"type", kString}, {"data", kString, true}})}});
}

// Every object of a schema has to forbid what it does not name.
Found check_schema(const json& schema, const std::string& where) {
    if (schema.is_object()) {
        if (schema.value("type", json()) == "object" &&
            schema.value("additionalProperties", json(true)) != false) {
            return wrong(where, "needs additionalProperties false");
        }
        for (const auto& [name, inner] : schema.items()) {
            if (Found found = check_schema(inner, where + "." + name)) {
                return found;
            }
        }
    }
    return std::nullopt;
}

Check thinking() {
    return tagged("type",
                  {{"adaptive", object_of({{"type", kString}, {"display", kString}})},
                   {"enabled", object_of({{"type", kString},
                                          {"budget_tokens", kInt, true, between(1024, 1e9)}})},
                   {"disabled", object_of({{"type", kString}})}});
}

Check tool_choice() {
    const Field parallel{"disable_parallel_tool_use", kBool};
    return tagged("type",
                  {{"auto", object_of({{"type", kString}, parallel})},
                   {"any", object_of({{"type", kString}, parallel})},
                   {"tool", object_of({{"type", kString}, {"name", kString, true}, parallel})},
                   {"none", object_of({{"type", kString}})}});
}

const std::vector<Field>& fields() {
    static const Check kMessage =
        object_of({{"role", kString, true, one_of({"user", "assistant"})},
                   {"content", kString | kArray, true, either(kArray, each(block(), 1), {})}});
    static const Check kFormat = object_of({{"type", kString, true, one_of({"json_schema"})},
                                            {"schema", kObject, true, check_schema}});
    static const std::vector<Field> kFields{
        {"model", kString, true},
        {"max_tokens", kInt, true, between(1, 1e9)},
        {"messages", kArray, true, each(kMessage, 1)},
        {"system", kString | kArray, false, either(kArray, each(block(), 1), {})},
        {"stream", kBool},
        {"stop_sequences", kArray},
        {"thinking", kObject, false, thinking()},
        {"output_config", kObject, false,
         object_of({{"effort", kString, false, one_of({"low", "medium", "high", "xhigh", "max"})},
                    {"format", kObject, false, kFormat}})},
        {"tools", kArray, false,
         each(object_of({{"name", kString, true},
                         {"description", kString},
                         {"input_schema", kObject, true},
                         {"strict", kBool},
                         {"type", kString, false, one_of({"custom"})},
                         {"cache_control", kObject}}))},
        {"tool_choice", kObject, false, tool_choice()},
        {"metadata", kObject, false, object_of({{"user_id", kString}})},
        {"service_tier", kString, false, one_of({"auto", "standard_only"})},
        {"temperature", kNumber, false, between(0, 1)},
        {"top_p", kNumber, false, between(0, 1)},
        {"top_k", kInt},
    };
    return kFields;
}

} // namespace

Found check_anthropic(const json& body, const std::string& version) {
    if (Found found = check_object(body, fields(), "")) {
        return found;
    }
    if (version == "2026-10-21") {
        for (const char* name : {"temperature", "top_p", "top_k"}) {
            if (body.contains(name)) {
                return wrong(name, "is not accepted by this version");
            }
        }
    }
    if (body["messages"][0]["role"] != "user") {
        return wrong("messages[0].role", "has to be user");
    }
    if (body["messages"].back()["role"] == "assistant") {
        return wrong("messages", "cannot end with the assistant: no prefill with this model");
    }
    if (body.contains("thinking") && body["thinking"]["type"] == "enabled" &&
        body["thinking"]["budget_tokens"] >= body["max_tokens"]) {
        return wrong("thinking.budget_tokens", "has to be below max_tokens");
    }
    return std::nullopt;
}

} // namespace mr::emulator
