-- +goose Up
-- The lives of the arbiter's data. One is open at most; one that has ended never opens again.
CREATE TABLE epochs (
    epoch     text PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT now(),
    ended_at  timestamptz
);

CREATE UNIQUE INDEX epochs_one_open ON epochs ((true)) WHERE ended_at IS NULL;

-- +goose Down
DROP TABLE epochs;
