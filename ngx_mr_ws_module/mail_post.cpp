#include "ngx_mr_ws_module/mail_post.h"

#include "ngx_mr_ws_module/mailbox.h"
#include "shared/ids.h"

namespace mr {
namespace {

constexpr size_t kKeptScratchBytes = 64 * 1024;

// Its connection and its place among that connection's mail: stored once, however often it is sent.
struct MailName {
    uint64_t connection = 0;
    uint32_t number = 0; // 0: a doorbell alone
    uint64_t place = 0;  // with it: of the last mail stored, whose fate is asked for
};

bool run_script(Session& session, ByteView mail, const MailName& name, std::string_view trace,
                std::string_view subject, const ReplySink& sink) {
    Hub& hub = *session.hub;
    const SessionKeys keys(hub.partitions, session.id_view());
    char entries[20];
    char bytes[20];
    char jobs[20];
    char ttl[20];
    char connection[20];
    char number[20];
    char place[20];
    const bool sent =
        hub.commands.send_repeatable({"EVALSHA",
                                      {hub.mail_script, kScriptHashChars},
                                      "5",
                                      keys.meta,
                                      keys.in_lane,
                                      keys.leases,
                                      keys.jobs,
                                      keys.in_channel,
                                      session.id_view(),
                                      app_name(session.app),
                                      as_text(mail),
                                      trace,
                                      {entries, format_decimal(kMaxMailEntries, entries)},
                                      {bytes, format_decimal(kMaxMailBytes, bytes)},
                                      {jobs, format_decimal(kMaxJobs, jobs)},
                                      {ttl, format_decimal(kSessionTtlMs, ttl)},
                                      {connection, format_decimal(name.connection, connection)},
                                      {number, format_decimal(name.number, number)},
                                      {place, format_decimal(name.place, place)},
                                      subject},
                                     sink);
    if (sent) {
        ++session.references;
    }
    return sent;
}

} // namespace

bool mail_post(Session& session, const Follower& sender, const Mail& mail,
               const ReplySink& sink) noexcept {
    Buffer& scratch = session.hub->scratch;
    scratch.clear();
    const bool posted = encode_mail(scratch, mail) &&
                        run_script(session, scratch.view(), {mail.connection, mail.number},
                                   mail.traceparent, sender.subject(), sink);
    if (scratch.capacity() > kKeptScratchBytes) {
        scratch.release();
    }
    return posted;
}

bool mail_ring(Session& session, const ReplySink& sink) noexcept {
    const MailName last{session.mail_connection, 0, session.mail_place};
    return run_script(session, {}, last, {}, {}, sink);
}

std::optional<MailStatus> mail_status(const Reply& reply) noexcept {
    if (reply.type() != ReplyType::array || reply.size() < 2) {
        return std::nullopt;
    }
    return static_cast<MailStatus>(reply[0].integer());
}

} // namespace mr
