CREATE TABLE stock (
    product_id INTEGER PRIMARY KEY REFERENCES products (id),
    pieces INTEGER NOT NULL DEFAULT 0 CHECK (pieces >= 0)
);
-- every product has its row from the first moment
INSERT INTO stock (product_id)
SELECT id FROM products;

-- rollback
DROP TABLE stock;
