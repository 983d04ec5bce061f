#include "worker/providers/tasks/conversation.h"

#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/evidence.h"

#include <algorithm>

namespace mr::tasks {
namespace {

using nlohmann::json;

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

} // namespace

std::vector<ModelMessage> history_messages(const Question& question) {
    std::vector<ModelMessage> messages;
    const std::vector<HistoryMessage>& history = question.history;
    const std::size_t first = history.size() - std::min(history.size(), kHistoryMessages);
    for (std::size_t i = first; i < history.size(); ++i) {
        const bool assistant = history[i].role == "assistant";
        messages.push_back(
            {assistant ? Speaker::assistant : Speaker::user,
             std::string(first_code_points(history[i].content, kHistoryCodePoints))});
    }
    return messages;
}

ModelRequest answer_request(const AnswerRequest& request) {
    ModelRequest out;
    out.stream = true;
    out.system = prompt("answer.v1");
    if (visualization(request.question) != nullptr) {
        out.system += "\n" + std::string(prompt("answer_visualization.v1"));
    }
    out.messages = history_messages(request.question);
    out.messages.push_back({Speaker::user, question_text(request)});
    if (!request.delivered.empty()) {
        out.messages.push_back(
            {Speaker::assistant, std::string(end_of(request.delivered, kMaxDeliveredBytes))});
        out.messages.push_back({Speaker::user, std::string(prompt("answer_continue.v1"))});
    }
    return out;
}

std::string scope_text(const ProjectScope& scope) {
    std::string text = "Projects in scope: ";
    if (!scope.filtered()) {
        return text + "all\n";
    }
    for (std::size_t i = 0; i < scope.projects.size(); ++i) {
        const Project& project = scope.projects[i];
        text += (i > 0 ? "; " : "") + project.name + " (" + project.code + ")";
    }
    return text + "\n";
}

std::vector<std::string> remembered_projects(const Question& question) {
    std::vector<std::string> names;
    for (auto message = question.history.rbegin(); message != question.history.rend(); ++message) {
        if (!message->memory.is_object()) {
            continue;
        }
        const auto projects = message->memory.find("projects");
        if (projects != message->memory.end() && projects->is_array()) {
            for (const json& project : *projects) {
                if (project.is_object() && project.contains("name") &&
                    project["name"].is_string()) {
                    names.push_back(project["name"].get<std::string>());
                }
            }
        }
        break;
    }
    return names;
}

} // namespace mr::tasks
