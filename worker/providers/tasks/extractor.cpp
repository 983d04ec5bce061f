// Which projects a question names.
#include "worker/pipeline/prompts/prompts.h"
#include "worker/providers/tasks/conversation.h"
#include "worker/providers/tasks/structured.h"
#include "worker/providers/tasks/tasks.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace mr::tasks {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNames = 10;
constexpr std::size_t kMaxNameBytes = 200;

ReplySchema reply_schema() {
    ReplySchema out;
    out.name = "projects";
    out.schema = object_schema(
        {{"names", list_schema(text_schema("a project's name or code, written as the user did"),
                               "in the order of the question; empty when it is about no project "
                               "in particular")},
         {"from_history", json{{"type", "boolean"},
                               {"description", "the names come from earlier messages: the question "
                                               "itself has none but means them"}}}});
    return out;
}

// Letters and digits alone, ASCII in lower case, words apart by one blank and blanks around all.
std::string plain_words(std::string_view text) {
    std::string out = " ";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80 || std::isalnum(byte) != 0) {
            out += static_cast<char>(std::tolower(byte));
        } else if (out.back() != ' ') {
            out += ' ';
        }
    }
    if (out.back() != ' ') {
        out += ' ';
    }
    return out;
}

// Everything a name may come from.
std::string said_so_far(const Question& question) {
    std::string said = plain_words(question.text);
    for (const HistoryMessage& message : question.history) {
        said += plain_words(message.content);
    }
    for (const std::string& name : remembered_projects(question)) {
        said += plain_words(name);
    }
    return said;
}

class ModelExtractor final : public ProjectExtractor {
  public:
    explicit ModelExtractor(std::shared_ptr<ChatModel> model)
        : model_(std::move(model)), schema_(reply_schema()) {}

    Task<ProjectMentions> extract(const Question& question, CallContext& call) override {
        ModelRequest request;
        request.system = prompt("projects.v1");
        request.schema = &schema_;
        request.messages = history_messages(question);
        std::string text = "Question: " + question.text + "\n\nProjects talked about before: ";
        const std::vector<std::string> before = remembered_projects(question);
        for (std::size_t i = 0; i < before.size(); ++i) {
            text += (i > 0 ? "; " : "") + before[i];
        }
        request.messages.push_back({Speaker::user, text + (before.empty() ? "none\n" : "\n")});
        const json object = co_await ask_for_object(*model_, request, call);
        co_return mentions(object, said_so_far(question));
    }

  private:
    static ProjectMentions mentions(const json& object, const std::string& said) {
        ProjectMentions out;
        out.from_history = flag_field(object, "from_history");
        for (std::string& name : texts_field(object, "names", kMaxNames, kMaxNameBytes)) {
            const std::string words = plain_words(name);
            if (words == " " || said.find(words) == std::string::npos) {
                throw ProviderError(ProviderFault::bad_reply,
                                    "the language model named a project nobody had mentioned");
            }
            if (std::find(out.names.begin(), out.names.end(), name) == out.names.end()) {
                out.names.push_back(std::move(name));
            }
        }
        out.from_history = out.from_history && !out.names.empty();
        return out;
    }

    std::shared_ptr<ChatModel> model_;
    ReplySchema schema_;
};

} // namespace

std::unique_ptr<ProjectExtractor> make_extractor(std::shared_ptr<ChatModel> model) {
    return std::make_unique<ModelExtractor>(std::move(model));
}

} // namespace mr::tasks
