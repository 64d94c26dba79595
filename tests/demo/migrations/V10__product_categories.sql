CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL UNIQUE
);
INSERT INTO categories (id, title) VALUES (1, 'Everything else');
ALTER TABLE products ADD COLUMN category_id INTEGER REFERENCES categories (id);
UPDATE products SET category_id = 1;
CREATE INDEX products_category ON products (category_id);

-- rollback
DROP INDEX products_category;
ALTER TABLE products DROP COLUMN category_id;
DROP TABLE categories;
