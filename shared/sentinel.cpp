#include "shared/sentinel.h"

#include "shared/ids.h"

namespace mr {
namespace {

using Kind = SentinelAnswer::Kind;

constexpr char kSilent[] = "no sentinel answers (do they run, and on these ports?)";
constexpr char kUnknown[] = "no sentinel knows a primary of this name: compare the end of the URL "
                            "with \"sentinel monitor\" in their configuration";
constexpr char kRefused[] = "the sentinels refuse to answer: check sentinel_user and "
                            "sentinel_password in the URL, and the ACL (+sentinel)";
constexpr char kStale[] = "only a minority of the sentinels answers, and it names an older primary "
                          "than is known: not trusted until a majority agrees";

void refuse(SentinelAnswer& answer, const Reply& reply) {
    answer.kind = Kind::refused;
    answer.say(reply.text());
}

void take_address(SentinelAnswer& answer, const Reply& reply) {
    if (answer.kind == Kind::refused) {
        return; // the login has failed: its words explain more
    }
    if (reply.is_error()) {
        refuse(answer, reply);
        return;
    }
    const bool found = reply.type() == ReplyType::array && reply.size() == 2;
    const auto port = found ? parse_decimal(reply[1].text()) : std::nullopt;
    if (!port || *port == 0 || *port > 65535 || !answer.primary.host.assign(reply[0].text())) {
        answer.kind = Kind::unknown_name;
        return;
    }
    answer.primary.port = static_cast<uint16_t>(*port);
    answer.kind = Kind::primary;
}

// Names and values in turn. Without the right to ask for it all epochs are 0, and votes decide.
void take_record(SentinelAnswer& answer, const Reply& reply) {
    for (size_t i = 0; i + 1 < reply.size(); i += 2) {
        if (reply[i].text() == "config-epoch") {
            answer.config_epoch = parse_decimal(reply[i + 1].text()).value_or(0);
        }
    }
}

void take_quorum(SentinelAnswer& answer, const Reply& reply) {
    if (answer.kind == Kind::primary && reply.error_is("NOQUORUM")) {
        answer.no_quorum = true;
        answer.say(reply.text());
    }
}

size_t votes_for(std::span<const SentinelAnswer> answers, const SentinelAnswer& candidate) {
    size_t votes = 0;
    for (const SentinelAnswer& answer : answers) {
        votes += answer.kind == Kind::primary && answer.primary == candidate.primary ? 1 : 0;
    }
    return votes;
}

bool better(std::span<const SentinelAnswer> answers, const SentinelAnswer& one,
            const SentinelAnswer& other, const PrimaryAddress& known) {
    if (one.config_epoch != other.config_epoch) {
        return one.config_epoch > other.config_epoch;
    }
    const size_t votes = votes_for(answers, one);
    const size_t others = votes_for(answers, other);
    return votes != others ? votes > others : one.primary == known && !(other.primary == known);
}

// Nobody has named a primary: what explains it best.
SentinelVerdict judge_failure(std::span<const SentinelAnswer> answers) {
    SentinelVerdict verdict;
    verdict.problem = kSilent;
    Kind worst = Kind::silent;
    for (size_t i = 0; i < answers.size(); ++i) {
        if (answers[i].kind > worst) {
            worst = answers[i].kind;
            verdict.witness = i;
            verdict.problem = worst == Kind::refused ? kRefused : kUnknown;
        }
    }
    return verdict;
}

} // namespace

bool sentinel_wants_login(const RedisUrl& url) {
    return !url.sentinels.password.empty();
}

bool encode_sentinel_login(Buffer& out, const RedisUrl& url) {
    const std::string_view password = url.sentinels.password.view();
    return url.sentinels.user.empty()
               ? encode_command(out, {"AUTH", password})
               : encode_command(out, {"AUTH", url.sentinels.user.view(), password});
}

bool encode_sentinel_questions(Buffer& out, const RedisUrl& url) {
    const std::string_view name = url.sentinels.name.view();
    return encode_command(out, {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}) &&
           encode_command(out, {"SENTINEL", "MASTER", name}) &&
           encode_command(out, {"SENTINEL", "CKQUORUM", name});
}

SentinelStep take_sentinel_reply(SentinelAnswer& answer, SentinelStep step, const Reply& reply) {
    switch (step) {
    case SentinelStep::login:
        if (reply.is_error()) {
            refuse(answer, reply);
        }
        return SentinelStep::address;
    case SentinelStep::address:
        take_address(answer, reply);
        return SentinelStep::record;
    case SentinelStep::record:
        take_record(answer, reply);
        return SentinelStep::quorum;
    case SentinelStep::quorum:
        take_quorum(answer, reply);
        break;
    case SentinelStep::done:
        break;
    }
    return SentinelStep::done;
}

SentinelVerdict judge_sentinels(std::span<const SentinelAnswer> answers,
                                const PrimaryAddress& known, uint64_t known_epoch) {
    SentinelVerdict verdict;
    const SentinelAnswer* best = nullptr;
    for (size_t i = 0; i < answers.size(); ++i) {
        if (answers[i].kind != Kind::primary) {
            continue;
        }
        ++verdict.answered;
        if (best == nullptr || better(answers, answers[i], *best, known)) {
            best = &answers[i];
            verdict.witness = i;
        }
    }
    if (best == nullptr) {
        return judge_failure(answers);
    }
    verdict.no_quorum = best->no_quorum;
    const bool minority = verdict.answered * 2 <= answers.size();
    if (known.known() && minority && best->config_epoch < known_epoch &&
        !(best->primary == known)) {
        verdict.problem = kStale;
    }
    return verdict;
}

bool is_primary_role(const Reply& reply) {
    return reply.type() == ReplyType::array && reply.size() != 0 && reply[0].text() == "master";
}

} // namespace mr
