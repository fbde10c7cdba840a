-- +goose Up
ALTER TABLE tiers
    ADD COLUMN fee_amount       bigint NOT NULL DEFAULT 0 CHECK (fee_amount >= 0),
    ADD COLUMN tax_basis_points integer NOT NULL DEFAULT 0 CHECK (tax_basis_points BETWEEN 0 AND 10000),
    ADD COLUMN max_per_buyer    integer NOT NULL DEFAULT 0;

-- A JSON array of ticketing.PromoCode, null where the event has none. They are read and
-- written with their event only, and as a whole.
ALTER TABLE events ADD COLUMN promo_codes jsonb;

-- How amount, which stays the total, comes about. Null in orders from before.
ALTER TABLE orders
    ADD COLUMN subtotal bigint,
    ADD COLUMN discount bigint,
    ADD COLUMN fee      bigint,
    ADD COLUMN tax      bigint,
    ADD CONSTRAINT orders_price_not_negative CHECK (least(subtotal, discount, fee, tax) >= 0);

-- +goose Down
ALTER TABLE orders DROP COLUMN subtotal, DROP COLUMN discount, DROP COLUMN fee, DROP COLUMN tax;
ALTER TABLE events DROP COLUMN promo_codes;
ALTER TABLE tiers DROP COLUMN fee_amount, DROP COLUMN tax_basis_points, DROP COLUMN max_per_buyer;
