// What generateContent accepts; section 5.
#include "tests/emulator/gemini.h"

#include <algorithm>

namespace mr::emulator {
namespace {

using nlohmann::json;

Found check_part(const json& part, const std::string& where) {
    static const Check kForm = object_of({
        {"text", kString},
        {"thought", kBool},
        {"thoughtSignature", kString},
        {"functionCall", kObject, false,
         object_of({{"id", kString}, {"name", kString, true}, {"args", kObject}})},
        {"functionResponse", kObject, false,
         object_of({{"id", kString}, {"name", kString, true}, {"response", kObject, true}})},
        {"inlineData", kObject},
    });
    if (Found found = kForm(part, where)) {
        return found;
    }
    const std::ptrdiff_t data = std::ranges::count_if(
        part.items(), [](const auto& one) { return !one.key().starts_with("thought"); });
    if (data != 1) {
        return wrong(where, "needs one of text, functionCall, functionResponse, inlineData");
    }
    return std::nullopt;
}

Check content(std::vector<std::string_view> roles) {
    return object_of({{"role", kString, false, one_of(std::move(roles))},
                      {"parts", kArray, true, each(check_part, 1)}});
}

// The OpenAPI subset, with types in upper case.
Found check_schema(const json& schema, const std::string& where) {
    static const std::vector<Field> kFields{
        {"type", kString, false,
         one_of({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})},
        {"format", kString},
        {"title", kString},
        {"description", kString},
        {"nullable", kBool},
        {"enum", kArray, false, each([](const json& value, const std::string& at) -> Found {
             return value.is_string() ? std::nullopt : Found(wrong(at, "has to be a string"));
         })},
        {"items", kObject, false, check_schema},
        {"minItems", kInt64, false, digits()},
        {"maxItems", kInt64, false, digits()},
        {"minLength", kInt64, false, digits()},
        {"maxLength", kInt64, false, digits()},
        {"pattern", kString},
        {"properties", kObject, false,
         [](const json& properties, const std::string& at) -> Found {
             for (const auto& [name, inner] : properties.items()) {
                 if (Found found = check_schema(inner, at + "." + name)) {
                     return found;
                 }
             }
             return std::nullopt;
         }},
        {"required", kArray},
        {"propertyOrdering", kArray},
        {"anyOf", kArray, false, each(check_schema, 1)},
        {"minimum", kNumber},
        {"maximum", kNumber},
        {"example", kAny},
        {"default", kAny},
    };
    return schema.is_object() ? check_object(schema, kFields, where)
                              : Found(wrong(where, "has to be an object"));
}

const std::vector<Field>& config_fields() {
    static const std::vector<Field> kFields{
        {"temperature", kNumber, false, between(0, 2)},
        {"topP", kNumber, false, between(0, 1)},
        {"topK", kNumber},
        {"maxOutputTokens", kInt, false, between(1, 1e9)},
        {"stopSequences", kArray, false, each({}, 0, 5)},
        {"seed", kInt},
        {"candidateCount", kInt, false, between(1, 8)},
        {"responseMimeType", kString, false,
         one_of({"text/plain", "application/json", "text/x.enum"})},
        {"responseSchema", kObject, false, check_schema},
        {"responseJsonSchema", kObject},
        {"thinkingConfig", kObject, false,
         object_of({{"thinkingLevel", kString, false, one_of({"MINIMAL", "LOW", "MEDIUM", "HIGH"})},
                    {"thinkingBudget", kInt},
                    {"includeThoughts", kBool}})},
    };
    return kFields;
}

const std::vector<Field>& fields() {
    static const Check kMode =
        object_of({{"mode", kString, false, one_of({"AUTO", "ANY", "NONE", "VALIDATED"})},
                   {"allowedFunctionNames", kArray}});
    static const Check kFunction = object_of({{"name", kString, true},
                                              {"description", kString},
                                              {"parameters", kObject, false, check_schema},
                                              {"parametersJsonSchema", kObject}});
    static const std::vector<Field> kFields{
        {"contents", kArray, true, each(content({"user", "model"}), 1)},
        {"systemInstruction", kObject, false, content({"user", "system"})},
        {"generationConfig", kObject, false, object_of(config_fields())},
        {"safetySettings", kArray, false,
         each(object_of({{"category", kString, true}, {"threshold", kString, true}}))},
        {"tools", kArray, false,
         each(object_of({{"functionDeclarations", kArray, false, each(kFunction)}}))},
        {"toolConfig", kObject, false,
         object_of({{"functionCallingConfig", kObject, false, kMode}})},
        {"labels", kObject},
    };
    return kFields;
}

} // namespace

Found check_gemini_count(const json& body) {
    static const Check kForm =
        object_of({{"contents", kArray, true, each(content({"user", "model"}), 1)},
                   {"systemInstruction", kObject, false, content({"user", "system"})},
                   {"tools", kArray}});
    return kForm(body, "");
}

Found check_gemini(const json& body) {
    if (Found found = check_object(body, fields(), "")) {
        return found;
    }
    if (body["contents"][0].value("role", "user") != "user") {
        return wrong("contents[0].role", "has to be user");
    }
    const json config = body.value("generationConfig", json::object());
    const bool schema = config.contains("responseSchema") || config.contains("responseJsonSchema");
    if (config.contains("responseSchema") && config.contains("responseJsonSchema")) {
        return wrong("generationConfig", "takes one of responseSchema and responseJsonSchema");
    }
    if (schema && config.value("responseMimeType", "text/plain") == "text/plain") {
        return wrong("generationConfig.responseMimeType", "has to be JSON with a schema");
    }
    if (schema && body.contains("tools")) {
        return wrong("tools", "cannot stand beside a schema");
    }
    const json thinking = config.value("thinkingConfig", json::object());
    if (thinking.contains("thinkingLevel") && thinking.contains("thinkingBudget")) {
        return wrong("generationConfig.thinkingConfig", "takes a level or a budget");
    }
    return std::nullopt;
}

} // namespace mr::emulator
