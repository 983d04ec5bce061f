// pocketsphinx as an engine for commands: it knows the words of questions about our own company and
// no others, and makes one of those questions of whatever it hears. Small (13 MB), fast, and of no
// use for free speech. Needs the acoustic model of Debian's pocketsphinx-en-us.
#pragma once

#include "worker/voice/names.h"
#include "worker/voice/utterance_model.h"

#include <filesystem>

namespace mr::voice {

struct PocketsphinxOptions {
    // Folder with "en-us" (acoustic model) and "cmudict-en-us.dict".
    std::filesystem::path model_dir = "/usr/share/pocketsphinx/model/en-us";
};

// Whether the folder has what is needed: without it the next engine is asked.
bool pocketsphinx_present(const PocketsphinxOptions& options);

class PocketsphinxFactory final : public UtteranceModelFactory {
  public:
    // Builds language model and dictionary (a second of work). Throws std::runtime_error, for logs,
    // when a file cannot be read or memory for them cannot be had.
    PocketsphinxFactory(const PocketsphinxOptions& options, const SpeechNames& names);
    ~PocketsphinxFactory() override;

    std::string_view engine() const override { return "pocketsphinx"; }
    std::unique_ptr<UtteranceModel> make() override;

  private:
    struct Files;
    std::unique_ptr<Files> files_;
};

} // namespace mr::voice
