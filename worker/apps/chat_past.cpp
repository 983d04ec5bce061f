// What a chat session looks up in, or adds to, the turns of its history.
#include "worker/apps/chat_session.h"
#include "worker/apps/past_questions.h"
#include "worker/log.h"

namespace mr {

namespace asio = boost::asio;

// regenerate without text repeats the question of the turn it names.
asio::awaitable<bool> ChatSession::find_replaced(JobPointer job) {
    if (!job->message.message.empty()) {
        co_return true;
    }
    const auto question = co_await find_question(history_, job->message.turn_id);
    job->message.message = question.value_or("");
    co_return question.has_value();
}

asio::awaitable<void> ChatSession::feedback(JobPointer job) {
    const bool stored = co_await store_feedback(history_, job->message);
    if (!stored) {
        refuse(job->mail, ErrorCode::bad_request, job->message.message_id);
        co_return;
    }
    log::info("feedback", {{"session", session_.store.session_id()},
                           {"turn", job->message.turn_id},
                           {"rating", job->message.rating}});
    session_.consume(job->mail);
    unsettled_ = true;
}

} // namespace mr
