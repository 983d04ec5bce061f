-- The demo company's database: Meridian Ridge Builders, a fictional general contractor.
--
-- Conventions, for every table:
--   money   INTEGER, whole US dollars (no cents): sums are exact and need no conversion
--   dates   TEXT, ISO 8601 'YYYY-MM-DD': they compare and sort as text, strftime('%Y', d) works
--   today   (SELECT value FROM meta WHERE key = 'today'): never the machine's clock
--   ids     INTEGER PRIMARY KEY; a *_id column refers to the id of the table it names
-- The comment after a table's opening bracket and after a column describes it to the query writer;
-- SQLite keeps these comments in sqlite_schema.sql, so a connection can read them back.

CREATE TABLE meta ( -- facts about the data set itself
    key   TEXT PRIMARY KEY, -- 'today', 'company', 'currency', 'stamp'
    value TEXT NOT NULL     -- 'today' is the date all relative times refer to
) WITHOUT ROWID;

CREATE TABLE crm_companies ( -- organisations in the CRM: clients of projects and prospects
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE, -- organisation name, as in projects.client
    industry TEXT NOT NULL,        -- 'education', 'healthcare', 'real estate', 'public sector', 'hospitality', 'technology', 'logistics', 'life sciences', 'retail', 'energy'
    city     TEXT NOT NULL,
    state    TEXT NOT NULL,        -- two-letter code
    phase    TEXT NOT NULL CHECK (phase IN ('client', 'prospect', 'former client')), -- relationship with us
    owner    TEXT NOT NULL,        -- our account manager
    website  TEXT NOT NULL,
    since    TEXT NOT NULL         -- date of the first contact
);

CREATE TABLE crm_contacts ( -- people at the CRM organisations
    id                INTEGER PRIMARY KEY,
    company_id        INTEGER NOT NULL REFERENCES crm_companies (id),
    name              TEXT NOT NULL, -- first and last name
    title             TEXT NOT NULL, -- job title, for example 'Director of Facilities'
    email             TEXT NOT NULL UNIQUE,
    phone             TEXT NOT NULL,
    last_contacted_on TEXT NOT NULL  -- date of the last call, mail or meeting
);

CREATE TABLE projects ( -- one row per construction project
    id                INTEGER PRIMARY KEY,
    code              TEXT NOT NULL UNIQUE, -- 'MR-YY-NNN', YY is the year of the award
    name              TEXT NOT NULL UNIQUE, -- for example 'Harbor Point'
    client_id         INTEGER NOT NULL REFERENCES crm_companies (id),
    client            TEXT NOT NULL, -- name of the client, equals crm_companies.name
    city              TEXT NOT NULL,
    state             TEXT NOT NULL, -- two-letter code
    type              TEXT NOT NULL, -- 'school', 'healthcare', 'office', 'residential', 'industrial', 'retail', 'infrastructure', 'civic', 'hotel', 'laboratory'
    status            TEXT NOT NULL CHECK (status IN ('planning', 'active', 'completed', 'on_hold', 'cancelled')),
    start_date        TEXT NOT NULL, -- first day on site, planned if in the future
    end_date          TEXT NOT NULL, -- completion: actual for completed and cancelled projects, otherwise planned
    original_contract INTEGER NOT NULL CHECK (original_contract > 0), -- contract sum as signed
    contract_value    INTEGER NOT NULL, -- current contract sum: original_contract + approved change orders
    budget            INTEGER NOT NULL, -- our internal cost budget for the project
    percent_complete  INTEGER NOT NULL CHECK (percent_complete BETWEEN 0 AND 100),
    square_feet       INTEGER NOT NULL, -- gross floor or work area
    manager           TEXT NOT NULL, -- our project manager
    superintendent    TEXT NOT NULL, -- our site superintendent
    description       TEXT NOT NULL, -- one sentence on the scope
    CHECK (start_date < end_date)
);

CREATE TABLE project_aliases ( -- other names by which people call a project
    project_id INTEGER NOT NULL REFERENCES projects (id),
    alias      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('name', 'code', 'short', 'nickname', 'client', 'place')),
    PRIMARY KEY (project_id, alias)
) WITHOUT ROWID;

CREATE TABLE vendors ( -- subcontractors and suppliers
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    trade         TEXT NOT NULL, -- 'concrete', 'structural steel', 'electrical', 'plumbing', 'hvac', 'roofing', 'waterproofing', 'glazing', 'drywall', 'sitework', 'elevator', 'fire protection', 'masonry', 'flooring', 'demolition', 'painting'
    city          TEXT NOT NULL,
    state         TEXT NOT NULL, -- two-letter code
    contact       TEXT NOT NULL, -- contact person
    email         TEXT NOT NULL,
    rating        REAL NOT NULL CHECK (rating BETWEEN 1 AND 5), -- our rating, steps of 0.5, 5 is best
    insured_until TEXT NOT NULL  -- end date of the insurance certificate on file
);

