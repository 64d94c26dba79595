CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'sent', 'cancelled')),
    placed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX orders_customer ON orders (customer_id, placed_at);

-- rollback
DROP INDEX orders_customer;
DROP TABLE orders;
