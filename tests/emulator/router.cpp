#include "tests/emulator/router.h"

#include "tests/emulator/provider.h"

#include <algorithm>
#include <array>

namespace mr::emulator {
namespace {

struct Host {
    std::string_view end; // of the host name
    std::string_view provider;
};

constexpr std::array kHosts{
    Host{"api.openai.com", "openai"},
    Host{"api.anthropic.com", "anthropic"},
    Host{"generativelanguage.googleapis.com", "gemini"},
    Host{"aiplatform.googleapis.com", "vertex"},
    Host{".rep.googleapis.com", "vertex"},
    Host{"oauth2.googleapis.com", "google"},
    Host{"metadata.google.internal", "metadata"},
    Host{"bigquery.googleapis.com", "bigquery"},
    Host{"discoveryengine.googleapis.com", "search"},
    Host{"api.hubapi.com", "hubspot"},
    Host{"login.microsoftonline.com", "entra"},
    Host{"api.powerbi.com", "powerbi"},
    Host{".deepgram.com", "deepgram"},
    Host{"api.elevenlabs.io", "elevenlabs"},
};

constexpr std::array<std::string_view, 13> kNames{
    "openai", "anthropic", "gemini", "vertex",  "google",   "metadata",  "bigquery",
    "search", "hubspot",   "entra",  "powerbi", "deepgram", "elevenlabs"};

struct Mark {
    std::string_view part; // of the path
    std::string_view provider;
};

// In this order: the first that fits.
constexpr std::array kMarks{
    Mark{"/v1/chat/completions", "openai"},
    Mark{"/v1/responses", "openai"},
    Mark{"/v1/messages", "anthropic"},
    Mark{"/computeMetadata/", "metadata"},
    Mark{"/bigquery/v2/", "bigquery"},
    Mark{"/publishers/google/models", "vertex"},
    Mark{"/servingConfigs/", "search"},
    Mark{"/crm/", "hubspot"},
    Mark{"/oauth2/v2.0/token", "entra"},
    Mark{"/v1.0/myorg", "powerbi"},
    Mark{"/v1/listen", "deepgram"},
    Mark{"/v1/projects", "deepgram"},
    Mark{"/v1/text-to-speech/", "elevenlabs"},
    Mark{"/v2/voices", "elevenlabs"},
    Mark{"/v1beta/models", "gemini"},
    Mark{"/token", "google"},
};

} // namespace

Route route(const Request& request) {
    const std::string path = unescape(request.path);
    const std::string host = request.host.substr(0, request.host.find(':'));
    for (const Host& one : kHosts) {
        if (host.ends_with(one.end)) {
            return {std::string(one.provider), path};
        }
    }
    const std::size_t slash = path.find('/', 1);
    if (path.size() > 1 && slash != std::string::npos) {
        const std::string_view first = std::string_view(path).substr(1, slash - 1);
        const bool real = path.starts_with("/bigquery/v2/"); // its own path begins with its name
        if (!real && std::ranges::find(kNames, first) != kNames.end()) {
            return {std::string(first), path.substr(slash)};
        }
    }
    if (path.starts_with("/v1/models")) {
        return {request.header("anthropic-version") ? "anthropic" : "openai", path};
    }
    for (const Mark& mark : kMarks) {
        if (path.find(mark.part) != std::string::npos) {
            return {std::string(mark.provider), path};
        }
    }
    return {};
}

} // namespace mr::emulator