CREATE TABLE bids ( -- offers of vendors for a trade package of a project
    id           INTEGER PRIMARY KEY,
    project_id   INTEGER NOT NULL REFERENCES projects (id),
    vendor_id    INTEGER NOT NULL REFERENCES vendors (id),
    trade        TEXT NOT NULL, -- the package bid for, same values as vendors.trade
    amount       INTEGER NOT NULL CHECK (amount > 0), -- price offered
    submitted_on TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('pending', 'awarded', 'rejected', 'withdrawn')), -- at most one bid per project and trade is 'awarded'
    decided_on   TEXT, -- date of the award or rejection, NULL if pending or withdrawn
    UNIQUE (project_id, vendor_id, trade)
);

CREATE TABLE invoices ( -- our invoices (progress billings) to the client of a project: what we have invoiced
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES projects (id),
    number      TEXT NOT NULL UNIQUE, -- 'INV-<project code>-NN'
    description TEXT NOT NULL, -- what the invoice covers
    issued_on   TEXT NOT NULL, -- within the project's dates
    due_on      TEXT NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0), -- amount invoiced; void invoices do not count as invoiced
    status      TEXT NOT NULL CHECK (status IN ('paid', 'open', 'overdue', 'disputed', 'void')), -- 'open': unpaid and not yet due, 'overdue': unpaid after due_on
    paid_on     TEXT, -- date of full payment, NULL unless paid
    paid_amount INTEGER NOT NULL DEFAULT 0, -- received so far, may be partial
    balance     INTEGER NOT NULL, -- still to be received: amount - paid_amount, 0 for void
    CHECK (paid_amount BETWEEN 0 AND amount),
    CHECK (balance = CASE status WHEN 'void' THEN 0 ELSE amount - paid_amount END)
);

CREATE TABLE vendor_invoices ( -- invoices of vendors (subcontractors, suppliers) to us: what we owe and our cost
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES projects (id),
    vendor_id   INTEGER NOT NULL REFERENCES vendors (id),
    bid_id      INTEGER NOT NULL REFERENCES bids (id), -- the awarded bid it is charged against
    number      TEXT NOT NULL UNIQUE, -- the vendor's invoice number
    issued_on   TEXT NOT NULL, -- within the project's dates
    due_on      TEXT NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0), -- amount charged by the vendor
    status      TEXT NOT NULL CHECK (status IN ('paid', 'open', 'overdue', 'disputed', 'void')),
    paid_on     TEXT, -- date of full payment, NULL unless paid
    paid_amount INTEGER NOT NULL DEFAULT 0, -- paid by us so far
    balance     INTEGER NOT NULL, -- still owed by us: amount - paid_amount, 0 for void
    CHECK (paid_amount BETWEEN 0 AND amount),
    CHECK (balance = CASE status WHEN 'void' THEN 0 ELSE amount - paid_amount END)
);

CREATE TABLE change_orders ( -- changes to a project's contract with the client
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    number     TEXT NOT NULL, -- 'CO-01', counted per project
    title      TEXT NOT NULL, -- what changes
    reason     TEXT NOT NULL CHECK (reason IN ('owner request', 'design error', 'unforeseen condition', 'code requirement', 'weather', 'value engineering')),
    amount     INTEGER NOT NULL, -- effect on the contract sum, negative for a credit
    days       INTEGER NOT NULL, -- days of time extension
    status     TEXT NOT NULL CHECK (status IN ('proposed', 'approved', 'rejected')), -- 'proposed': pending, awaiting a decision
    raised_on  TEXT NOT NULL,
    decided_on TEXT, -- NULL while proposed
    UNIQUE (project_id, number)
);

CREATE TABLE crews ( -- our own field crews
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE, -- for example 'Concrete Crew A'
    trade       TEXT NOT NULL, -- 'concrete', 'carpentry', 'steel', 'sitework', 'finishes', 'general'
    foreman     TEXT NOT NULL,
    size        INTEGER NOT NULL, -- number of people
    hourly_rate INTEGER NOT NULL  -- cost of one regular hour of one person; overtime costs 1.5 times
);

CREATE TABLE crew_hours ( -- hours worked by a crew on a project in one week
    id             INTEGER PRIMARY KEY,
    crew_id        INTEGER NOT NULL REFERENCES crews (id),
    project_id     INTEGER NOT NULL REFERENCES projects (id),
    week_start     TEXT NOT NULL, -- Monday of the week
    regular_hours  INTEGER NOT NULL, -- person-hours without overtime
    overtime_hours INTEGER NOT NULL, -- person-hours of overtime
    UNIQUE (crew_id, week_start)
);

