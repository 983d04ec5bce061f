// What the writers of documents share: the phrases, the values of a project that phrases may name,
// and the one place where a document gets its title, address and row.
// It never decides which documents there are: generate_documents.cpp does.
#pragma once

#include "worker/data/generate.h"
#include "worker/data/random.h"
#include "worker/data/sources.h"

#include <set>
#include <string>
#include <string_view>

namespace mr::demo {

class DocumentWriter {
  public:
    explicit DocumentWriter(DemoData& data);

    // Letters written by hand (sources/letters.txt).
    void letters();
    // Papers of every project: contract, permit, minutes of meetings.
    void contract(RowId project_id);
    void permit(RowId project_id);
    void minutes(RowId project_id);
    // Papers that follow from rows of other tables and cite them.
    void change_order_emails(RowId change_order_id);
    void invoice_email(const Invoice& invoice);
    void award_email(RowId bid_id);
    void submittal(RowId bid_id);
    void inspection_papers(const Inspection& inspection);
    void safety_notes(const CrewHours& week);

    Random& random() noexcept { return random_; }

  private:
    // code, name, client, money and dates of the project, and the document's own date.
    PhraseValues values_of(RowId project_id, Date date) const;
    std::string draw(std::string_view section, const PhraseValues& values);
    std::string several(std::string_view section, std::size_t count, const PhraseValues& values);
    void meeting(RowId project_id, int number, Date day);
    // Body text; a number is added to a title that is taken.
    void add(RowId project_id, std::string_view kind, std::string title, std::string author,
             Date date, std::string body);

    DemoData& data_;
    Random random_;
    Phrases phrases_;
    Phrases findings_;
    std::set<std::string> titles_;
    int submittals_ = 0;
};

} // namespace mr::demo
