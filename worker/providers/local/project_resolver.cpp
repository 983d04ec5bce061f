// Names of projects in a question, and the projects behind the names.
#include "worker/providers/local/embedded.h"
#include "worker/providers/local/intent_parser.h"

#include <algorithm>

namespace mr::local {
namespace {

constexpr std::size_t kMaxNames = 10; // of one question

// Unknown names are looked for only where a project is likely meant: the CRM and plain talk are
// full of other capitals.
bool may_name_strangers(const Understanding& understood) {
    return understood.small_talk.empty() && !understood.wants_crm;
}

class Extractor final : public ProjectExtractor {
  public:
    explicit Extractor(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<ProjectMentions> extract(const Question& question, CallContext&) override {
        const Vocabulary& vocabulary = backend_->vocabulary;
        const Conversation before = conversation_of(question, vocabulary);
        const Understanding understood = understand(question.text, before, vocabulary);
        ProjectMentions mentions;
        for (const Span& span : understood.reading.spans) {
            if (span.project) {
                add(mentions, understood.reading.surface(span.first, span.last));
            }
        }
        if (may_name_strangers(understood)) {
            for (const std::string& name :
                 unknown_names(understood.reading, !understood.query.empty())) {
                add(mentions, name);
            }
        }
        if (mentions.names.empty() && leans_on_projects(understood, before)) {
            mentions.names = before.projects;
            mentions.from_history = true;
        }
        co_return mentions;
    }

  private:
    static void add(ProjectMentions& mentions, std::string name) {
        if (mentions.names.size() < kMaxNames &&
            std::find(mentions.names.begin(), mentions.names.end(), name) == mentions.names.end()) {
            mentions.names.push_back(std::move(name));
        }
    }

    std::shared_ptr<Backend> backend_;
};

class Directory final : public ProjectDirectory {
  public:
    explicit Directory(std::shared_ptr<Backend> backend) : backend_(std::move(backend)) {}

    Task<std::vector<ProjectMatch>> lookup(const std::vector<std::string>& names,
                                           CallContext&) override {
        const Vocabulary& vocabulary = backend_->vocabulary;
        std::vector<ProjectMatch> matches;
        for (const std::string& name : names) {
            ProjectMatch match;
            match.name = name;
            for (const ScoredProject& found : find_projects(name, vocabulary)) {
                const ProjectRow& row = vocabulary.projects[found.project];
                ProjectCandidate candidate;
                candidate.project = {std::to_string(row.id), row.name, row.code};
                candidate.score = found.score;
                match.candidates.push_back(std::move(candidate));
            }
            matches.push_back(std::move(match));
        }
        co_return matches;
    }

  private:
    std::shared_ptr<Backend> backend_;
};

} // namespace

std::unique_ptr<ProjectExtractor> make_extractor(std::shared_ptr<Backend> backend) {
    return std::make_unique<Extractor>(std::move(backend));
}

std::unique_ptr<ProjectDirectory> make_directory(std::shared_ptr<Backend> backend) {
    return std::make_unique<Directory>(std::move(backend));
}

} // namespace mr::local
