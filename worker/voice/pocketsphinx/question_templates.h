// Wordings of the questions that can be asked of the company's data, as they are spoken: (a|b|) are
// alternatives, {list} a name of SpeechNames or of the lists below. Data only; the tests' spoken
// questions (tests/voice/questions.txt) are written apart from it.
#pragma once

#include <string_view>

namespace mr::voice {

struct SpokenList {
    std::string_view name;
    std::string_view choices;
};

// clang-format off
inline constexpr SpokenList kSpokenLists[] = {
    {"year", "(twenty nineteen|twenty twenty|twenty twenty one|twenty twenty two|twenty twenty three|twenty twenty four|twenty twenty five|twenty twenty six|two thousand twenty four|two thousand twenty five|two thousand twenty six)"},
    {"month", "(january|february|march|april|may|june|july|august|september|october|november|december)"},
    {"when", "(this year|last year|this month|last month|this quarter|last quarter|so far|to date|this week|last week|today|since last year|in the last six months|over the last six months|in the last three months)"},
    {"count", "(two|three|four|five|six|seven|eight|nine|ten)"},
    {"quarter", "(q one|q two|q three|q four|the first quarter|the second quarter|the third quarter|the fourth quarter)"},
    {"type", "(school|hospital|hotel|office|residential|retail|laboratory|industrial|healthcare|warehouse|apartment)"},
    {"inspection", "(crane|scaffold|electrical|fire|plumbing|structural|final|safety|roofing|foundation|elevator|framing)"},
    {"status", "(active|completed|planned|cancelled|paused|current|ongoing)"},
};

inline constexpr std::string_view kSpokenQuestions[] = {
    // Money of a project.
    "how much (have we|did we) (invoiced|invoice|billed|bill) (on|for) (the|) {project} (project|)",
    "how much (have we|did we) (invoiced|invoice|billed|bill) (on|for) {project} (in {year}|{when}|in {quarter}|since {month})",
    "how much have we (invoiced|billed) on the {project} project and what is still open",
    "what (is|was) the total (billed|invoiced|amount invoiced|invoiced amount) (for|on) {project} (to date|)",
    "what (is|) (still|) (open|unpaid|outstanding|overdue|disputed) (on|for|at) (the|) {project}",
    "what is the outstanding (balance|amount) (for|on|of) {project}",
    "how much does the client (still|) owe us (for|on) (the|) {project}",
    "how much is (left|still left|remaining) to (invoice|bill) on {project}",
    "how much (has|have) (the client|clients|{company}) paid (us|) (for {project}|{when}|in {year}|)",
    "what (is|was) the (budget|contract value|original contract|contract sum|margin|profit|square footage|contract amount|floor area) (of|for|on) (the|) {project} (project|)",
    "what is the budget of {project} and how much of it (is used|is left|has been spent)",
    "how much of the budget (is used|is left|has been spent|have we spent) (on|at|for) {project}",
    "is {project} (over budget|on budget|late|on hold|on schedule|finished|behind schedule)",
    "how big is (the|) {project}",
    "what did (our crews|the crews|{trade}|{company}) cost (us|) (on|at) {project}",
    "how many (crew hours|overtime hours|hours|invoices|open invoices|change orders|failed inspections|inspections|bids|overdue invoices|people) (did we|do we|have we) (work|have|had|get) (on|at|for|with) {project}",
    "how many open invoices do we have (with|for|at|on) (the|) ({company}|{project}|general contractor)",
    // Who, when, where.
    "who (manages|runs|leads|is running|is managing|is in charge of|is responsible for|owns) (the|) {project} (project|)",
    "(who is|whos) the (project manager|manager|superintendent|client|contact|inspector) (on|of|for|at) (the|) {project}",
    "(when will|when did|when does|when is) (the|) {project} (be finished|start|finish|end|complete|finished|due|starting)",
    "when did {project} start and who was the superintendent",
    "where is (the|) {project}",
    "how far along is (the|) {project}",
    "(tell me about|what about|and at|and on|and for|show me|describe|what is the status of|give me an overview of|what do we know about|and) (the|) {project} (project|)",
    "who is (our|the) contact (at|for) {company}",
    "what is the phone number of {person}",
    "who is {person}",
    "which projects does {person} (manage|run|lead|supervise)",
    "how many projects does {person} (manage|run|have)",
    // Comparisons.
    "compare {project} (and|with) {project} (by|on|) (amount invoiced|budget|contract value|margin|)",
    "compare the (contract value|budget|cost|margin|amount invoiced) of {project} and {project}",
    "which (is|was) (larger|bigger|more expensive) {project} or {project}",
    "how does the amount invoiced (this year|this quarter|this month) compare (to|with) (last year|last quarter|last month)",
    "(and|) compared (to|with) (last year|last quarter|last month|{year})",
    "(and|) (in|for|since) {year}",
    "how much overtime did we have in {year} (compared with {year}|)",
    // Rankings.
    "(what|which) (are the|are our|) (top|largest|biggest|) {count} (projects|clients|vendors|change orders|contracts) (by contract value|by cost|by margin|by budget|by amount invoiced|in {year}|)",
    "show me the top {count} {status} projects by (contract value|budget|margin)",
    "which {count} projects have the (largest|highest|smallest|lowest) (contract value|budget|margin)",
    "which (project|client|manager|vendor|crew|inspector|subcontractor) (has|had|is|was|did|failed|worked) the (most|largest|least|highest|most expensive) (overdue|contract value|inspections|hours|overtime|failed inspections|change orders|budget|open invoices|)",
    "which (client|clients|customers|customer) (owes|owe) us the most (money|)",
    "which (vendors|vendor|subcontractors|subcontractor) (cost|costs|charged|charge) us the most (last year|this year|in {year}|)",
    "which subcontractor do we owe the most (money|)",
    "who are our (top|biggest|largest) {count} (clients|vendors|customers) (by contract value|by cost|)",
    "what is the (largest|smallest|most expensive) (approved|rejected|pending|) (change order|invoice|bid|contract|project) (on {project}|this year|last year|)",
    // Lists and counts.
    "(which|what) (active|completed|) projects are (over budget|on hold|late|active|in {place}|planned|overdue|behind schedule)",
    "(list|show me|show|what are) (all|) (the|our|) (overdue|open|disputed|unpaid|paid) invoices (for {project}|of {company}|{when}|)",
    "which invoices are (overdue|open|disputed|unpaid|past due)",
    "(list|show me) (all|) projects in {place}",
    "which (of our|) projects are in {place} (or {place}|)",
    "how many {status} projects do we have (in {place}|)",
    "how many (schools|hospitals|hotels|projects) (have we|did we) (built|build|completed|complete|finish) (in {year}|last year|)",
    "which {type} projects did we (complete|finish|build)",
    "which {status} projects (finish|start|end) (this year|next year|in {year}|this month)",
    "which projects have more than {count} (failed inspections|change orders|open invoices)",
    "how many (failed inspections|inspections|change orders|invoices|deals|bids) (were there|did we have|did we lose|did we win|were approved|failed|were rejected) ({when}|in {year}|at {project}|on {project}|)",
    "what are the (pending|approved|rejected|open) change orders (on|for|at) {project}",
    "how many change orders were (approved|rejected) (on|at|for) {project} and how much are they worth",
    "how many change orders does (it|{project}) have",
    "list the (three|five|ten|) (largest|) (approved|rejected|pending) change orders",
    // Vendors and trades.
    "what did {company} charge us ({when}|in {year}|)",
    "how much (have we paid|did we pay|do we owe|have we spent|did we spend) (to|with|at|) {company}",
    "how much do we owe (the|) (vendors|subcontractors|{company})",
    "how much (did we|have we) (spend|spent) on {trade} ({when}|in {year}|at {project}|)",
    "(and|) on {trade}",
    "what (is|was) the average (bid|contract value|cost) (for|by) ({trade}|type|city)",
    "which bids did we get for {trade} (at|on) {project}",
    "who won the {trade} bid (at|on|for) {project}",
    "who does the {trade} (at|on|for) {project}",
    "which vendors have an expired insurance certificate",
    "vendors with a rating (below|above|under) {count}",
    "how much has {company} been (invoiced|billed|paid)",
    "do we have any open invoices with {company}",
    "how many open invoices do we have",
    // Inspections, documents.
    "what is the pass rate of inspections at {project}",
    "(list|show me|show) the {inspection} inspections (at|on|for) {project}",
    "(which|how many) (inspections|{inspection} inspections) failed (at|on) {project}",
    "which inspections failed at the {type} projects",
    "(when is|when was) the (next|last) inspection at {project}",
    "what happened with the (waterproofing membrane|crane|concrete|roof|permit|elevator) at {project}",
    "what does the contract (for|of) {project} say about (retainage|delays|payment|insurance|damages|warranty)",
    "were there any (asbestos findings|near misses|accidents|safety findings|permit delays) at {project}",
    "why is {project} (on hold|late|delayed|over budget|cancelled)",
    "is there a permit delay at {project}",
    "find the (safety notes|emails|letters|minutes|documents) about (near misses|the crane|asbestos|the permit|the delay) at {project}",
    "(emails|letters|documents) about the (crane|permit|delay|roof) at {project}",
    "what did the last site meeting at {project} discuss",
    // Totals, charts.
    "what is the total contract value of {status} projects (by city|by type|by manager|)",
    "(show|show me|draw|plot) (a|the|) (pie chart|line chart|bar chart|chart) of (projects by status|projects by type|invoices by month|vendor cost by trade|change orders by reason)",
    "(chart|plot|show|show me) the (vendor cost|amount invoiced|invoiced amount|overdue amount|margin) (per year|by month|by trade|by quarter|by city|per quarter|by client)",
    "show invoices (per|by) (quarter|month|year) in {year} (as a chart|)",
    "how much did we (invoice|bill|spend|pay) (last year|this year|in {year}|in {month}|in {quarter}) (by month|by quarter|)",
    "how much was invoiced (between {month} and {month}|in {month}|in {quarter}) {year}",
    "how many invoices did we send to clients in {month} {year}",
    "total (overdue|invoiced|outstanding|contract value) across all projects",
    "what (share|percentage) of invoices is overdue",
    "what is our (open pipeline|backlog|pipeline|margin|revenue|total budget) (worth|this year|)",
    "show me the open deals over {count} million (dollars|)",
    "(projects with a|show me projects with a) (contract value|budget) over {count} million (dollars|)",
    "average days to pay by client",
    "what is the average contract value by (type|city|manager|client)",
    "how many people work in our crews",
    "which crew worked the most hours in {year}",
    // Talk.
    "(hello|hi|thank you|thanks|yes|no|stop|cancel|help|please stop|good morning)",
    "what can you do",
    "(list|show me) (them|those|all of them)",
    "which ones",
    "which of those are (overdue|open|late|active|disputed)",
    "only the (overdue|approved|disputed|open|active) ones",
    "(and|) (by city|by month|by type|by client|by manager|by quarter|as a chart|as a pie chart|as a table)",
    "and (what is still open|what is overdue|how much of it is overdue|who is the superintendent|who manages it|when does it finish)",
    "(what is|whats) (the|) date today",
};
// clang-format on

} // namespace mr::voice
