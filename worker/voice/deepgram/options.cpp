#include "worker/voice/deepgram/options.h"

#include "worker/encoding.h"

#include <algorithm>

namespace mr::voice::deepgram {
namespace {

void add(std::string& url, std::string_view name, std::string_view value) {
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += std::string(name) + "=" + percent_encoded(value);
}

void add(std::string& url, std::string_view name, bool value) {
    add(url, name, std::string_view(value ? "true" : "false"));
}

std::string as_socket(const std::string& url) {
    return url.starts_with("http") ? "ws" + url.substr(4) : url;
}

void add_vocabulary(std::string& url, const Options& options) {
    const bool by_keyterm = options.model.starts_with("nova-3");
    size_t count = 0;
    for (const std::string& term : options.vocabulary) {
        if (term.empty() || term.size() > kMaxTermBytes) {
            continue;
        }
        if (++count > kMaxVocabulary) {
            return;
        }
        if (by_keyterm) {
            add(url, "keyterm", term);
        } else {
            // The boost stands behind the last colon: one in the term would be taken for it.
            std::string word = term;
            std::replace(word.begin(), word.end(), ':', ' ');
            add(url, "keywords", word + ":" + std::to_string(options.keyword_boost));
        }
    }
}

} // namespace

std::string listen_url(const Options& options, const RecognitionOptions& stream,
                       bool with_vocabulary) {
    std::string url = as_socket(options.base_url) + "/listen";
    add(url, "model", options.model);
    add(url, "language", options.language.empty() ? stream.language : options.language);
    add(url, "encoding", std::string_view("linear16"));
    add(url, "sample_rate", std::to_string(kVoiceRate));
    add(url, "channels", std::string_view("1"));
    add(url, "interim_results", true);
    const auto endpointing = options.endpointing.count();
    add(url, "endpointing", endpointing > 0 ? std::to_string(endpointing) : std::string("false"));
    add(url, "utterance_end_ms", std::to_string(options.utterance_end.count()));
    add(url, "vad_events", true);
    add(url, "smart_format", options.smart_format);
    add(url, "punctuate", options.punctuate);
    for (const auto& [name, wanted] : {std::pair("numerals", options.numerals),
                                       std::pair("profanity_filter", options.profanity_filter),
                                       std::pair("mip_opt_out", options.mip_opt_out)}) {
        if (wanted) {
            add(url, name, true);
        }
    }
    if (!options.tag.empty()) {
        add(url, "tag", options.tag);
    }
    if (with_vocabulary) {
        add_vocabulary(url, options);
    }
    return url;
}

} // namespace mr::voice::deepgram
