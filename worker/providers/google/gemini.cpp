#include "worker/providers/google/gemini.h"

#include "worker/providers/google/errors.h"
#include "worker/providers/known_json.h"

#include <algorithm>
#include <cctype>

namespace mr::google {
namespace {

using model::Features;
using model::kPartSchema;
using model::kPartStream;
using model::Piece;
using model::Stop;
using nlohmann::json;

constexpr std::string_view kPartEffort = "thinking";
constexpr std::string_view kPartMaxTokens = "max_tokens";

constexpr std::string_view kMembers[] = {"candidates",
                                         "content",
                                         "parts",
                                         "text",
                                         "thought",
                                         "finishReason",
                                         "modelVersion",
                                         "promptFeedback",
                                         "blockReason",
                                         "error",
                                         "code",
                                         "status",
                                         "message",
                                         "details",
                                         "reason",
                                         "retryDelay",
                                         "violations",
                                         "quotaId",
                                         "usageMetadata",
                                         "promptTokenCount",
                                         "candidatesTokenCount",
                                         "thoughtsTokenCount",
                                         "cachedContentTokenCount"};

constexpr model::OptionalPart kParts[] = {
    {kPartEffort, "", "hinking"}, // "Thinking level ...", "thinking_level", "thinkingConfig"
    {kPartSchema, "", "response_schema"},
    {kPartSchema, "", "responseSchema"},
    {kPartSchema, "", "JSON mode"},
    {kPartMaxTokens, "", "maxOutputTokens"},
    {kPartMaxTokens, "", "max_output_tokens"},
    {kPartStream, "stream", ""},
};

Stop stop_of(std::string_view word) {
    if (word.empty() || word == "FINISH_REASON_UNSPECIFIED") {
        return Stop::none;
    }
    if (word == "STOP") {
        return Stop::finished;
    }
    if (word == "MAX_TOKENS") {
        return Stop::length;
    }
    const bool broken = word.starts_with("MALFORMED") || word.starts_with("UNEXPECTED") ||
                        word.starts_with("TOO_MANY") || word == "OTHER" || word == "LANGUAGE";
    return broken ? Stop::unusable : Stop::withheld;
}

// JSON Schema in the form of the API's own: types in capitals, properties in the order asked for,
// no word about others. Our schemas are a few levels deep.
json api_schema(const json& schema) {
    json out = json::object();
    for (const auto& [key, value] : schema.items()) {
        if (key == "type") {
            std::string type = value.get<std::string>();
            std::transform(type.begin(), type.end(), type.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            out["type"] = type;
        } else if (key == "properties") {
            for (const auto& [name, property] : value.items()) {
                out["properties"][name] = api_schema(property);
            }
        } else if (key == "items") {
            out["items"] = api_schema(value);
        } else if (key == "required") {
            out["required"] = value;
            out["propertyOrdering"] = value;
        } else if (key != "additionalProperties") {
            out[key] = value;
        }
    }
    return out;
}

json parts_of(std::string_view text) {
    json content;
    content["parts"][0]["text"] = text;
    return content;
}

std::optional<Usage> usage_of(const json& object) {
    const json& usage = member(object, "usageMetadata");
    if (!usage.is_object()) {
        return std::nullopt;
    }
    Usage out;
    out.input_tokens = count_of(member(usage, "promptTokenCount"));
    out.output_tokens = count_of(member(usage, "candidatesTokenCount")) +
                        count_of(member(usage, "thoughtsTokenCount"));
    out.cached_tokens = count_of(member(usage, "cachedContentTokenCount"));
    return out;
}

void take_candidate(const json& candidate, Piece& piece) {
    const json& parts = member(member(candidate, "content"), "parts");
    for (const json& part : items_of(parts)) {
        piece.text += member(part, "thought") == true ? "" : text_of(member(part, "text"));
    }
    const std::string word = text_of(member(candidate, "finishReason"));
    if (stop_of(word) != Stop::none) {
        piece.stop_word = word;
        piece.stop = stop_of(word);
    }
}

void take(const json& object, Piece& piece) {
    if (const auto error = error_of(object)) {
        piece.error = error;
        return;
    }
    if (const auto usage = usage_of(object)) {
        piece.usage = usage;
    }
    const std::string model = text_of(member(object, "modelVersion"));
    piece.model = model.empty() ? piece.model : model;
    const json& candidates = member(object, "candidates");
    const std::string blocked = text_of(member(member(object, "promptFeedback"), "blockReason"));
    if (candidates.is_array() && !candidates.empty()) {
        take_candidate(candidates.front(), piece);
    } else if (!blocked.empty()) {
        piece.stop = Stop::withheld;
        piece.stop_word = "prompt blocked: " + blocked;
    }
}

// One object; or an array of them, as streams without SSE and some errors come.
std::optional<Piece> read(std::string_view text) {
    const json value = parse_known(text, kMembers);
    if (!value.is_object() && !value.is_array()) {
        return std::nullopt;
    }
    Piece piece;
    if (value.is_object()) {
        take(value, piece);
        return piece;
    }
    for (const json& object : value) {
        if (!piece.error) {
            take(object, piece);
        }
    }
    return piece;
}

class GeminiDialect final : public model::Dialect {
  public:
    explicit GeminiDialect(const model::Options& options)
        : model_(options.model), max_tokens_(options.max_tokens) {
        effort_ = options.effort;
        std::transform(effort_.begin(), effort_.end(), effort_.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    }

    std::string_view provider() const override { return "gemini"; }
    std::string_view request_id_header() const override { return "x-request-id"; }
    std::span<const model::OptionalPart> optional_parts() const override { return kParts; }

    model::WireRequest request(const ModelRequest& request,
                               const Features& features) const override {
        model::WireRequest out;
        out.path =
            "/models/" + model_ +
            (streams(request, features) ? ":streamGenerateContent?alt=sse" : ":generateContent");
        json& body = out.body;
        body["contents"] = json::array();
        for (const ModelMessage& one : model::messages_from_user(request.messages)) {
            json content = parts_of(one.text);
            content["role"] = one.speaker == Speaker::user ? "user" : "model";
            body["contents"].push_back(std::move(content));
        }
        const std::string system = model::system_text(request, features);
        if (!system.empty()) {
            body["systemInstruction"] = parts_of(system);
        }
        if (request.schema != nullptr && features.has(kPartSchema)) {
            body["generationConfig"]["responseMimeType"] = "application/json";
            body["generationConfig"]["responseSchema"] = api_schema(request.schema->schema);
        }
        if (!effort_.empty() && features.has(kPartEffort)) {
            body["generationConfig"]["thinkingConfig"]["thinkingLevel"] = effort_;
        }
        if (max_tokens_ > 0 && features.has(kPartMaxTokens)) {
            body["generationConfig"]["maxOutputTokens"] = max_tokens_;
        }
        return out;
    }

    // Nothing says that a stream is at its end but its end. The last chunk has both reason and
    // counts: nothing is waited for behind it.
    std::optional<Piece> event(std::string_view data) const override {
        std::optional<Piece> piece = read(data);
        if (piece) {
            piece->last = piece->stop != Stop::none && piece->usage;
        }
        return piece;
    }
    std::optional<Piece> reply(std::string_view body) const override { return read(body); }

  private:
    std::string model_;
    std::string effort_;
    std::uint64_t max_tokens_;
};

} // namespace

std::unique_ptr<model::Dialect> make_gemini_dialect(const model::Options& options) {
    return std::make_unique<GeminiDialect>(options);
}

} // namespace mr::google