CREATE TABLE inspections ( -- inspections by authorities and third parties
    id           INTEGER PRIMARY KEY,
    project_id   INTEGER NOT NULL REFERENCES projects (id),
    inspected_on TEXT NOT NULL,
    kind         TEXT NOT NULL, -- 'crane', 'waterproofing', 'structural steel', 'concrete', 'electrical', 'fire alarm', 'plumbing', 'roofing', 'asbestos', 'elevator', 'scaffold', 'erosion control', 'facade', 'final'
    inspector    TEXT NOT NULL, -- name of the inspector
    agency       TEXT NOT NULL, -- authority or laboratory
    result       TEXT NOT NULL CHECK (result IN ('pass', 'fail', 'conditional')),
    notes        TEXT NOT NULL  -- the finding in a sentence
);

CREATE TABLE documents ( -- text documents of the projects; full-text search through documents_fts
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    kind       TEXT NOT NULL CHECK (kind IN ('contract', 'inspection_report', 'email', 'safety_note', 'meeting_minutes', 'permit', 'submittal')),
    title      TEXT NOT NULL UNIQUE,
    author     TEXT NOT NULL,
    date       TEXT NOT NULL,
    body       TEXT NOT NULL,
    url        TEXT NOT NULL UNIQUE
);

CREATE TABLE crm_deals ( -- sales opportunities, open and closed; won deals become projects
    id         INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES crm_companies (id),
    contact_id INTEGER NOT NULL REFERENCES crm_contacts (id), -- a contact of the same company
    project_id INTEGER REFERENCES projects (id), -- the project of a won deal, otherwise NULL
    name       TEXT NOT NULL UNIQUE,
    stage      TEXT NOT NULL CHECK (stage IN ('lead', 'qualified', 'proposal', 'negotiation', 'won', 'lost')), -- 'won' and 'lost' are closed, the others open
    amount     INTEGER NOT NULL CHECK (amount > 0), -- expected or signed contract sum
    probability INTEGER NOT NULL CHECK (probability BETWEEN 0 AND 100), -- percent, 100 when won, 0 when lost
    owner      TEXT NOT NULL, -- our account manager
    created_on TEXT NOT NULL,
    close_date TEXT NOT NULL, -- closed on if won or lost, otherwise expected; open deals close after today
    note       TEXT NOT NULL  -- last note in the CRM
);

CREATE INDEX invoices_project ON invoices (project_id, issued_on);
CREATE INDEX vendor_invoices_project ON vendor_invoices (project_id, issued_on);
CREATE INDEX vendor_invoices_vendor ON vendor_invoices (vendor_id);
CREATE INDEX change_orders_project ON change_orders (project_id);
CREATE INDEX bids_vendor ON bids (vendor_id);
CREATE INDEX crew_hours_project ON crew_hours (project_id, week_start);
CREATE INDEX inspections_project ON inspections (project_id, inspected_on);
CREATE INDEX documents_project ON documents (project_id, kind);
CREATE INDEX crm_contacts_company ON crm_contacts (company_id);
CREATE INDEX crm_deals_company ON crm_deals (company_id);

-- bm25(documents_fts, 4.0, 1.0) weighs the title; snippet() and highlight() work on both columns.
CREATE VIRTUAL TABLE documents_fts USING fts5 (
    title, body, content = 'documents', content_rowid = 'id', tokenize = 'porter unicode61'
);

CREATE VIEW v_project_lookup AS -- one row per alias of a project: finds the project meant by a name
SELECT p.id AS project_id, p.name, p.code, p.client, p.city, p.state, p.type, p.status,
       p.start_date, p.end_date, a.alias, a.kind AS alias_kind
FROM projects AS p JOIN project_aliases AS a ON a.project_id = p.id;

CREATE VIEW v_project_financials AS -- one row per project: the money at a glance, void invoices excluded
SELECT p.id AS project_id, p.name, p.status, p.original_contract, p.contract_value, p.budget,
       (SELECT coalesce(sum(amount), 0) FROM change_orders
         WHERE project_id = p.id AND status = 'approved') AS approved_changes,
       (SELECT coalesce(sum(amount), 0) FROM change_orders
         WHERE project_id = p.id AND status = 'proposed') AS pending_changes,
       (SELECT coalesce(sum(amount), 0) FROM invoices
         WHERE project_id = p.id AND status <> 'void') AS invoiced,
       (SELECT coalesce(sum(paid_amount), 0) FROM invoices
         WHERE project_id = p.id AND status <> 'void') AS received,
       (SELECT coalesce(sum(balance), 0) FROM invoices WHERE project_id = p.id) AS outstanding,
       (SELECT coalesce(sum(balance), 0) FROM invoices
         WHERE project_id = p.id AND status = 'overdue') AS overdue,
       (SELECT coalesce(sum(amount), 0) FROM vendor_invoices
         WHERE project_id = p.id AND status <> 'void') AS vendor_cost,
       (SELECT coalesce(sum(balance), 0) FROM vendor_invoices
         WHERE project_id = p.id) AS owed_to_vendors
FROM projects AS p;
