CREATE INDEX orders_open ON orders (placed_at) WHERE state = 'open';
CREATE INDEX invoices_issued ON invoices (issued_at);

-- rollback
DROP INDEX invoices_issued;
DROP INDEX orders_open;
