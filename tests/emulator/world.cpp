#include "tests/emulator/world.h"

#include "tests/emulator/deepgram.h"
#include "tests/emulator/player.h"
#include "tests/emulator/router.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdio>
#include <exception>

namespace mr::emulator {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

// null and missing mean the same to all providers.
void drop_nulls(json& value) {
    if (value.is_object()) {
        for (auto it = value.begin(); it != value.end();) {
            it = it->is_null() ? value.erase(it) : ++it;
        }
    }
    if (value.is_structured()) {
        for (json& inner : value) {
            drop_nulls(inner);
        }
    }
}

// What ends an answer's coroutine otherwise is a bug of the emulator, and is said.
void told(std::exception_ptr error) {
    if (error) {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& what) {
            std::fprintf(stderr, "provider-emulator: [alert] an answer failed: %s\n", what.what());
        }
    }
}

} // namespace

World::World(asio::any_io_executor executor, const Account& account)
    : executor_(std::move(executor)) {
    providers_["openai"] = make_openai();
    providers_["anthropic"] = make_anthropic();
    providers_["gemini"] = make_gemini(account);
    providers_["vertex"] = providers_["gemini"];
    providers_["google"] = make_google_auth(account);
    providers_["metadata"] = providers_["google"];
    providers_["bigquery"] = make_bigquery(account);
    providers_["search"] = make_vertex_search(account);
    providers_["hubspot"] = make_hubspot();
    providers_["entra"] = make_entra();
    providers_["powerbi"] = make_powerbi();
    providers_["deepgram"] = make_deepgram();
    providers_["elevenlabs"] = make_elevenlabs();
}

void World::serve(const std::shared_ptr<Exchange>& exchange) {
    const std::shared_ptr<Record> record = records_.add(exchange->request());
    const Route way = route(exchange->request());
    record->provider = way.provider;
    exchange->on_gone = [record, raw = exchange.get()] { record->closed = raw->gone_at(); };
    Reply reply;
    const auto found = providers_.find(way.provider);
    if (found == providers_.end()) {
        record->problem = "no provider has this path";
        reply.answer = json_answer(404, {{"error", record->problem}});
    } else {
        json body = json::parse(exchange->request().body, nullptr, false);
        drop_nulls(body);
        Call call{exchange->request(), way.path, std::move(body), *record, script_, tickets_,
                  way.provider};
        reply = decide(*found->second, call);
    }
    asio::co_spawn(executor_, play(exchange, std::move(reply.answer), std::move(reply.how), record),
                   told);
}

World::Reply World::decide(Provider& provider, Call& call) {
    Reply reply;
    try {
        if (auto refusal = provider.refuse(call)) {
            reply.answer = std::move(*refusal);
            return reply;
        }
        reply.how = script_.take(call.provider, call.request, call.path);
        if (reply.how.body) {
            reply.answer.status = reply.how.status > 0 ? reply.how.status : 200;
            reply.answer.body = *reply.how.body;
        } else if (reply.how.status >= 400) {
            reply.answer = provider.fail(call, reply.how.status, reply.how.error);
        } else {
            reply.answer = provider.answer(call, reply.how);
            if (reply.how.status > 0) {
                reply.answer.status = reply.how.status;
            }
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "provider-emulator: [alert] %s %s: %s\n", call.provider.c_str(),
                     call.path.c_str(), error.what());
        reply.answer = json_answer(500, {{"error", error.what()}});
    }
    return reply;
}

} // namespace mr::emulator
