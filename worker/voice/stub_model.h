// A recogniser that recognises nothing, for tests and for trying the page out without an engine
// (STUB_DEEPGRAM): what it hears depends on how long somebody spoke, and on nothing else. It hears
// questions about the demo company, so that a turn follows.
#pragma once

#include "worker/voice/utterance_model.h"

#include <span>

namespace mr::voice {

// What is heard in n seconds of sound that is no silence: the n-th, rounded, and round again.
std::span<const std::string_view> stub_questions() noexcept;

class StubModelFactory final : public UtteranceModelFactory {
  public:
    std::string_view engine() const override { return "stub"; }
    std::unique_ptr<UtteranceModel> make() override;
};

} // namespace mr::voice
