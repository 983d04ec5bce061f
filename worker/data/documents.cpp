// Documents every project has, the hand-written letters, and the writer's common parts.
#include "worker/data/documents.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace mr::demo {
namespace {

constexpr std::string_view kArchive = "https://documents.meridian-ridge.example/";

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\n'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n'))
        text.remove_suffix(1);
    return text;
}

// Lower case, everything but letters and digits becomes one dash.
std::string slug(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0)
            result.push_back(static_cast<char>(std::tolower(byte)));
        else if (!result.empty() && result.back() != '-')
            result.push_back('-');
    }
    while (!result.empty() && result.back() == '-')
        result.pop_back();
    return result;
}

} // namespace

DocumentWriter::DocumentWriter(DemoData& data)
    : data_(data), random_("documents"), phrases_("phrases.txt"), findings_("findings.txt") {}

PhraseValues DocumentWriter::values_of(RowId project_id, Date date) const {
    const Project& project = row(data_.projects, project_id);
    const Contact& contact = row(data_.contacts, project.contact_id);
    return {{"project", project.name},
            {"code", project.code},
            {"client", project.client},
            {"city", project.city},
            {"state", project.state},
            {"description", project.description},
            {"area", money_text(project.square_feet).substr(1)},
            {"amount", money_text(project.original_contract)},
            {"start", project.start.in_words()},
            {"end", project.planned_end.in_words()},
            {"manager", project.manager},
            {"superintendent", project.superintendent},
            {"contact", contact.name},
            {"contact_title", contact.title},
            {"date", date.in_words()},
            {"terms", "30"}};
}

std::string DocumentWriter::draw(std::string_view section, const PhraseValues& values) {
    return phrases_.draw(section, values, random_);
}

std::string DocumentWriter::several(std::string_view section, std::size_t count,
                                    const PhraseValues& values) {
    return phrases_.draw_several(section, count, values, random_);
}

void DocumentWriter::add(RowId project_id, std::string_view kind, std::string title,
                         std::string author, Date date, std::string body) {
    std::string unique = title;
    for (int i = 2; !titles_.insert(unique).second; ++i)
        unique = title + " (" + std::to_string(i) + ")";
    Document document;
    document.project_id = project_id;
    document.kind = kind;
    document.url = std::string{kArchive} + slug(row(data_.projects, project_id).code) + "/" +
                   slug(kind) + "/" + slug(unique);
    document.title = std::move(unique);
    document.author = std::move(author);
    document.date = date;
    document.body = std::move(body);
    data_.documents.push_back(std::move(document));
}

void DocumentWriter::letters() {
    std::string_view text = embedded_text("letters.txt");
    std::size_t mark = text.find("\n@ ");
    while (mark != std::string_view::npos) {
        text.remove_prefix(mark + 3);
        mark = text.find("\n@ ");
        const std::string_view letter = text.substr(0, mark);
        const std::size_t line_end = letter.find('\n');
        const auto head = split(letter.substr(0, line_end), '|');
        if (head.size() != 5)
            throw std::logic_error("letters.txt: " + std::string{letter.substr(0, line_end)});
        const RowId project_id = project_named(data_, trimmed(head[0]));
        const Date date = Date::parse(trimmed(head[2]));
        const std::string_view body = trimmed(letter.substr(line_end));
        add(project_id, trimmed(head[1]), std::string{trimmed(head[4])},
            std::string{trimmed(head[3])}, date,
            phrases_.expand(body, values_of(project_id, date), random_));
    }
}

void DocumentWriter::contract(RowId project_id) {
    const Project& project = row(data_.projects, project_id);
    const PhraseValues values = values_of(project_id, project.awarded);
    std::string body = draw("contract.open", values);
    body += "\n" + draw("contract.scope", values);
    body += "\n" + draw("contract.money", values);
    body += " " + draw("contract.time", values);
    body += "\n" + draw("contract.damages", values);
    body += " " + draw("contract.payment", values);
    body += " " + draw("contract.warranty", values);
    body += "\n" + several("contract.clause", 4, values);
    body += "\n" + draw("contract.close", values);
    add(project_id, "contract", "Construction contract, " + project.name, project.manager,
        project.awarded, std::move(body));
}

void DocumentWriter::permit(RowId project_id) {
    const Project& project = row(data_.projects, project_id);
    const Date issued = std::min((project.awarded + 25).working_day(), project.start);
    PhraseValues values = values_of(project_id, issued);
    values["permit"] = "BP-" + std::to_string(issued.year()) + "-" +
                       std::to_string(random_.range(1000, 9899) / 100 * 100 + project_id);
    std::string body = draw("permit.open", values);
    const bool delayed = random_.chance(35);
    body += "\n" + draw(delayed ? "permit.delay" : "permit.prompt", values);
    body += "\nConditions: " + several("permit.condition", 4, values);
    add(project_id, "permit", "Building permit " + values["permit"] + ", " + project.name,
        "Building department of " + project.city, issued, std::move(body));
}

void DocumentWriter::minutes(RowId project_id) {
    const Project& project = row(data_.projects, project_id);
    const std::int64_t days = project.last_work - project.start;
    const std::int64_t spacing = std::max<std::int64_t>(days / 3, 100);
    int number = 0;
    for (Date day = project.start + spacing / 2; day < project.last_work; day = day + spacing) {
        number += static_cast<int>(random_.range(3, 9));
        meeting(project_id, number, day.working_day());
    }
}

// What a meeting can know on its day: the newest change order, invoice and inspection before it.
void DocumentWriter::meeting(RowId project_id, int number, Date day) {
    const Project& project = row(data_.projects, project_id);
    PhraseValues values = values_of(project_id, day);
    values["number"] = std::to_string(number);
    values["percent"] = std::to_string(work_done_ppm(project, day) / 10'000);
    std::string body = draw("minutes.open", values);
    body += "\n" + draw("minutes.progress", values);
    const ChangeOrder* order = nullptr;
    for (const ChangeOrder& candidate : data_.change_orders) {
        if (candidate.project_id == project_id && candidate.raised_on <= day)
            order = &candidate;
    }
    if (order != nullptr) {
        const bool decided = order->decided_on && *order->decided_on <= day;
        body += "\nChange orders: " + order->number + " \"" + order->title + "\" over " +
                money_text(order->amount) + " " +
                (decided ? "was " + order->status + " on " + order->decided_on->in_words()
                         : std::string{"awaits a decision"}) +
                ".";
    }
    const Invoice* invoice = nullptr;
    for (const Invoice& candidate : data_.invoices) {
        if (candidate.project_id == project_id && candidate.issued_on <= day &&
            candidate.status != "void")
            invoice = &candidate;
    }
    if (invoice != nullptr)
        body += " Billing: invoice " + invoice->number + " over " + money_text(invoice->amount) +
                " was issued on " + invoice->issued_on.in_words() + ".";
    const Inspection* inspection = nullptr;
    for (const Inspection& candidate : data_.inspections) {
        if (candidate.project_id == project_id && candidate.inspected_on <= day)
            inspection = &candidate;
    }
    if (inspection != nullptr)
        body += "\nInspections: " + inspection->kind + " on " +
                inspection->inspected_on.in_words() + " by " + inspection->inspector + ", result " +
                inspection->result + ".";
    body += "\n" + several("minutes.item", 3, values) + "\n" + draw("minutes.close", values);
    add(project_id, "meeting_minutes",
        "Site meeting " + std::to_string(number) + ", " + project.name, project.superintendent, day,
        std::move(body));
}

} // namespace mr::demo
