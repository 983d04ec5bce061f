#include "worker/providers/openai/chat_wire.h"

#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/evidence.h"

#include <algorithm>

namespace mr::openai {
namespace {

using nlohmann::json;

json message(std::string_view role, std::string_view content) {
    json out;
    out["role"] = role;
    out["content"] = content;
    return out;
}

std::string_view first_code_points(std::string_view text, std::size_t count) {
    std::size_t end = 0;
    while (end < text.size() && count > 0) {
        ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
            ++end;
        }
        --count;
    }
    return text.substr(0, end);
}

// The chart that the user is looking at, if the client has sent one.
const json* visualization(const Question& question) {
    if (!question.context.is_object()) {
        return nullptr;
    }
    const auto found = question.context.find("previous_visualization");
    return found != question.context.end() && found->is_object() ? &*found : nullptr;
}

std::string question_text(const AnswerRequest& request) {
    std::string text = "Question: " + request.question.text + "\n\nFindings:\n";
    text += evidence_text(request);
    if (const json* shown = visualization(request.question)) {
        const std::string dump = shown->dump(-1, ' ', false, json::error_handler_t::replace);
        text += "\n## The chart the user is looking at\n";
        text += cut_text(dump, kMaxVisualizationBytes);
        text += '\n';
    }
    return text;
}

// The end of a long text, from a whole code point on.
std::string_view end_of(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return text;
    }
    std::size_t begin = text.size() - bytes;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) {
        ++begin;
    }
    return text.substr(begin);
}

json messages(const AnswerRequest& request) {
    json list = json::array();
    std::string system(prompt("answer.v1"));
    if (visualization(request.question) != nullptr) {
        system += "\n" + std::string(prompt("answer_visualization.v1"));
    }
    list.push_back(message("system", system));
    const std::vector<HistoryMessage>& history = request.question.history;
    const std::size_t first = history.size() - std::min(history.size(), kHistoryMessages);
    for (std::size_t i = first; i < history.size(); ++i) {
        const bool assistant = history[i].role == "assistant";
        list.push_back(message(assistant ? "assistant" : "user",
                               first_code_points(history[i].content, kHistoryCodePoints)));
    }
    list.push_back(message("user", question_text(request)));
    if (!request.delivered.empty()) {
        list.push_back(message("assistant", end_of(request.delivered, kMaxDeliveredBytes)));
        list.push_back(message("user", prompt("answer_continue.v1")));
    }
    return list;
}

} // namespace

std::string request_body(const AnswerRequest& request, std::string_view model,
                         const Features& features) {
    json body;
    body["model"] = model;
    body["messages"] = messages(request);
    body["stream"] = features.stream;
    if (features.stream && features.stream_options) {
        body["stream_options"]["include_usage"] = true;
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace mr::openai
