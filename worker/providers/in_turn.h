// Several providers for one task, in order: the next one is asked when one fails, as long as
// nothing of its work has been passed on (an answer fails over before its first word only). Each
// but the last gets a share of the time that is left, so that the next one has a chance. A filter
// that cannot be applied stays an error, whoever else there is.
#pragma once

#include "worker/providers/interfaces.h"

#include <memory>
#include <string>
#include <vector>

namespace mr {

template <typename Service> struct Choice {
    std::string provider; // as in the settings
    std::unique_ptr<Service> service;
};

template <typename Service> using Choices = std::vector<Choice<Service>>;

// Of at least one choice; a single one is returned as it is.
std::unique_ptr<ProjectExtractor> in_turn(Choices<ProjectExtractor> choices);
std::unique_ptr<Router> in_turn(Choices<Router> choices);
std::unique_ptr<SqlWriter> in_turn(Choices<SqlWriter> choices);
std::unique_ptr<Merger> in_turn(Choices<Merger> choices);
std::unique_ptr<Responder> in_turn(Choices<Responder> choices);

} // namespace mr
