CREATE TABLE reviews (
    product_id INTEGER NOT NULL REFERENCES products (id),
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
    words TEXT,
    PRIMARY KEY (product_id, customer_id)
) WITHOUT ROWID;

-- rollback
DROP TABLE reviews;
