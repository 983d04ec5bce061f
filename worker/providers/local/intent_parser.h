// Reads a question: what it wants from the tables (QueryIntent), and what else it shows (talk of
// documents, of the CRM, small talk, a follow-up). One reading serves routing, query writing and
// the answer; each of them reads anew, so none depends on another provider's state.
#pragma once

#include "worker/providers/local/annotate.h"
#include "worker/providers/local/intent.h"
#include "worker/providers/local/lexicon.h"
#include "worker/providers/types.h"

#include <string>
#include <vector>

namespace mr::local {

// What the last turn was about, from its memory or, without one, from the messages before.
struct Conversation {
    std::vector<std::string> projects; // names
    QueryIntent query;
    std::string documents; // last search
    std::string crm;
};

struct Understanding {
    Reading reading;
    std::vector<FoundCue> cues;
    QueryIntent query;                 // empty mode: nothing for the tables
    std::vector<std::string> leftover; // content words that the tables' part does not explain
    std::string small_talk; // "", "greeting", "thanks", "help", "bye", "who", "today", "read_only"
    bool wants_documents = false;
    bool wants_crm = false;
    bool follow_up = false;        // leans on the conversation
    bool everything = false;       // says that it means all projects
    std::size_t project_names = 0; // named in the question

    bool has(Cue cue) const noexcept;
};

Understanding understand(std::string_view text, const Conversation& before,
                         const Vocabulary& vocabulary);

Conversation conversation_of(const Question& question, const Vocabulary& vocabulary);

// Whether the projects of the turn before are meant although they are not named.
bool leans_on_projects(const Understanding& understood, const Conversation& before);

} // namespace mr::local
