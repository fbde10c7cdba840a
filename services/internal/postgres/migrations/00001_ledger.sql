-- +goose Up
CREATE TABLE events (
    id          text PRIMARY KEY,
    position    integer NOT NULL,
    name        text NOT NULL,
    venue       text NOT NULL,
    starts_at   timestamptz NOT NULL,
    sales_open  timestamptz,
    sales_close timestamptz
);

-- A tier's row is what every commit for the tier locks: its CHECK is the last guard
-- against selling a seat twice, whatever the arbiter said.
CREATE TABLE tiers (
    event_id      text NOT NULL REFERENCES events (id),
    id            text NOT NULL,
    position      integer NOT NULL,
    name          text NOT NULL,
    price_amount  bigint NOT NULL CHECK (price_amount >= 0),
    currency      text NOT NULL,
    capacity      integer NOT NULL,
    sold          integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    max_per_order integer NOT NULL DEFAULT 0,
    PRIMARY KEY (event_id, id),
    CONSTRAINT tiers_sold_within_capacity CHECK (sold <= capacity)
);

-- order_id is the inbox: a message that comes again finds its row. Rows are therefore
-- never deleted. There is no foreign key from here down: each would be checked for every
-- row, which nearly halves what the consumer commits in a second, and the one transaction that writes
-- these tables has locked the tier and inserted the order itself. amount and currency may be null in rows that were brought in from elsewhere;
-- reports count those apart.
CREATE TABLE orders (
    order_id     uuid PRIMARY KEY,
    status       text NOT NULL CHECK (status IN ('CONFIRMED', 'REFUSED', 'CANCELLED')),
    event_id     text NOT NULL,
    tier_id      text NOT NULL,
    quantity     integer NOT NULL CHECK (quantity > 0),
    amount       bigint CHECK (amount >= 0),
    currency     text,
    email        text NOT NULL,
    name         text NOT NULL,
    locale       text NOT NULL,
    promo_code   text NOT NULL,
    node         text NOT NULL,
    placed_at    timestamptz NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
);

-- One row a seat. A ticket's code follows from its order and seat number.
CREATE TABLE tickets (
    order_id uuid NOT NULL,
    seat     smallint NOT NULL CHECK (seat > 0),
    PRIMARY KEY (order_id, seat)
);

CREATE TABLE email_outbox (
    order_id   uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('confirmation', 'refusal')),
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    -- due_at is when somebody may try: now, after a lease, or after a pause.
    due_at     timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    failed_at  timestamptz,
    last_error text,
    PRIMARY KEY (order_id, kind)
);

CREATE INDEX email_outbox_due ON email_outbox (due_at) WHERE sent_at IS NULL AND failed_at IS NULL;

-- +goose Down
DROP TABLE email_outbox, tickets, orders, tiers, events;
