CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    street TEXT NOT NULL,
    postcode TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL DEFAULT 'DE'
);
CREATE INDEX addresses_customer ON addresses (customer_id);
ALTER TABLE orders ADD COLUMN address_id INTEGER REFERENCES addresses (id);

-- rollback
ALTER TABLE orders DROP COLUMN address_id;
DROP INDEX addresses_customer;
DROP TABLE addresses;
