CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    product_id INTEGER NOT NULL REFERENCES products (id),
    pieces INTEGER NOT NULL CHECK (pieces > 0),
    price_cents INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
) WITHOUT ROWID;
CREATE INDEX order_lines_product ON order_lines (product_id);

-- rollback
DROP INDEX order_lines_product;
DROP TABLE order_lines;
