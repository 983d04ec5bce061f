// Any recogniser, with the names of the company put right in its transcripts.
#pragma once

#include "worker/voice/recogniser.h"
#include "worker/voice/vocabulary.h"

namespace mr::voice {

class SnappedRecogniser final : public Recogniser {
  public:
    SnappedRecogniser(std::unique_ptr<Recogniser> inner, std::shared_ptr<const Vocabulary> names);

    std::string_view engine() const override { return inner_->engine(); }
    boost::asio::awaitable<std::unique_ptr<RecognitionStream>>
    open(RecognitionOptions options) override;

  private:
    std::unique_ptr<Recogniser> inner_;
    std::shared_ptr<const Vocabulary> names_;
};

} // namespace mr::voice
