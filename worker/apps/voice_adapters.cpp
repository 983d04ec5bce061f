#include "worker/apps/voice_adapters.h"

#include "worker/voice/resampler.h"
#include "worker/voice/speech_text/clause_cutter.h"

#include <utility>

namespace mr {
namespace {

class CutClauses final : public VoiceClauses {
  public:
    void add(std::string_view text) override { cutter_.add(text); }
    void end() override { cutter_.end(); }
    std::optional<VoiceClause> next() override {
        auto clause = cutter_.next();
        if (!clause) {
            return std::nullopt;
        }
        return VoiceClause{std::move(clause->spoken), std::move(clause->caption), clause->begin,
                           clause->end};
    }

  private:
    voice::ClauseCutter cutter_;
};

} // namespace

std::unique_ptr<VoiceClauses> make_voice_clauses() {
    return std::make_unique<CutClauses>();
}

Resample make_voice_resampler(unsigned from_rate) {
    auto resampler = std::make_shared<voice::Resampler>(from_rate);
    return [resampler](voice::PcmView in, voice::Pcm& out) { resampler->add(in, out); };
}

} // namespace mr
