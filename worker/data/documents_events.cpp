// Documents that follow from a row of another table and cite it: change orders, invoices, awards,
// inspections, weeks of a crew.
#include "worker/data/documents.h"

#include <algorithm>

namespace mr::demo {
namespace {

std::string days_text(int days) {
    if (days == 0)
        return "no extra days";
    return std::to_string(days) + (days == 1 ? " extra day" : " extra days");
}

// As the cause of a change in a sentence: "an owner request", "weather".
std::string with_article(const std::string& reason) {
    if (reason == "weather" || reason == "value engineering")
        return reason;
    const bool vowel = std::string_view{"aeiou"}.find(reason.front()) != std::string_view::npos;
    return (vowel ? "an " : "a ") + reason;
}

} // namespace

void DocumentWriter::change_order_emails(RowId change_order_id) {
    const ChangeOrder& order = row(data_.change_orders, change_order_id);
    const Project& project = row(data_.projects, order.project_id);
    const std::string contact = row(data_.contacts, project.contact_id).name;
    const auto email = [&](std::string_view section, const std::string& author, Date date,
                           const std::string& subject) {
        PhraseValues values = values_of(order.project_id, date);
        values["co"] = order.number;
        values["co_title"] = order.title;
        values["co_amount"] = money_text(order.amount);
        values["co_days"] = days_text(order.days);
        values["co_reason"] = with_article(order.reason);
        values["author"] = author;
        std::string body = draw(section, values);
        body += "\n" + draw("email.close", values);
        add(order.project_id, "email",
            subject + order.number + ": " + order.title + ", " + project.name, author, date,
            std::move(body));
    };
    email("email.co_raised", project.manager, order.raised_on, "Change order ");
    if (order.decided_on)
        email(order.status == "approved" ? "email.co_approved" : "email.co_rejected", contact,
              *order.decided_on, order.status == "approved" ? "Approved: " : "Rejected: ");
}

// Only what is unpaid today is written about: reminders of overdue and disputed invoices.
void DocumentWriter::invoice_email(const Invoice& invoice) {
    const bool overdue = invoice.status == "overdue";
    if (!overdue && invoice.status != "disputed")
        return;
    const Project& project = row(data_.projects, invoice.project_id);
    const Date date = std::min(overdue ? invoice.due_on + 6 : invoice.issued_on + 12, data_.today);
    const std::string author =
        overdue ? project.manager : row(data_.contacts, project.contact_id).name;
    PhraseValues values = values_of(invoice.project_id, date);
    values["invoice"] = invoice.number;
    values["invoice_amount"] = money_text(invoice.amount);
    values["balance"] = money_text(invoice.balance());
    values["due"] = invoice.due_on.in_words();
    values["author"] = author;
    std::string body = draw(overdue ? "email.overdue" : "email.disputed", values);
    body += "\n" + draw("email.close", values);
    add(invoice.project_id, "email",
        (overdue ? "Payment reminder " : "Dispute of ") + invoice.number + ", " + project.name,
        author, date, std::move(body));
}

void DocumentWriter::award_email(RowId bid_id) {
    const Bid& bid = row(data_.bids, bid_id);
    const Project& project = row(data_.projects, bid.project_id);
    const Vendor& vendor = row(data_.vendors, bid.vendor_id);
    const auto bidders = std::ranges::count_if(data_.bids, [&](const Bid& other) {
        return other.project_id == bid.project_id && other.trade == bid.trade;
    });
    PhraseValues values = values_of(bid.project_id, *bid.decided_on);
    values["vendor"] = vendor.name;
    values["vendor_contact"] = vendor.contact;
    values["trade"] = bid.trade;
    values["bid"] = money_text(bid.amount);
    values["offered"] = bid.submitted_on.in_words();
    values["bidders"] = bidders == 2 ? "Two" : "Three";
    values["author"] = project.manager;
    std::string body = draw("email.award", values);
    body += "\n" + draw("email.close", values);
    add(bid.project_id, "email",
        "Award of " + bid.trade + " to " + vendor.name + ", " + project.name, project.manager,
        *bid.decided_on, std::move(body));
}

void DocumentWriter::submittal(RowId bid_id) {
    const Bid& bid = row(data_.bids, bid_id);
    const Project& project = row(data_.projects, bid.project_id);
    const Vendor& vendor = row(data_.vendors, bid.vendor_id);
    const Date date = (*bid.decided_on + random_.range(14, 50)).working_day();
    if (date > std::max(project.last_work, project.awarded))
        return;
    PhraseValues values = values_of(bid.project_id, date);
    values["number"] = "S-" + std::to_string(100 + ++submittals_);
    values["vendor"] = vendor.name;
    values["trade"] = bid.trade;
    values["bid"] = money_text(bid.amount);
    std::string body = draw("submittal.open", values);
    body += "\n" + several("submittal." + bid.trade, 2, values);
    body += " " + several("submittal.detail", 3, values);
    body += "\n" + draw("submittal.review", values);
    add(bid.project_id, "submittal",
        "Submittal " + values["number"] + ", " + bid.trade + ", " + project.name, vendor.contact,
        date, std::move(body));
}

void DocumentWriter::inspection_papers(const Inspection& inspection) {
    const Project& project = row(data_.projects, inspection.project_id);
    const Date date = inspection.inspected_on;
    PhraseValues values = values_of(inspection.project_id, date);
    values["kind"] = inspection.kind;
    values["inspector"] = inspection.inspector;
    values["agency"] = inspection.agency;
    values["notes"] = inspection.notes;
    values["inspected"] = date.in_words();
    values["author"] = project.manager;
    std::string body = draw("report.open", values);
    body += "\nFinding: " + inspection.notes + "\n" +
            draw("report.result." + inspection.result, values);
    body += "\n" + findings_.draw_several(inspection.kind + ".detail", 2, values, random_);
    if (inspection.result != "pass")
        body += " " + findings_.draw(inspection.kind + ".action", values, random_);
    body += "\n" + draw("report.close", values);
    add(inspection.project_id, "inspection_report",
        "Inspection report, " + inspection.kind + ", " + project.name + ", " + date.iso(),
        inspection.inspector, date, std::move(body));
    if (inspection.result == "fail" && random_.chance(50)) {
        std::string email = draw("email.failed", values);
        email += "\n" + draw("email.close", values);
        add(inspection.project_id, "email",
            "Failed " + inspection.kind + " inspection, " + project.name, project.manager, date,
            std::move(email));
    }
}

void DocumentWriter::safety_notes(const CrewHours& week) {
    const Project& project = row(data_.projects, week.project_id);
    const Crew& crew = row(data_.crews, week.crew_id);
    const Date date = week.week_start + random_.range(0, 4);
    PhraseValues values = values_of(week.project_id, date);
    values["crew"] = crew.name;
    values["foreman"] = crew.foreman;
    values["size"] = std::to_string(crew.size);
    static constexpr std::pair<std::string_view, std::string_view> kNotes[] = {
        {"safety.talk", "Toolbox talk"},
        {"safety.near", "Near miss"},
        {"safety.walk", "Safety walk"}};
    const auto& [section, title] = kNotes[random_.range(0, 2)];
    std::string body = draw(section, values);
    add(week.project_id, "safety_note",
        std::string{title} + ", " + project.name + ", " + date.iso(), project.superintendent, date,
        std::move(body));
}

} // namespace mr::demo
