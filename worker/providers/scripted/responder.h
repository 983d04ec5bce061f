// The answer of a scripted turn, as its question prescribes it: chunk after chunk, as fast as they
// are taken or at the script's rate.
#pragma once

#include "worker/providers/interfaces.h"
#include "worker/providers/scripted/pacer.h"

#include <memory>

namespace mr::scripted {

class ScriptResponder final : public Responder {
  public:
    Task<void> respond(const AnswerRequest& request, const TextSink& sink,
                       CallContext& call) override;

  private:
    std::shared_ptr<Pacer> pacer_; // with the first answer
};

} // namespace mr::scripted
