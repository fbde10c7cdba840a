-- +goose Up
ALTER TABLE email_outbox DROP CONSTRAINT email_outbox_kind_check;
ALTER TABLE email_outbox ADD CONSTRAINT email_outbox_kind_check CHECK (kind IN ('confirmation', 'refusal', 'cancellation'));

-- +goose Down
DELETE FROM email_outbox WHERE kind = 'cancellation';
ALTER TABLE email_outbox DROP CONSTRAINT email_outbox_kind_check;
ALTER TABLE email_outbox ADD CONSTRAINT email_outbox_kind_check CHECK (kind IN ('confirmation', 'refusal'));
