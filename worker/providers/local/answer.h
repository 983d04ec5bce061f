// Composes the embedded answer: the direct reply, the rows, documents and CRM records behind it,
// insights, and an honest word about what could not be found or reached. Markdown; pure.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/local/vocabulary.h"

#include <string>

namespace mr::local {

std::string compose_answer(const AnswerRequest& request, const Vocabulary& vocabulary);

} // namespace mr::local
