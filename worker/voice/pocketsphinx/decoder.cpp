#include "worker/voice/pocketsphinx/decoder.h"

#include "worker/log.h"
#include "worker/voice/pocketsphinx/dictionary.h"
#include "worker/voice/pocketsphinx/question_sentences.h"
#include "worker/voice/pocketsphinx/trigrams.h"

#include <pocketsphinx/pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

namespace mr::voice {
namespace {

constexpr size_t kMaxDictionaryBytes = 16u << 20;
constexpr int kRoomNoise = 40;                  // of 32767, either way: some -63 dB
constexpr size_t kMinSamples = kVoiceRate / 10; // less has no words in it

// A text that the library reads by a path, and that no crash leaves lying about.
class MemoryFile {
  public:
    MemoryFile(const char* name, const std::string& text) : fd_(memfd_create(name, MFD_CLOEXEC)) {
        size_t written = 0;
        while (fd_ >= 0 && written < text.size()) {
            const ssize_t count = write(fd_, text.data() + written, text.size() - written);
            if (count <= 0) {
                close(fd_);
                fd_ = -1;
            } else {
                written += static_cast<size_t>(count);
            }
        }
        if (fd_ < 0) {
            throw std::runtime_error(std::string("no memory for the ") + name +
                                     " of pocketsphinx: " + std::strerror(errno));
        }
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { close(fd_); }

    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

  private:
    int fd_;
};

std::string read_dictionary(const std::filesystem::path& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    std::ifstream file(path, std::ios::binary);
    if (error || !file || size > kMaxDictionaryBytes) {
        throw std::runtime_error("cannot read the dictionary " + path.string() +
                                 ": install pocketsphinx-en-us");
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> words_of(const std::vector<std::string>& sentences) {
    std::set<std::string> words;
    for (const std::string& sentence : sentences) {
        std::istringstream stream(sentence);
        for (std::string word; stream >> word;) {
            words.insert(word);
        }
    }
    return {words.begin(), words.end()};
}

// The model was trained on rooms, which are never quite silent: digital silence, as a synthesiser
// or a noise gate makes it, weighs so heavily in the mean of an utterance that its words are lost.
// A little noise, the same each time, is put under the sound.
Pcm with_room_noise(PcmView samples) {
    Pcm room(samples.begin(), samples.end());
    uint32_t state = 1;
    for (Sample& sample : room) {
        state = state * 1'664'525U + 1'013'904'223U; // a linear congruence: Numerical Recipes
        const int noise = static_cast<int>(state >> 16) % (2 * kRoomNoise + 1) - kRoomNoise;
        sample = static_cast<Sample>(std::clamp(sample + noise, -32'768, 32'767));
    }
    return room;
}

class Decoder final : public UtteranceModel {
  public:
    Decoder(const std::string& acoustic, const std::string& language,
            const std::string& dictionary) {
        config_ = cmd_ln_init(nullptr, ps_args(), TRUE, "-hmm", acoustic.c_str(), "-lm",
                              language.c_str(), "-dict", dictionary.c_str(), "-lw", "8.0", nullptr);
        decoder_ = config_ != nullptr ? ps_init(config_) : nullptr;
        if (decoder_ == nullptr) {
            cmd_ln_free_r(config_);
            throw std::runtime_error("pocketsphinx does not take the acoustic model " + acoustic +
                                     ": install pocketsphinx-en-us anew");
        }
    }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    ~Decoder() override {
        ps_free(decoder_);
        cmd_ln_free_r(config_);
    }

    Heard recognise(PcmView samples, const std::atomic<bool>& given_up) override {
        if (samples.size() < kMinSamples) {
            return {};
        }
        // A stream of its own: what the microphone is like is learnt from this utterance alone, so
        // that the same sound has the same words whoever spoke before.
        if (ps_start_stream(decoder_) < 0 || ps_start_utt(decoder_) < 0) {
            throw std::runtime_error("pocketsphinx does not begin an utterance");
        }
        // All at once: the level of the whole utterance is known before its first word.
        if (!given_up) {
            const Pcm room = with_room_noise(samples);
            ps_process_raw(decoder_, room.data(), room.size(), FALSE, TRUE);
        }
        ps_end_utt(decoder_);
        int32 score = 0;
        const char* const text = given_up ? nullptr : ps_get_hyp(decoder_, &score);
        Heard heard;
        heard.text = text == nullptr ? "" : written_years(text);
        return heard;
    }

  private:
    cmd_ln_t* config_ = nullptr;
    ps_decoder_t* decoder_ = nullptr;
};

} // namespace

struct PocketsphinxFactory::Files {
    Files(std::string acoustic_dir, const std::string& language_text,
          const std::string& dictionary_text)
        : acoustic(std::move(acoustic_dir)), language("language model", language_text),
          dictionary("dictionary", dictionary_text) {}

    std::string acoustic;
    MemoryFile language;
    MemoryFile dictionary;
};

bool pocketsphinx_present(const PocketsphinxOptions& options) {
    std::error_code error;
    return std::filesystem::exists(options.model_dir / "cmudict-en-us.dict", error) &&
           std::filesystem::exists(options.model_dir / "en-us" / "mdef", error);
}

PocketsphinxFactory::PocketsphinxFactory(const PocketsphinxOptions& options,
                                         const SpeechNames& names) {
    err_set_logfp(nullptr); // it says on stderr what it does
    const std::vector<std::string> sentences = question_sentences(names);
    const std::vector<std::string> words = words_of(sentences);
    const SmallDictionary dictionary =
        small_dictionary(read_dictionary(options.model_dir / "cmudict-en-us.dict"), words);
    files_ = std::make_unique<Files>((options.model_dir / "en-us").string(),
                                     arpa_trigrams(sentences), dictionary.text);
    log::info("a language model for speech was made",
              {{"engine", engine()},
               {"sentences", sentences.size()},
               {"words", words.size()},
               {"pronunciations_guessed", dictionary.guessed.size()}});
}

PocketsphinxFactory::~PocketsphinxFactory() = default;

std::unique_ptr<UtteranceModel> PocketsphinxFactory::make() {
    return std::make_unique<Decoder>(files_->acoustic, files_->language.path(),
                                     files_->dictionary.path());
}

} // namespace mr::voice
